// Alerts: what the edge sent to the owner's webhook.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { moment } from '../format.js';
import { nothing, table } from '../table.js';

export const title = 'Alerts';

export const load = () => get('/admin/alerts');

export function view({ data: rows }, { filters: { zone } }) {
  if (rows.length === 0) return nothing('No alerts', 'With alerts in the configuration, the edge calls a webhook about fallbacks, budgets, costs, expiring models and refused keys. What it sent is shown here.', element('a', { href: '/docs/operations#alerts' }, 'How to set up alerts'));
  const columns = [
    { title: 'Time', cell: ({ at }) => moment(at, zone) },
    { title: 'Kind', cell: ({ alert }) => alert.kind },
    { title: 'What happened', cell: ({ alert }) => alert.text },
    { title: 'Sent', cell: ({ sent }) => (sent ? 'yes' : 'not yet') },
  ];
  return element('section', { class: 'card' }, table(title, columns, rows, { part: ({ occasion }) => occasion, file: 'failsoft-alerts.csv' }));
}
