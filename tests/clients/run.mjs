// Lets one client do one thing over an edge. What must be seen is asserted.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';
import { startPython } from './python.mjs';
import { ANSWERS, NARROW, SECOND, THINKER } from './scenarios.mjs';
import { makeTools } from './wants.mjs';

const FIRST = 'fault/unavailable';
/** The models of the routes: the first does not answer, so a fallback stands in each call. */
const ROUTES = { support: [FIRST, SECOND], thinking: [FIRST, THINKER] };

/** The configuration of the edge. */
export const FAILSOFT = {
  keys: [clientKey(), clientKey({ name: 'narrow', models: [SECOND] }, NARROW)],
  limits: { images: 1, outputTokens: 10_000 },
  policy: { timeouts: TIMEOUTS, retry: { base: 10 }, breaker: { failures: 0 }, recover: 'error' },
  routes: Object.fromEntries(Object.entries(ROUTES).map(([name, models]) => [name, { models }])),
};

/** The clients: those that the files of the folders `npm` and `pypi` export. `stop` ends the process of those in Python. */
export async function loadClients() {
  const names = (await readdir(new URL('npm/', import.meta.url))).sort();
  const files = await Promise.all(names.map((name) => import(new URL(`npm/${name}`, import.meta.url))));
  const { clients, stop } = await startPython();
  const ofNpm = files.flatMap((file) => file.default).map((client) => ({ registry: 'npm', how: '', lacks: {}, ...client }));
  return { clients: [...ofNpm, ...clients], stop };
}

/** The requests for models that reached the upstream. The edge also asks for a catalog. */
const posts = async (emulator, wait) => (await emulator.log(wait)).filter(({ method }) => method === 'POST');

const connect = (client, edge, apiKey = CLIENT_KEY) => client.connect({ origin: edge.origin, apiKey });

/** Asks `client` for an answer of the scenario `what`, and returns the requests to the upstream. `fields` change what is asked for. */
export async function readAnswer({ emulator, edge }, client, what, stream, { route = 'support', ...fields } = {}) {
  const { ask, turns = 1, check, checkLacking } = ANSWERS[what];
  const { tools, called } = makeTools();
  const seen = await connect(client, edge).ask({ model: `route/${route}`, stream, ...ask, ...fields, tools: ask.tools && tools });
  const log = await posts(emulator);
  assert.deepEqual(log.flatMap(({ models }) => models), Array.from({ length: turns }, () => ROUTES[route]).flat());
  (client.lacks[what] ? checkLacking : check)({ called, ...seen }, { stream, body: log.at(-1).body });
  return log;
}

/** The error with which `client` ends a call that differs by `fields`. */
export async function readError({ edge }, client, stream, { apiKey, ...fields }) {
  const answer = connect(client, edge, apiKey).ask({ prompt: 'words:3', stream, ...fields });
  const { error, seen } = await answer.then((seen) => ({ seen }), (error) => ({ error }));
  assert.ok(error, `${JSON.stringify(fields)} was answered: ${JSON.stringify(seen)}`);
  return error;
}

/** Lets `client` leave in the middle of a stream; the upstream has to see that. */
export async function leaveStream({ emulator, edge }, client) {
  await connect(client, edge).leave({ model: 'fault/never-ending', prompt: 'words:20' });
  const log = await posts(emulator, 'clientGone');
  assert.equal(log.at(-1).outcome, 'clientGone');
}

/** Lets `client` count tokens; nothing may be sent. */
export async function countTokens({ emulator, edge }, client) {
  const tokens = await connect(client, edge).count({ model: 'route/support', prompt: 'words:20' });
  assert.ok(tokens > 0 && tokens < 100, `${tokens} tokens`);
  assert.deepEqual(await posts(emulator), []);
}
