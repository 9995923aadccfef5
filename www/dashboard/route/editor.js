// The editor of a route: its chain as a list, and everything as JSON. A route is checked before it is saved.

import { element } from '../../dom.js';
import { api } from '../api.js';
import { confirmButton } from '../confirm.js';
import { go } from '../state.js';
import { modelList } from './models.js';
import { card, findings, isEditable, pathOf, problem } from './request.js';

const write = (route) => JSON.stringify(route, null, 2);

/** The route in the text; the error names what is wrong with it. */
function read(text) {
  try {
    const route = JSON.parse(text);
    if (route && typeof route === 'object' && !Array.isArray(route)) return route;
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`, { cause: error });
  }
  throw new Error('A route is a JSON object with the field models.');
}

export function editor({ route, filters, reload, change }) {
  const isNew = !route.name;
  const text = element('textarea', { name: 'route', rows: 14, spellcheck: 'false', autocomplete: 'off', readonly: !isEditable(route) });
  text.value = write(route.route);
  if (!isEditable(route)) return card('The route', element('label', {}, 'As JSON', text));

  const said = element('div', { 'aria-live': 'polite' });
  const list = modelList((models) => { text.value = write({ ...read(text.value), models }); });
  const follow = () => {
    try {
      list.draw(read(text.value).models ?? []);
    } catch {
      list.draw(undefined);
    }
  };
  text.addEventListener('input', follow);
  follow();

  /** Checks the route in the form, and shows what was found. Returns whether it may be saved. */
  const check = async (fields, force) => {
    const { findings: found } = await api('POST', `${pathOf(fields.name)}/dry-run`, { route: fields.route });
    said.replaceChildren(findings(found));
    if (force || !found.some(({ blocks }) => blocks)) return true;
    said.append(element('p', { class: 'after' }, element('button', { type: 'button', class: 'quiet', click: () => act(save, true) }, 'Save in spite of this')));
    return false;
  };
  const save = async (fields, force) => {
    if (!(await check(fields, force))) return;
    const { name, percent, by, ...version } = fields;
    const body = { ...version, force };
    if (isNew) {
      await api('POST', '/admin/routes', { ...body, name });
      go('route', { ...filters, name });
    } else {
      await api('PUT', pathOf(name), { ...body, ...(percent && { split: { percent: Number(percent), by } }) }, { 'if-match': route.etag });
      reload();
    }
  };
  const act = async (action, force = false) => {
    try {
      const { note, name = route.name, ...fields } = Object.fromEntries(new FormData(form));
      await action({ ...fields, name, route: read(text.value), ...(note && { note }) }, force);
    } catch (error) {
      said.replaceChildren(problem(error));
    }
  };
  const submit = (event) => {
    event.preventDefault();
    act(save);
  };
  const input = (name, label, attributes) => element('label', {}, label, element('input', { name, autocomplete: 'off', ...attributes }));
  const form = element('form', { class: 'part', submit },
    isNew && input('name', 'Name', { required: true, maxlength: 64, pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]*', title: 'Letters, digits, -, _ and .', spellcheck: 'false' }),
    list.shown, element('label', {}, 'Everything, as JSON', text),
    element('div', { class: 'filters' },
      input('note', 'Note about this version', { maxlength: 500 }),
      !isNew && input('percent', 'Percent of the calls that get it', { type: 'number', min: 0.01, max: 99.99, step: 0.01, placeholder: 'all' }),
      !isNew && chooseUnit()),
    element('p', { class: 'actions' }, element('button', { class: 'primary' }, isNew ? 'Make the route' : 'Save as the next version'),
      element('button', { type: 'button', class: 'quiet', click: () => act(check, true) }, 'Check'),
      !isNew && confirmButton('Delete', 'Delete the route now?', `the route ${route.name}`, () => change.send('DELETE', '', undefined, () => go('routes', { ...filters, name: undefined })))),
    said);
  return card(isNew ? 'The route' : `Version ${route.version}`, form, element('p', { class: 'hint' }, 'All fields are in the ', element('a', { href: '/docs/routes#what-a-stored-route-may-contain' }, 'documentation'), '.'));
}

/** The choice of what stays with one version. */
export const chooseUnit = (selected) => element('label', {}, 'What stays with one version', element('select', { name: 'by' }, ['conversation', 'user'].map((by) => element('option', { value: by, selected: by === selected }, by))));
