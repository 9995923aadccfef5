// The controls of the range, the time zone and the filters.

import { element } from '../dom.js';
import { DEFAULT, RANGES, rangeAt } from './range.js';
import { address, current, go } from './state.js';

const FILTERS = { route: 'Route', feature: 'Feature', client: 'Key', model: 'Model' };

const nameOf = ({ range }) => (Object.hasOwn(RANGES, range ?? '') ? range : DEFAULT);

/** The range that the filters name, as it is now. */
export function rangeOf(filters) {
  const name = nameOf(filters);
  return { name, zone: filters.zone, ...rangeAt(name, filters.zone, Date.now()) };
}

/** The fields of the API for a range and the filters. */
export function figures({ range, filters }, { from, to } = range) {
  return { from, to, ...Object.fromEntries(Object.keys(FILTERS).map((name) => [name, filters[name]])) };
}

export function rangeControls(filters) {
  const { name: page } = current();
  const change = (changes) => address(page, { ...filters, before: undefined, ...changes });
  const link = ([name, { title }]) => element('a', { href: change({ range: name }), 'aria-current': name === nameOf(filters) && 'true' }, title);
  const zone = element(
    'select',
    { 'aria-label': 'Time zone', change: ({ target }) => go(page, { ...filters, zone: target.value || undefined }) },
    element('option', { value: '', selected: filters.zone !== 'utc' }, Intl.DateTimeFormat().resolvedOptions().timeZone),
    element('option', { value: 'utc', selected: filters.zone === 'utc' }, 'UTC'),
  );
  const chips = Object.entries(FILTERS).filter(([key]) => filters[key] !== undefined).map(([key, title]) => element(
    'a', { class: 'chip', href: change({ [key]: undefined }) },
    `${title}: ${filters[key] || 'none'} `, element('span', { 'aria-hidden': 'true' }, '✕'), element('span', { class: 'unseen' }, '(remove this filter)'),
  ));
  return element('div', { class: 'range' }, element('nav', { class: 'segments', 'aria-label': 'Range' }, Object.entries(RANGES).map(link)), zone, chips);
}
