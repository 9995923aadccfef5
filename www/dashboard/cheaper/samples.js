// How many texts of calls are kept, and their deletion.

import { deletion } from '../deletion.js';
import { count, moment } from '../format.js';
import { card } from '../route/request.js';
import { table } from '../table.js';

export function samplesOf(rows, { filters, reload }) {
  const { ofRoute, more } = deletion('/admin/samples', 'samples', reload);
  const columns = [
    { title: 'Route', cell: ({ route }) => route },
    { title: 'Samples', cell: ({ samples }) => count(samples), number: true },
    { title: 'Accounts', cell: ({ accounts }) => count(accounts), number: true },
    { title: 'Newest', cell: ({ newest }) => moment(newest, filters.zone) },
    { title: 'The next expires', cell: ({ expires }) => moment(expires, filters.zone) },
    ...ofRoute,
  ];
  return card('Samples', table('Samples', columns, rows, { part: ({ route }) => `samples ${route}` }), ...more);
}
