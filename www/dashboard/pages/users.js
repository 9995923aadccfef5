// Who spends: client keys, users and visitors, those that cost most first.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { callColumns, sumOf } from '../breakdown.js';
import { address, keep } from '../state.js';
import { nothing, table } from '../table.js';

export const title = 'Users';
export const ranged = true;

export const load = ({ range, filters }) => get('/admin/usage', { from: range.from, to: range.to, by: 'account', client: filters.client });

export function view({ data: rows }, { filters }) {
  if (rows.length === 0) return nothing('Nobody called in this time', 'Each client key, each user of your app and each visitor of your page has a row here after the first call.');
  const name = (row) => {
    if (row.name === null) return 'All';
    return row.name === '' ? `${row.accounts} others` : element('a', { class: 'id', href: address('calls', keep(filters, { account: row.name })) }, row.name);
  };
  const columns = [{ title: 'Account', cell: name }, { title: 'Client', cell: (row) => row.client ?? '' }, ...callColumns(rows)];
  const hint = 'An account pays for calls: a client key, a user or a visitor. The names of users and visitors are digests, so nobody can read here who they are.';
  return element('div', {}, element('p', { class: 'hint' }, hint), element('section', { class: 'card' }, table(title, columns, rows, { footer: sumOf(rows), file: 'failsoft-users.csv', part: (row) => row.name })));
}
