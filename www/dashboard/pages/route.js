// One route: its chain and policy to edit, its versions, the split between two of them, their comparison, and dry runs.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { comparison } from '../route/comparison.js';
import { dryRun } from '../route/dry-run.js';
import { editor } from '../route/editor.js';
import { changes, mayChange, pathOf } from '../route/request.js';
import { split } from '../route/split.js';
import { diff, versions } from '../route/versions.js';
import { address } from '../state.js';

export const parent = 'routes';
export const live = false;
export const title = ({ name }) => (name ? `Route ${name}` : 'New route');

/** What a new route begins with. */
const EMPTY = { route: { models: [] } };

export async function load({ filters: { name } }) {
  if (!name) return { route: EMPTY, versions: [] };
  const route = await get(pathOf(name));
  return { route, versions: route.source === 'stored' ? (await get(`${pathOf(name)}/versions`)).data : [] };
}

export function view({ route, versions: known }, { filters, reload }) {
  const isStored = route.source === 'stored';
  const context = { route, versions: known, filters, reload, change: changes(route, reload) };
  const back = element('p', {}, element('a', { href: address('routes', { ...filters, name: undefined }) }, 'All routes'));
  const reason = route.source === 'configuration'
    ? 'This route is in the configuration, which only a deployment changes. You can try it here.'
    : !mayChange() && 'Your admin token may not change routes: it needs the scope routes.';
  return element('div', {}, back,
    reason && element('p', { class: 'hint' }, reason),
    route.problem && element('p', { class: 'notice' }, route.problem),
    context.change.said,
    editor(context),
    isStored && split(context),
    isStored && versions(context),
    known.length > 1 && diff(context),
    known.length > 1 && comparison(context),
    route.name && dryRun(context));
}
