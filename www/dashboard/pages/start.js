// The first steps: what a new edge still needs, from the upstream to code that calls it. The edge checks each step; values that
// somebody types here stay in this page.

import { element } from '../../dom.js';
import { copyButton } from '../../copy.js';
import { LANGUAGES, snippet } from '../../snippets.js';
import { api, session } from '../api.js';
import { secretOnce } from '../secret.js';
import { address } from '../state.js';

export const title = 'First steps';
export const live = false;

/** What somebody has chosen on this page. */
const chosen = { url: 'https://openrouter.ai/api/v1', models: 'openai/gpt-4o-mini, anthropic/claude-haiku-4.5', route: 'chat', key: '', language: 'page' };

const random = () => [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const TOKEN_COMMAND = `printf %s ${random()} | npx wrangler secret put ADMIN_TOKEN`;

export async function load() {
  const health = await fetch('/healthz').then((response) => response.json()).catch(() => ({}));
  return { health, session: session(), state: session() ? 'signed in' : await session.read() };
}

export function view({ health, state }, { reload }) {
  const isReady = health.ok === true;
  return element('ol', { class: 'steps' },
    step('The upstream and its key', isReady, upstream(health, reload)),
    step('Sign in', Boolean(session()), signedIn(state)),
    step('A client key', isLocal() || Boolean(chosen.key), clientKey(reload)),
    step('A call', null, firstCall()),
    step('Code for your app', null, code()));
}

/** `done` is null for a step that may be done again. */
function step(heading, done, body) {
  const tag = done !== null && element('span', { class: done ? 'tag done' : 'tag' }, done ? 'done' : 'to do');
  return element('li', { class: 'card step' }, element('h2', {}, heading, ' ', tag), body);
}

function field(name, label, changed) {
  return element('label', {}, label, element('input', { value: chosen[name], autocomplete: 'off', spellcheck: 'false', 'data-part': name, input: ({ target }) => { chosen[name] = target.value; changed(); } }));
}

function block(text) {
  const shown = element('code', {}, text);
  return element('div', { class: 'block' }, copyButton(shown), element('pre', { tabindex: '0', 'aria-label': 'To copy' }, shown));
}

/** Whether the edge answers its own machine without a key. */
const isLocal = () => session()?.admin === 'loopback';

const models = () => chosen.models.split(/[\s,]+/).filter(Boolean);

function configuration() {
  return JSON.stringify({ upstream: { url: chosen.url }, routes: { [chosen.route || 'chat']: { models: models() } }, budget: { usd: { day: 5 } } }, null, 2);
}

function upstream(health, reload) {
  if (health.ok) return element('p', {}, 'The configuration is complete, and the storage answers.');
  const problems = [health.problems ?? health.error?.message ?? []].flat();
  const shown = element('div');
  const draw = () => shown.replaceChildren(
    element('p', {}, 'Save this as failsoft.json. It has your first route:'), block(configuration()),
    element('p', {}, 'Store it, the upstream’s key and an admin token, which this page has made for you, in the folder with the configuration of wrangler:'),
    block(['npx wrangler secret put FAILSOFT < failsoft.json', 'npx wrangler secret put UPSTREAM_API_KEY', TOKEN_COMMAND].join('\n')));
  draw();
  const again = element('button', { type: 'button', class: 'primary', click: reload, 'data-part': 'check' }, 'Check again');
  return element('div', {}, problems.length > 0 && element('div', { class: 'notice' }, element('p', {}, 'The edge says what is missing:'), element('ul', {}, problems.map((problem) => element('li', {}, String(problem))))),
    element('div', { class: 'filters' }, field('url', 'Base URL of the upstream', draw), field('route', 'Name of the first route', draw), field('models', 'Its models, in order', draw)), shown, again);
}

function signedIn(state) {
  if (session()) return element('p', {}, `You are ${session().admin}, who may: ${session().scopes.join(', ')}.`);
  if (state === 'not set up') return element('div', {}, element('p', {}, 'The edge has no admin token yet. Store one, which this page has made for you; while wrangler runs on your machine, it is a line of .dev.vars instead:'), block(TOKEN_COMMAND));
  return element('p', {}, element('a', { href: address('overview', {}) }, 'Sign in with the admin token'), ', then come back to this page.');
}

function clientKey(reload) {
  if (isLocal()) return element('p', {}, 'This edge answers your own machine only, without a key.');
  if (chosen.key) return secretOnce('The key “first app”', chosen.key);
  const problem = element('p', { class: 'notice', role: 'alert', hidden: true });
  const make = async () => {
    try {
      ({ key: chosen.key } = await api('POST', '/admin/keys', { name: 'first app', budget: { usd: { day: 1 } } }));
      reload();
    } catch (error) {
      Object.assign(problem, { textContent: error.message, hidden: false });
    }
  };
  return element('div', {}, element('p', {}, 'Your app calls with a key of its own, which may spend one USD a day.'),
    element('button', { type: 'button', class: 'primary', disabled: !session()?.scopes.includes('keys'), click: make, 'data-part': 'make' }, 'Make a client key'), problem);
}

function firstCall() {
  const answer = element('p', { role: 'status', class: 'answer' });
  const call = async () => {
    answer.textContent = 'Waiting for the answer …';
    const headers = { 'content-type': 'application/json', 'x-feature': 'first steps', ...(chosen.key && { authorization: `Bearer ${chosen.key}` }) };
    const body = JSON.stringify({ model: `route/${chosen.route}`, messages: [{ role: 'user', content: 'Say hello in five words.' }], max_tokens: 60 });
    const response = await fetch('/v1/chat/completions', { method: 'POST', headers, body }).catch(() => null);
    const reply = await response?.json().catch(() => ({}));
    answer.textContent = response?.ok ? `${reply.model} answered: ${reply.choices?.[0]?.message?.content ?? ''}` : `${reply?.error?.message ?? 'The edge does not answer.'}`;
  };
  return element('div', {}, element('p', {}, 'A call shows whether the upstream accepts its key. It costs a fraction of a cent.'), element('div', { class: 'filters' }, field('route', 'Route', () => {})),
    element('button', { type: 'button', class: 'primary', click: call, 'data-part': 'call' }, 'Call the route'), answer);
}

function code() {
  const shown = element('div');
  const draw = () => {
    const call = { origin: location.origin, key: isLocal() ? undefined : chosen.key || 'YOUR_CLIENT_KEY', options: { model: `route/${chosen.route}` }, message: 'Why is the sky blue?' };
    shown.replaceChildren(block(snippet(chosen.language, call)));
  };
  draw();
  const options = Object.entries(LANGUAGES).map(([value, name]) => element('option', { value, selected: value === chosen.language }, name));
  return element('div', {}, element('label', {}, 'Language', element('select', { 'data-part': 'language', change: ({ target }) => { chosen.language = target.value; draw(); } }, options)), shown);
}
