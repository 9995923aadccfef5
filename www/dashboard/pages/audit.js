// The audit log: who changed what at /admin.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { moment } from '../format.js';
import { address } from '../state.js';
import { nothing, table } from '../table.js';

export const title = 'Audit log';

export const load = ({ filters }) => get('/admin/audit', { before: filters.before });

export function view({ data: rows, next }, { filters }) {
  if (rows.length === 0) return nothing('Nobody changed anything', 'Every request to /admin that may change something is a row here.');
  const columns = [
    { title: 'Time', cell: ({ at }) => moment(at, filters.zone) },
    { title: 'Admin', cell: ({ admin }) => admin ?? '–' },
    { title: 'Request', cell: ({ method, path }) => element('span', { class: 'id' }, `${method} ${path}`) },
    { title: 'Status', cell: ({ status }) => String(status), number: true },
    { title: 'Request id', cell: ({ request }) => element('span', { class: 'id' }, request) },
  ];
  const older = next && element('p', { class: 'after' }, element('a', { href: address('audit', { ...filters, before: next }) }, 'Older entries'));
  return element('section', { class: 'card' }, table(title, columns, rows, { part: ({ id }) => id, file: 'failsoft-audit.csv' }), older);
}
