// The same quality for less money: samples of calls, and experiments that compare a cheaper variant of a route with what it is now.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { experiment } from '../cheaper/experiment.js';
import { beginForm } from '../cheaper/form.js';
import { samplesOf } from '../cheaper/samples.js';
import { KINDS, stateOf } from '../cheaper/words.js';
import { moment, usd } from '../format.js';
import { mayChange, pathOf } from '../route/request.js';
import { address } from '../state.js';
import { nothing, table } from '../table.js';

export { controls } from '../deletion.js';
export const title = 'Cheaper';
export const live = false;

export async function load({ filters: { name, experiment: id } }) {
  if (name && id) return { shown: await get(`${pathOf(name)}/experiments/${id}`), route: await get(pathOf(name)) };
  const [samples, routes] = await Promise.all([get('/admin/samples'), get('/admin/routes')]);
  const stored = routes.data.filter(({ source }) => source === 'stored').map((route) => route.name);
  const chosen = stored.includes(name) ? name : stored.find((route) => samples.data.some((row) => row.route === route));
  return { samples: samples.data, stored, name: chosen, experiments: chosen ? (await get(`${pathOf(chosen)}/experiments`)).data : [] };
}

export function view(data, context) {
  if (data.shown) return experiment(data, context);
  const { samples, stored, name, experiments } = data;
  const { filters } = context;
  const hint = element('p', { class: 'hint' }, 'A variant answers samples of real calls again, and a judge compares both answers, without knowing which is which. ', element('a', { href: '/docs/cheaper' }, 'How this works'));
  if (samples.length === 0 && experiments.length === 0) {
    return element('div', {}, hint, nothing('No samples yet', 'Switch sampling on for a stored route: add "sampling": {"percent": 10, "days": 7} to it on the page of routes. It needs the secret SAMPLES_SECRET. No text of a call is kept before.'));
  }
  const columns = [
    { title: 'Begun', cell: ({ id, createdAt }) => element('a', { href: address('cheaper', { ...filters, name, experiment: id }) }, moment(createdAt * 1_000, filters.zone)) },
    { title: 'Variant', cell: ({ kind, writer }) => KINDS[kind] + (writer ? ` by ${writer}` : '') },
    { title: 'State', cell: ({ state, reason }) => stateOf(state, reason) },
    { title: 'Budget', cell: ({ usd: most }) => usd(most), number: true },
    { title: 'By', cell: ({ createdBy }) => createdBy },
  ];
  const list = experiments.length > 0 && element('section', { class: 'card part' }, element('h2', {}, `Experiments with the route ${name}`), table('Experiments', columns, experiments, { part: ({ id }) => id }));
  return element('div', {}, hint, mayChange() && stored.length > 0 && beginForm(stored, name, filters), list, samplesOf(samples, context));
}
