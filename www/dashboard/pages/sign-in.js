// Sign in with an admin token.

import { element } from '../../dom.js';
import { signIn } from '../api.js';
import { address } from '../state.js';

export const title = 'Sign in';

/** The form. `done` is called when somebody has signed in. */
export function view(done) {
  const problem = element('p', { class: 'notice', role: 'alert', hidden: true });
  const token = element('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false' });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await signIn(token.value.trim());
      done();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      token.focus();
    }
  };
  const form = element('form', { class: 'card sign-in', submit }, element('h1', {}, title), element('label', { for: 'token' }, 'Admin token'), token,
    element('p', { class: 'hint' }, 'The secret ADMIN_TOKEN of this edge, or a token of its admins. The browser keeps a session, not the token.'),
    problem, element('button', { class: 'primary' }, 'Sign in'),
    element('p', { class: 'hint' }, element('a', { href: address('start', {}) }, 'Set up a new edge')));
  setTimeout(() => token.focus());
  return form;
}
