// The versions of a route, and what differs between two of them.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { confirmButton } from '../confirm.js';
import { moment } from '../format.js';
import { table } from '../table.js';
import { card, chooseVersion, isEditable, pathOf, problem } from './request.js';

export function versions({ route, versions: known, filters, change }) {
  const state = ({ version }) => (version === route.version ? 'current' : version === route.split?.version ? `${route.split.percent} % of the calls` : '');
  const columns = [
    { title: 'Version', cell: ({ version }) => String(version) },
    { title: 'State', cell: (row) => state(row) && element('span', { class: 'tag done' }, state(row)) },
    { title: 'Note', cell: ({ note }) => element('span', { class: 'id' }, note ?? '') },
    { title: 'Made', cell: ({ createdAt }) => moment(createdAt * 1_000, filters.zone) },
    { title: 'By', cell: ({ createdBy }) => createdBy },
  ];
  const back = ({ version }) => confirmButton('Roll back', `All calls to version ${version}?`, `of the route ${route.name}`, () => change.send('POST', '/rollback', { version }));
  if (isEditable(route)) columns.push({ title: 'Change', cell: (row) => (row.version === route.version ? '' : back(row)) });
  return card('Versions', table('Versions', columns, known, { part: ({ version }) => `version ${version}` }));
}

/** A form that chooses two versions, and shows what `show` makes of the answer to a request about them. */
export function betweenVersions({ route, versions: known }, label, show) {
  const shown = element('div', { 'aria-live': 'polite' });
  const submit = async (event) => {
    event.preventDefault();
    const { from, to } = Object.fromEntries(new FormData(event.target));
    shown.replaceChildren(await show(from, to).catch(problem));
  };
  const second = known.find(({ version }) => version !== route.version)?.version;
  const [from, to] = [route.version, route.split?.version ?? second].sort((one, other) => one - other);
  const form = element('form', { class: 'filters', submit, 'aria-label': label },
    chooseVersion('from', 'From', known, from), chooseVersion('to', 'To', known, to), element('button', { class: 'primary' }, label));
  return [form, shown];
}

export function diff(context) {
  const value = (of) => element('code', {}, of === null ? '–' : JSON.stringify(of));
  const columns = [
    { title: 'Field', cell: ({ path }) => element('code', {}, path) },
    { title: 'Before', cell: ({ before }) => value(before) },
    { title: 'After', cell: ({ after }) => value(after) },
  ];
  const show = async (from, to) => {
    const { changes } = await get(`${pathOf(context.route.name)}/diff/${from}/${to}`);
    return changes.length === 0 ? element('p', {}, 'The two versions are the same.') : table(`What differs between version ${from} and version ${to}`, columns, changes);
  };
  return card('What differs', ...betweenVersions(context, 'Show what differs', show));
}
