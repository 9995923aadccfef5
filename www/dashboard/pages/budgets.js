// Budgets: what is used and held now, what is left, and when each period ends.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { count, moment, usd } from '../format.js';
import { address } from '../state.js';
import { nothing } from '../table.js';

export const title = 'Budgets';

const MEASURES = { usd: ['USD', usd], tokens: ['Tokens', count], requests: ['Calls', count] };

export const load = ({ filters }) => get('/admin/budgets', { before: filters.before });

export function view({ data, next }, { filters }) {
  if (data.length === 0) return nothing('No budgets', 'This edge has no client keys and no limits.');
  const more = next && element('p', { class: 'after' }, element('a', { href: address('budgets', { ...filters, before: next }) }, 'More budgets'));
  return element('div', {}, element('p', { class: 'hint' }, 'Used and held amounts come from the objects that decide about each call. Periods are those of UTC.'), data.map((owner) => card(owner, filters.zone)), more);
}

function card({ title: name, account, usage }, zone) {
  const meters = Object.entries(MEASURES).flatMap(([measure, [unit, format]]) => Object.entries(usage[measure] ?? {})
    .filter(([, { limit, used, held }]) => limit !== undefined || (measure === 'usd' && (used > 0 || held > 0)))
    .map(([period, amounts]) => meter(`${unit} a ${period}`, amounts, format, zone)));
  const { held = 0, limit } = usage.concurrent ?? {};
  if (limit !== undefined || held > 0) meters.push(meter('Calls at the same time', { used: 0, held, limit, left: limit === undefined ? undefined : limit - held }, count, zone));
  const none = element('p', { class: 'hint' }, 'No limit, and nothing used in the running periods.');
  return element('section', { class: 'card budget' }, element('h2', {}, name), element('p', { class: 'hint id' }, account), meters.length > 0 ? element('dl', {}, meters) : none);
}

function meter(label, { used, held, limit, left, resets }, format, zone) {
  const whole = limit ?? used + held;
  const shown = element('div', { class: 'meter', 'aria-hidden': 'true' }, element('span', { class: 'used' }), element('span', { class: 'held' }));
  shown.style.setProperty('--used', String(whole > 0 ? Math.min(1, used / whole) : 0));
  shown.style.setProperty('--held', String(whole > 0 ? Math.min(1, held / whole) : 0));
  const words = [resets && `${format(used)} used`, held > 0 && `${format(held)} held by running calls`, limit === undefined ? 'no limit' : `${format(left)} left of ${format(limit)}`, resets && `until ${moment(Date.parse(resets), zone, { dateStyle: 'medium', timeStyle: 'short' })}`];
  return element('div', { class: limit !== undefined && left <= limit / 5 && 'low' }, element('dt', {}, label), element('dd', {}, shown, words.filter(Boolean).join(', ')));
}
