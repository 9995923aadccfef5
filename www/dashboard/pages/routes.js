// Routes: what each of them cost and how it did, where it comes from, and where it is edited.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { breakdown } from '../breakdown.js';
import { moment } from '../format.js';
import { mayChange } from '../route/request.js';
import { address } from '../state.js';
import { table } from '../table.js';

const figuresOf = breakdown({
  title: 'Routes', by: 'route', named: 'Route',
  hints: ['A route is a chain of models under a name: clients ask for route/NAME as the model. Calls without a route count as “none”.'],
});

export const { title, ranged } = figuresOf;

export async function load(context) {
  const [usage, stored] = await Promise.all([figuresOf.load(context), get('/admin/routes').catch(() => null)]);
  return { ...usage, stored: stored?.data ?? [] };
}

export function view(data, context) {
  const { filters } = context;
  const open = (name, label) => element('a', { href: address('route', { ...filters, name }) }, label);
  const models = (list) => (Array.isArray(list) ? list : []).map((model, at) => [at > 0 && ' → ', element('span', { class: 'id' }, model)]).flat();
  const columns = [
    { title: 'Route', cell: ({ name }) => open(name, name) },
    { title: 'Models', cell: (row) => element('span', {}, models(row.models)) },
    { title: 'Version', cell: ({ version, split, source }) => (source === 'stored' ? `${version}${split ? `, and ${split.version} for ${split.percent} %` : ''}` : 'configuration') },
    { title: 'Changed', cell: ({ changedAt, changedBy }) => (changedAt ? `${moment(changedAt * 1_000, filters.zone)} by ${changedBy}` : '–') },
  ];
  const chains = element('section', { class: 'card part' }, element('h2', {}, 'Chains'),
    data.stored.length > 0 && table('Chains', columns, data.stored, { part: ({ name }) => `chain ${name}` }),
    mayChange() && element('p', {}, open(undefined, 'Make a route')));
  return element('div', {}, figuresOf.view(data, context), chains);
}
