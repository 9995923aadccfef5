// What the edge costs: CPU of workerd's process, as the operating system counts it, beside Workers of a few lines of
// JavaScript that do nothing but pass through. One run, taking turns.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WORKERD, freePort, running, startEdge } from '../support/edge.mjs';
import { generator, shuffled } from './statistics.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
/** The operating system counts CPU in hundredths of a second. */
const TICK = 10_000;

/** Workers that pass through: what comes goes out natively, by a loop that reads and writes, or is read along too. */
const FLOORS = {
  'JavaScript, native pipe': 'return new Response(answer.body, answer);',
  'JavaScript, pull loop': `const { readable, writable } = new IdentityTransformStream();
    context.waitUntil((async () => {
      const reader = answer.body.getReader(), writer = writable.getWriter();
      for (;;) { const { done, value } = await reader.read(); if (done) break; await writer.write(value); }
      await writer.close();
    })());
    return new Response(readable, answer);`,
  'JavaScript, tee': `const [theirs, ours] = answer.body.tee();
    context.waitUntil((async () => { for await (const bytes of ours) globalThis.seen = (globalThis.seen ?? 0) + bytes.length; })());
    return new Response(theirs, answer);`,
};

/** What is asked: how often in one sample, and by which body for each lane of ours. */
const ASKED = {
  'JSON of 2 KB': { times: 300, body: { model: 'm' }, rows: { 'JavaScript, native pipe': 'm', 'failsoft': 'm', 'failsoft, with hold, settle and ledger': 'm' } },
  '429, then an answer': { times: 200, body: {}, rows: { 'failsoft': ['limited', 'm'] } },
  'stream of 500 events': {
    times: 60,
    body: { stream: true },
    rows: { 'JavaScript, native pipe': 'm', 'JavaScript, tee': 'm', 'JavaScript, pull loop': 'm', 'failsoft, gate': 'route/gate', 'failsoft, relay': 'route/relay' },
  },
};

/** Microseconds of CPU for a request, by what is asked and of whom, a number for each round. */
export async function edge(rounds) {
  const upstreamPort = await freePort();
  const upstream = spawn(process.execPath, [join(HERE, 'upstream.mjs'), String(upstreamPort)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(upstream.stdout, 'data');
  const url = `http://127.0.0.1:${upstreamPort}/v1`;
  const servers = {};
  try {
    for (const [name, code] of Object.entries(FLOORS)) servers[name] = await floor(url, code);
    const failsoft = { access: 'loopback', upstream: { url, dialect: 'openai' }, policy: { retry: { same: 0 }, breaker: { failures: 0 } }, routes: { gate: { models: ['m'] }, relay: { models: ['m'], lane: 'relay' } } };
    servers['failsoft, with hold, settle and ledger'] = await startEdge({ failsoft });
    servers.failsoft = await startEdge({ failsoft, without: ['ACCOUNTS'], database: false, shared: false });
    servers['failsoft, gate'] = servers['failsoft, relay'] = servers.failsoft;
    return await measured(servers, rounds);
  } finally {
    upstream.kill();
    for (const server of new Set(Object.values(servers))) await server.stop();
  }
}

async function measured(servers, rounds) {
  const samples = {};
  const random = generator(11);
  for (const [asked, { times, body, rows }] of Object.entries(ASKED)) {
    samples[asked] = {};
    for (let round = -1; round < rounds; round++) {
      for (const name of shuffled(Object.keys(rows), random)) {
        const { origin, pid } = servers[name];
        const models = [rows[name]].flat();
        const text = JSON.stringify({ ...body, ...(models.length > 1 ? { models } : { model: models[0] }), messages: [{ role: 'user', content: 'hello' }] });
        const before = await ticks(pid);
        for (let time = 0; time < times; time++) await ask(origin, text);
        const taken = ((await ticks(pid)) - before) * TICK;
        if (round >= 0) (samples[asked][name] ??= []).push(taken / times);
      }
    }
  }
  return samples;
}

/** A Worker that passes through, in bare workerd. */
async function floor(url, code) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
  const port = await freePort();
  await writeFile(join(folder, 'floor.mjs'), `export default { async fetch(request, env, context) {
    if (request.method !== 'POST') return new Response('ready');
    const answer = await fetch('${url}/chat/completions', { method: 'POST', headers: { authorization: 'Bearer k', 'content-type': 'application/json' }, body: request.body });
    ${code}
  } };`);
  await writeFile(join(folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "floor", worker = (modules = [(name = "floor.mjs", esModule = embed "floor.mjs")], compatibilityDate = "2026-11-01", globalOutbound = "network")),
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "floor")],
);`);
  return running(WORKERD, ['serve', join(folder, 'config.capnp')], {}, port, folder);
}

/** The CPU that a process has used, its kernel time included. */
async function ticks(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask(origin, body) {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } };
    const sent = request(`${origin}/v1/chat/completions`, options, (response) => {
      let last = '';
      response.on('data', (piece) => (last = piece));
      response.on('end', () => (response.statusCode === 200 ? resolve(last) : reject(new Error(`status ${response.statusCode}: ${last}`))));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
