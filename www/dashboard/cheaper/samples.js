// How many texts of calls are kept, and their deletion.

import { element } from '../../dom.js';
import { api } from '../api.js';
import { confirmButton } from '../confirm.js';
import { count, moment } from '../format.js';
import { card, mayChange, problem } from '../route/request.js';
import { table } from '../table.js';

export function samplesOf(rows, { filters, reload }) {
  const said = element('div', { 'aria-live': 'polite' });
  const remove = (below) => api('DELETE', `/admin/samples${below}`).then(reload, (error) => said.replaceChildren(problem(error)));
  const columns = [
    { title: 'Route', cell: ({ route }) => route },
    { title: 'Samples', cell: ({ samples }) => count(samples), number: true },
    { title: 'Accounts', cell: ({ accounts }) => count(accounts), number: true },
    { title: 'Newest', cell: ({ newest }) => moment(newest, filters.zone) },
    { title: 'The next expires', cell: ({ expires }) => moment(expires, filters.zone) },
  ];
  if (mayChange()) columns.push({ title: 'Change', cell: ({ route }) => confirmButton('Delete', 'Delete the texts now?', `of the route ${route}`, () => remove(`/routes/${encodeURIComponent(route)}`)) });
  const submit = (event) => {
    event.preventDefault();
    remove(`/accounts/${encodeURIComponent(new FormData(event.target).get('account').trim())}`);
  };
  const form = mayChange() && element('form', { class: 'filters', submit, 'aria-label': 'Samples of an account' },
    element('label', {}, 'Account', element('input', { name: 'account', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'key:web' })),
    element('button', { class: 'quiet' }, 'Delete the samples of this account'));
  return card('Samples', table('Samples', columns, rows, { part: ({ route }) => `samples ${route}` }), form, said);
}
