// The deletion of what the edge stores for each route: answers, or samples.

import { element } from '../dom.js';
import { api } from './api.js';
import { confirmButton } from './confirm.js';
import { count } from './format.js';
import { mayChange, problem } from './route/request.js';

/** Where the page says what was deleted. It stays when figures change. */
const said = element('div', { 'aria-live': 'polite' });

/** The controls of a page whose entries can be deleted. */
export function controls() {
  said.replaceChildren();
  return said;
}

/**
 * What deletes `things`, such as "answers", below `path`. `ofRoute` is the column of a table whose rows have a `route`, and `more` deletes
 * those of an account, or all. Both are empty if the admin may not delete. After each deletion, `reload` is called.
 */
export function deletion(path, things, reload) {
  if (!mayChange()) return { ofRoute: [], more: [] };
  const remove = async (target) => {
    try {
      const { deleted } = await api('DELETE', path + target);
      await reload();
      said.replaceChildren(element('p', { class: 'hint' }, `Deleted ${things}: ${count(deleted)}`));
    } catch (error) {
      said.replaceChildren(problem(error));
      said.scrollIntoView({ block: 'nearest' });
    }
  };
  const below = (kind, name) => `/${kind}/${encodeURIComponent(name)}`;
  const question = `Delete the ${things} now?`;
  const submit = (event) => {
    event.preventDefault();
    remove(below('accounts', new FormData(event.target).get('account').trim()));
  };
  // New figures wait while the form has a name.
  const input = ({ target, currentTarget }) => currentTarget.toggleAttribute('data-asks', target.value !== '');
  const form = element('form', { class: 'filters', submit, input, 'aria-label': `The ${things} of an account`, 'data-part': 'account' },
    element('label', {}, 'Account', element('input', { name: 'account', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'key:web' })),
    element('button', { class: 'quiet' }, `Delete the ${things} of this account`));
  const button = (label, about, target) => confirmButton(label, question, about, () => remove(target));
  return {
    ofRoute: [{ title: 'Change', cell: ({ route }) => (route === null ? '' : button('Delete', `${things} of the route ${route}`, below('routes', route))), plain: () => '' }],
    more: [form, element('p', { class: 'actions', 'data-part': 'all' }, button(`Delete all ${things}`, 'of all routes', ''))],
  };
}
