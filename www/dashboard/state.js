// What the address says: the page, the range and the filters. So every view has a link, and all pages keep the filters.

/** The filters that every page keeps. */
export const KEPT = ['range', 'zone', 'route', 'feature', 'client', 'model'];

/** The name of the page and its filters. */
export function current(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  return { name: path || 'overview', filters: Object.fromEntries(new URLSearchParams(query ?? '')) };
}

/** The fields of a query. Those that are `undefined` or `null` are left out; `''` counts. */
export const queryOf = (fields) => new URLSearchParams(Object.entries(fields).filter(([, value]) => value != null)).toString();

/** The address of a page. Filters that are `undefined` or `null` are left out; `''` counts: it means "none". */
export function address(name, filters) {
  const query = queryOf(filters);
  return `#/${name}${query ? `?${query}` : ''}`;
}

/** The filters that another page keeps, with `changes`. */
export const keep = (filters, changes = {}) => ({ ...Object.fromEntries(KEPT.map((name) => [name, filters[name]])), ...changes });

/** Shows another page. */
export function go(name, filters, replaces = false) {
  if (replaces) history.replaceState(null, '', address(name, filters));
  else location.hash = address(name, filters);
}
