// Requests that change a route. Each names the change that it was made after, so nobody overwrites the change of somebody else.

import { element } from '../../dom.js';
import { api, session } from '../api.js';

export const pathOf = (name) => `/admin/routes/${encodeURIComponent(name)}`;

/** Whether the admin may change routes. */
export const mayChange = () => Boolean(session()?.scopes.includes('routes'));

/** Whether this page may change `route`: those of the configuration are changed by a deployment. */
export const isEditable = ({ source }) => mayChange() && source !== 'configuration';

/** Changes of `route`: `send` makes one, and then calls `then`; `said` is where the page shows what went wrong. */
export function changes(route, reload) {
  const said = element('div', { 'aria-live': 'polite' });
  const send = async (method, below, body, then = reload) => {
    try {
      await api(method, pathOf(route.name) + below, body, { 'if-match': route.etag });
    } catch (error) {
      said.replaceChildren(problem(error));
      said.scrollIntoView({ block: 'nearest' });
      return;
    }
    then();
  };
  return { said, send };
}

/** The error of a request, with the path of the field that is wrong. */
export function problem({ message, param }) {
  return element('p', { class: 'notice', role: 'alert' }, param && element('code', {}, param), param && ': ', message);
}

/** What a check found. */
export function findings(found) {
  if (found.length === 0) return element('p', { class: 'hint' }, 'The check found nothing wrong.');
  const item = ({ path, message, blocks }) => element('li', {}, element('code', {}, path), ': ', message, blocks && ' (stored only if you say so)');
  return element('div', { class: 'notice' }, element('p', {}, 'The check found:'), element('ul', {}, found.map(item)));
}

/** A choice between `versions`. */
export function chooseVersion(name, label, versions, selected) {
  const option = ({ version, note }) => element('option', { value: version, selected: version === selected }, note ? `${version}: ${note.slice(0, 40)}` : String(version));
  return element('label', {}, label, element('select', { name }, versions.map(option)));
}

/** A card with a heading. */
export const card = (heading, ...children) => element('section', { class: 'card part' }, element('h2', {}, heading), ...children);
