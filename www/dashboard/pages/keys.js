// Client keys: those that /admin/keys manages, with what each of them cost, and a form for a new one.

import { element } from '../../dom.js';
import { api, get, session } from '../api.js';
import { confirmButton } from '../confirm.js';
import { count, moment, usd } from '../format.js';
import { secretOnce } from '../secret.js';
import { address } from '../state.js';
import { nothing, table } from '../table.js';

export const title = 'Keys';
export const ranged = true;

const isKeeper = () => session()?.scopes.includes('keys');

/** Where a new secret is shown: outside the list, which is drawn again when figures change. */
const made = element('div', { 'aria-live': 'polite' });

export async function load({ range }) {
  const [keys, usage] = await Promise.all([get('/admin/keys').catch((error) => ({ data: [], problem: error.message })), get('/admin/usage', { from: range.from, to: range.to, by: 'account' })]);
  return { keys: keys.data, problem: keys.problem, usage: usage.data, missing: usage.missing };
}

export function controls({ reload }) {
  if (!isKeeper()) return element('p', { class: 'hint' }, 'Your admin token may not change keys: it needs the scope keys.');
  made.replaceChildren();
  const field = (name, label, attributes = {}) => element('label', {}, label, element('input', { name, autocomplete: 'off', ...attributes }));
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { name, usd: dollars, origins } = Object.fromEntries(new FormData(form));
    const body = { name, ...(dollars && { budget: { usd: { day: Number(dollars) } } }), ...(origins.trim() && { origins: origins.trim().split(/[\s,]+/) }) };
    try {
      const { key } = await api('POST', '/admin/keys', body);
      made.replaceChildren(secretOnce(`The key “${name}”`, key));
      form.reset();
      reload();
    } catch (error) {
      made.replaceChildren(element('p', { class: 'notice', role: 'alert' }, error.message));
    }
  };
  const form = element('form', { class: 'filters', submit }, field('name', 'Name', { required: true, maxlength: 100 }), field('usd', 'USD a day at most', { type: 'number', min: 0, step: 'any', placeholder: 'no limit' }), field('origins', 'Only on these web pages', { placeholder: 'https://app.example.com' }), element('button', { class: 'primary' }, 'Make the key'));
  return element('div', {}, element('details', { class: 'card' }, element('summary', {}, 'Make a key'), form), made);
}

export function view({ keys, problem, usage }, { filters, reload }) {
  if (problem) return element('p', { class: 'hint' }, problem);
  if (keys.length === 0) return nothing('No managed key yet', 'Make a key above. Keys of the configuration file are not listed here; what they cost is on the page of users.');
  const used = (key) => usage.find(({ name }) => name === `key:${key.id}`);
  const state = ({ revokedAt, expiresAt }) => (revokedAt ? 'revoked' : expiresAt && expiresAt * 1_000 < Date.now() ? 'expired' : 'valid');
  const date = (seconds) => (seconds ? moment(seconds * 1_000, filters.zone, { dateStyle: 'medium' }) : '–');
  const columns = [
    { title: 'Key', cell: (key) => element('a', { href: address('calls', { ...filters, account: `key:${key.id}` }) }, key.name ?? key.id) },
    { title: 'Id', cell: ({ id }) => element('span', { class: 'id' }, id) },
    { title: 'State', cell: state },
    { title: 'Made', cell: ({ createdAt }) => date(createdAt) },
    { title: 'Expires', cell: ({ expiresAt }) => date(expiresAt) },
    { title: 'Spend', cell: (key) => usd(used(key)?.usd ?? 0), plain: (key) => used(key)?.usd ?? 0, number: true },
    { title: 'Calls', cell: (key) => count(used(key)?.calls ?? 0), plain: (key) => used(key)?.calls ?? 0, number: true },
  ];
  if (isKeeper()) columns.push({ title: 'Change', cell: (key) => (state(key) === 'valid' ? actions(key, reload) : ''), plain: () => '' });
  return element('section', { class: 'card' }, table(title, columns, keys, { part: ({ id }) => id, file: 'failsoft-keys.csv' }));
}

function actions(key, reload) {
  const said = element('span', { role: 'status' });
  const button = (label, question, act) => confirmButton(label, question, `the key ${key.name}`, async () => {
    const done = await api(...act).catch((error) => ({ error }));
    if (done.error) return said.replaceChildren(done.error.message);
    if (done.key) made.replaceChildren(secretOnce(`The new secret of “${key.name}”`, done.key));
    return reload();
  });
  const path = `/admin/keys/${key.id}`;
  return element('span', { class: 'actions' }, button('Rotate', 'Replace the secret now?', ['POST', `${path}/rotate`, {}]), button('Revoke', 'End it for good?', ['DELETE', path]), said);
}
