// The servers that are compared: each starts in bare workerd before the same upstream. `prepare` returns the headers and
// fields with which a server takes a chain of models; a server without it takes OpenAI's fields.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CLIENT_KEY, WORKERD, clientKey, freePort, startProgram, startEdge } from '../../support/edge.mjs';
import { portkey } from './portkey.mjs';

/** The lanes of the edge, each as a route. */
export const LANES = ['gate', 'relay', 'lean'];

/** A Worker of a few lines. `answer` is the upstream's response. */
const worker = (send, give) => (url) => `export default { async fetch(request, env, context) {
  if (request.method !== 'POST') return new Response('ready');
  const send = (body, more) => fetch('${url}/chat/completions', { method: 'POST', headers: { authorization: 'Bearer k', 'content-type': 'application/json' }, body, ...more });
  ${send}
  ${give}
} };`;
const PASS = 'const answer = await send(request.body);';

/** Workers that only forward: through a native pipe, in a loop that reads and writes, or while they also read the bytes. */
export const FLOORS = {
  'JavaScript, native pipe': worker(PASS, 'return new Response(answer.body, answer);'),
  'JavaScript, pull loop': worker(PASS, `const { readable, writable } = new IdentityTransformStream();
  context.waitUntil((async () => {
    const reader = answer.body.getReader(), writer = writable.getWriter();
    for (;;) { const { done, value } = await reader.read(); if (done) break; await writer.write(value); }
    await writer.close();
  })());
  return new Response(readable, answer);`),
  'JavaScript, tee': worker(PASS, `const [theirs, ours] = answer.body.tee();
  context.waitUntil((async () => { for await (const bytes of ours) globalThis.seen = (globalThis.seen ?? 0) + bytes.length; })());
  return new Response(theirs, answer);`),
  'JavaScript, fallback loop': worker(`const { models, ...fields } = await request.json();
  let answer;
  for (const model of models) {
    answer = await send(JSON.stringify({ ...fields, model }));
    if (answer.ok) break;
    await answer.body.cancel();
  }`, 'return new Response(answer.body, answer);'),
  // Exactly the calls to the platform that the edge makes for an answer in one piece.
  'JavaScript, same calls': worker(`let finish;
  context.waitUntil(new Promise((done) => (finish = done)));
  const values = ['authorization', 'origin', 'sec-fetch-site', 'cf-connecting-ip', 'x-request-id', 'x-feature', 'x-flow', 'traceparent', 'access-control-request-headers', 'content-length'].map((name) => request.headers.get(name));
  const timer = setTimeout(() => {}, 30_000);
  const fields = JSON.parse(new TextDecoder().decode(await request.arrayBuffer()));
  request.signal.addEventListener('abort', () => {}, { once: true });
  const { signal } = new AbortController();
  const answer = await send(JSON.stringify({ ...fields, max_tokens: 4_096 }), { signal, redirect: 'manual' });
  values.push(...['content-type', 'retry-after', 'retry-after-ms', 'x-ratelimit-reset', 'x-generation-id'].map((name) => answer.headers.get(name)));
  const completion = JSON.parse(new TextDecoder().decode(await answer.arrayBuffer()));
  clearTimeout(timer);
  const id = crypto.randomUUID();
  const line = { event: 'call', id, client: values[0], model: completion.model, tokens: completion.usage.completion_tokens };
  console.log(JSON.stringify(line));
  finish();`, `const headers = { 'content-type': 'application/json', 'cache-control': 'no-store, no-transform', 'x-failsoft-attempts': '1', 'x-failsoft-model': completion.model, vary: 'Origin', 'x-request-id': id, 'x-content-type-options': 'nosniff' };
  return new Response(JSON.stringify({ ...completion, failsoft: line }), { headers });`),
};

/** OpenAI's fields, with `models` for a chain. */
const fields = (models) => ({ fields: models.length > 1 ? { models } : { model: models[0] } });

export async function startUpstream() {
  const port = await freePort();
  const script = fileURLToPath(new URL('upstream.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { origin: `http://127.0.0.1:${port}`, url: `http://127.0.0.1:${port}/v1`, stop: async () => child.kill() };
}

/** One of `FLOORS`, with more `options` of workerd and with flags of V8. */
export async function startFloor(url, name, options, v8) {
  return { ...(await bare(FLOORS[name](url), [], options, v8)), prepare: fields };
}

/** Portkey's gateway. Headers name the target, and the models to try after a failure. */
export async function startPortkey(url, options) {
  const target = { provider: 'openai', api_key: 'k', custom_host: url };
  const chain = (models) => ({
    strategy: { mode: 'fallback', on_status_codes: [429] },
    targets: models.map((model) => ({ ...target, override_params: { model } })),
  });
  const prepare = (models) => ({
    headers: { 'x-portkey-config': JSON.stringify(models.length > 1 ? chain(models) : target) },
    fields: { model: models[0] },
  });
  return { ...(await bare(await portkey(), ['nodejs_compat'], options)), prepare };
}

/** The edge: without objects and database, or with `accounting`, where clients have a key and models have a price. */
export async function startFailsoft(url, { accounting = false, ...rest } = {}) {
  const routes = Object.fromEntries(LANES.map((lane) => [lane, { models: ['m'], lane }]));
  const policy = { retry: { same: 0 }, breaker: { failures: 0 } };
  const upstream = { url, dialect: 'openai', ...(accounting && { models: [PRICED] }) };
  const failsoft = { upstream, policy, routes, ...(accounting ? { keys: [clientKey()] } : { access: 'loopback' }) };
  if (!accounting) return { ...(await startEdge({ failsoft, without: ['ACCOUNTS'], database: false, shared: false, ...rest })), prepare: fields };
  const headers = { authorization: `Bearer ${CLIENT_KEY}` };
  return { ...(await startEdge({ failsoft, ...rest })), prepare: (models) => ({ headers, ...fields(models) }) };
}
const PRICED = { id: 'm', contextLength: 128_000, maxOutput: 4_096, prompt: 2.5, completion: 10 };

/** The edge with one of its lanes. */
export const inLane = (server, lane) => ({ ...server, prepare: () => server.prepare([`route/${lane}`]) });

/** A Worker in JavaScript that makes the edge's calls to objects and the database. */
export async function startCalls(url, rest) {
  const modules = [
    '(name = "calls.worker.mjs", esModule = embed "/bench/edge/calls.worker.mjs")',
    '(name = "write.sql", text = embed "/src/ledger/write.sql")',
  ];
  const failsoft = { url, key: clientKey() };
  return { ...(await startEdge({ failsoft, modules, ...rest })), prepare: (models) => ({ headers: { authorization: `Bearer ${CLIENT_KEY}` }, ...fields(models) }) };
}

/** A module in bare workerd. */
async function bare(source, flags, options = [], v8 = []) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
  const port = await freePort();
  await writeFile(join(folder, 'worker.mjs'), source);
  await writeFile(join(folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker0", worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
      compatibilityDate = "2026-11-01", compatibilityFlags = ${JSON.stringify(flags)}, globalOutbound = "network")),
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker0")],
  v8Flags = ${JSON.stringify(v8)},
);`);
  return startProgram(WORKERD, ['serve', join(folder, 'config.capnp'), ...options], {}, port, folder);
}
