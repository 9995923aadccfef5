// Routes: what each of them cost and how it did, and where it comes from.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { breakdown } from '../breakdown.js';

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
  const chain = ({ name, models }) => element('li', {}, element('strong', {}, name), ' ', (Array.isArray(models) ? models : []).map((model, at) => [at > 0 && ' → ', element('span', { class: 'id' }, model)]).flat());
  const list = data.stored.length > 0 && element('section', { class: 'card' }, element('h2', {}, 'Chains'), element('ul', { class: 'plain' }, data.stored.map(chain)));
  return element('div', {}, figuresOf.view(data, context), list);
}
