// Stored answers: how many each route has, how many calls they answered, and their deletion.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { sumOf } from '../breakdown.js';
import { deletion } from '../deletion.js';
import { bytes, count, percent, span, usd } from '../format.js';
import { figures } from '../range-controls.js';
import { card } from '../route/request.js';
import { address } from '../state.js';
import { nothing, table } from '../table.js';

export { controls } from '../deletion.js';
export const title = 'Cache';
export const ranged = true;

export async function load(context) {
  const [stored, usage] = await Promise.all([get('/admin/cache'), get('/admin/usage', { ...figures(context), by: 'route', times: 'no' })]);
  return { stored: stored.data, usage: usage.data, missing: usage.missing };
}

export function view({ stored, usage }, { filters, reload }) {
  const rows = join(stored, usage).filter(({ route }) => (filters.route ?? route) === route);
  const hint = element('p', { class: 'hint' }, 'A stored answer is given again to the same account for the same request, and costs nothing. ', element('a', { href: '/docs/cache' }, 'How this works'));
  if (rows.length === 0) return element('div', {}, hint, howToBegin(filters));
  const { ofRoute, more } = deletion('/admin/cache', 'answers', reload);
  const amount = (name, format) => ({ cell: (row) => format(row[name]), plain: (row) => row[name], number: true });
  const columns = [
    { title: 'Route', cell: ({ route }) => (route === null ? 'All' : element('a', { href: address('route', { ...filters, name: route }) }, route)) },
    { title: 'Lifetime', cell: ({ route, lifetime }) => (route === null ? '' : lifetime ? span(lifetime) : 'off'), plain: ({ lifetime }) => lifetime ?? '' },
    { title: 'Answers', ...amount('answers', count) },
    { title: 'Size', ...amount('bytes', bytes) },
    { title: 'Calls', ...amount('calls', count) },
    { title: 'From the cache', cell: ({ cached, calls }) => (calls > 0 ? `${count(cached)} (${percent(cached, calls)})` : '0'), plain: ({ cached }) => cached, number: true },
    { title: 'Saved, about', cell: ({ saved }) => (saved === null ? '–' : usd(saved)), plain: ({ saved }) => saved ?? '', number: true },
    ...ofRoute,
  ];
  const shown = table('Stored answers', columns, rows, { footer: total(rows), file: 'failsoft-cache.csv', part: ({ route }) => route });
  const estimate = 'Answers and their size are those of now; calls are those of the range. What was saved is an estimate: each call from the cache counts with the mean cost of the route’s other calls in the range.';
  return element('div', {}, hint, element('section', { class: 'card part' }, shown, element('p', { class: 'hint' }, estimate)),
    more.length > 0 && card('Delete', ...more));
}

/** A row for each route that stores answers or has given some. */
function join(stored, usage) {
  const given = usage.filter(({ name, cached }) => cached > 0 && stored.every(({ route }) => route !== name));
  const all = [...stored, ...given.map(({ name }) => ({ route: name, answers: 0, bytes: 0, lifetime: null }))];
  return all.map((row) => {
    const { calls, cached, usd: spent } = usage.find(({ name }) => name === row.route) ?? sumOf([]);
    const paid = calls - cached;
    return { ...row, calls, cached, saved: cached === 0 ? 0 : paid > 0 ? (cached * spent) / paid : null };
  }).sort((a, b) => b.cached - a.cached || b.answers - a.answers || (a.route < b.route ? -1 : 1));
}

function total(rows) {
  const sum = (name) => rows.reduce((before, row) => before + row[name], 0);
  return { route: null, ...Object.fromEntries(['answers', 'bytes', 'calls', 'cached', 'saved'].map((name) => [name, sum(name)])) };
}

function howToBegin(filters) {
  const example = element('code', {}, '"cache": {"lifetime": 3600}');
  const routes = element('a', { href: address('routes', filters) }, 'page of routes');
  return nothing(filters.route === undefined ? 'No route stores its answers' : 'This route does not store its answers',
    element('span', {}, 'Add ', example, ' to a stored route on the ', routes, ', or to a route of the configuration. Its answers are then given again for an hour. Until then, no answer is stored.'),
    'Use it where the same request comes often and any good answer will do: questions of a help page, translations of fixed texts, vectors, tests.');
}
