// Whom the edge is measured beside: each starts in bare workerd before one upstream. `asked` says how a server wants to be
// asked for `models`; who has none takes OpenAI's fields.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CLIENT_KEY, WORKERD, clientKey, freePort, running, startEdge } from '../../support/edge.mjs';
import { portkey } from './portkey.mjs';

/** The lanes of ours, each a route's. */
export const LANES = ['gate', 'relay', 'lean'];

/** A Worker of a few lines. `answer` is what the upstream gave. */
const worker = (send, give) => (url) => `export default { async fetch(request, env, context) {
  if (request.method !== 'POST') return new Response('ready');
  const send = (body, more) => fetch('${url}/chat/completions', { method: 'POST', headers: { authorization: 'Bearer k', 'content-type': 'application/json' }, body, ...more });
  ${send}
  ${give}
} };`;
const PASS = 'const answer = await send(request.body);';

/** Workers that pass through: what comes goes out natively, by a loop that reads and writes, or is read along too. */
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
  // What the edge asks of the platform for an answer in one piece, and no more than that.
  'JavaScript, same calls': worker(`let leave;
  context.waitUntil(new Promise((left) => (leave = left)));
  const told = ['authorization', 'origin', 'sec-fetch-site', 'cf-connecting-ip', 'x-request-id', 'x-feature', 'x-flow', 'traceparent', 'access-control-request-headers', 'content-length'].map((name) => request.headers.get(name));
  const timer = setTimeout(() => {}, 30_000);
  const asked = JSON.parse(new TextDecoder().decode(await request.arrayBuffer()));
  request.signal.addEventListener('abort', () => {}, { once: true });
  const { signal } = new AbortController();
  const answer = await send(JSON.stringify({ ...asked, max_tokens: 4_096 }), { signal, redirect: 'manual' });
  told.push(...['content-type', 'retry-after', 'retry-after-ms', 'x-ratelimit-reset', 'x-generation-id'].map((name) => answer.headers.get(name)));
  const completion = JSON.parse(new TextDecoder().decode(await answer.arrayBuffer()));
  clearTimeout(timer);
  const id = crypto.randomUUID();
  const line = { event: 'call', id, client: told[0], model: completion.model, tokens: completion.usage.completion_tokens };
  console.log(JSON.stringify(line));
  leave();`, `const headers = { 'content-type': 'application/json', 'cache-control': 'no-store, no-transform', 'x-failsoft-attempts': '1', 'x-failsoft-model': completion.model, vary: 'Origin', 'x-request-id': id, 'x-content-type-options': 'nosniff' };
  return new Response(JSON.stringify({ ...completion, failsoft: line }), { headers });`),
};

/** OpenAI's fields, with all models where there are several. */
const fields = (models) => ({ fields: models.length > 1 ? { models } : { model: models[0] } });

export async function startUpstream() {
  const port = await freePort();
  const script = fileURLToPath(new URL('upstream.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { origin: `http://127.0.0.1:${port}`, url: `http://127.0.0.1:${port}/v1`, stop: async () => child.kill() };
}

export async function startFloor(url, name, options) {
  return { ...(await bare(FLOORS[name](url), [], options)), asked: fields };
}

/** Portkey's gateway, which is told by headers where to go, and what to do if a model fails. */
export async function startPortkey(url, options) {
  const target = { provider: 'openai', api_key: 'k', custom_host: url };
  const chain = (models) => ({
    strategy: { mode: 'fallback', on_status_codes: [429] },
    targets: models.map((model) => ({ ...target, override_params: { model } })),
  });
  const asked = (models) => ({
    headers: { 'x-portkey-config': JSON.stringify(models.length > 1 ? chain(models) : target) },
    fields: { model: models[0] },
  });
  return { ...(await bare(await portkey(), ['nodejs_compat'], options)), asked };
}

/** The edge, without objects and database; or with all, for clients that have a key and models that have a price. */
export async function startFailsoft(url, { books = false, ...rest } = {}) {
  const routes = Object.fromEntries(LANES.map((lane) => [lane, { models: ['m'], lane }]));
  const policy = { retry: { same: 0 }, breaker: { failures: 0 } };
  const upstream = { url, dialect: 'openai', ...(books && { models: [PRICED] }) };
  const failsoft = { upstream, policy, routes, ...(books ? { keys: [clientKey()] } : { access: 'loopback' }) };
  if (!books) return { ...(await startEdge({ failsoft, without: ['ACCOUNTS'], database: false, shared: false, ...rest })), asked: fields };
  const headers = { authorization: `Bearer ${CLIENT_KEY}` };
  return { ...(await startEdge({ failsoft, ...rest })), asked: (models) => ({ headers, ...fields(models) }) };
}
const PRICED = { id: 'm', contextLength: 128_000, maxOutput: 4_096, prompt: 2.5, completion: 10 };

/** One of our routes. */
export const inLane = (server, lane) => ({ ...server, asked: () => server.asked([`route/${lane}`]) });

/** Our objects' and our database's calls, made by a Worker in JavaScript. */
export async function startCalls(url, rest) {
  const modules = [
    '(name = "calls.worker.mjs", esModule = embed "/bench/edge/calls.worker.mjs")',
    '(name = "write.sql", text = embed "/src/ledger/write.sql")',
  ];
  const failsoft = { url, key: clientKey() };
  return { ...(await startEdge({ failsoft, modules, ...rest })), asked: (models) => ({ headers: { authorization: `Bearer ${CLIENT_KEY}` }, ...fields(models) }) };
}

/** A module in bare workerd. */
async function bare(source, flags, options = []) {
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
);`);
  return running(WORKERD, ['serve', join(folder, 'config.capnp'), ...options], {}, port, folder);
}
