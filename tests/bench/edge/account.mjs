// How many calls one account can make in a second. Its Durable Object is the limit. A call is what the object does for one
// call of a client: it holds, notes a generation and settles, and it stores each of these before it answers. The object
// runs in bare workerd and is called by a worker that does nothing else.

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WORKER, WORKERD, freePort, startProgram } from '../../support/edge.mjs';
import { shorten } from '../short.mjs';
import { median } from '../statistics.mjs';

const CALLS = shorten(3_000, 64);
const AT_ONCE = 64;
const ROUNDS = shorten(3, 1);

const DRIVER = `
const row = (id) => ({ id, call: id, revision: 0, at: Date.now(), account: 'key:bench', client: 'bench', route: null,
  feature: null, asked: ['openai/gpt-4o'], model: 'openai/gpt-4o', provider: 'OpenAI', role: 'answer', outcome: 'answered',
  prompt_tokens: 10, completion_tokens: 20, cost: 1000000, settled: 'told', generation: 'gen-' + id, first_token: 1,
  duration: 2, ended: 'answered' });
const limits = { requests: [null, null, 1e9], tokens: [null, 1e12, null], usd: [null, 1e15, null], concurrent: 1e6 };
const trace = (id) => ({ url: 'https://u.example/chat/completions', grounded: false, status: 200, generation: 'gen-' + id });

export default {
  async fetch(request, env) {
    const { calls, atOnce } = await request.json().catch(() => ({}));
    if (!calls) return new Response('ready');
    const object = env.ACCOUNTS.getByName('key:bench');
    const post = async (message) => {
      const answer = await object.fetch('https://accounts/', { method: 'POST', body: JSON.stringify(message) });
      const text = await answer.text();
      if (text !== '"done"') throw new Error(text);
    };
    let left = calls;
    const repeat = async () => {
      while (left-- > 0) {
        const id = crypto.randomUUID();
        const asked = { amount: { requests: 1, tokens: 100, usd: 1e9 }, lease: 600000, row: row(id) };
        await post({ hold: { id, limits, asked } });
        await post({ note: { id, number: 1, traces: [trace(id)] } });
        await post({ settle: { id, ended: { rows: [row(id + '/0')], traces: [trace(id)] } } });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, repeat));
    return new Response('done');
  },
};
`;

export async function account() {
  const workerd = await start();
  try {
    await run(workerd, 100);
    const rates = [];
    for (let round = 0; round < ROUNDS; round++) rates.push(CALLS / (await run(workerd, CALLS)));
    return [{ title: 'Calls of one account', head: ['calls at once', 'calls a second'], rows: [[AT_ONCE, Math.round(median(rates))]] }];
  } finally {
    await workerd.stop();
  }
}

/** The seconds that the driver needs for `calls` calls. */
async function run(workerd, calls) {
  const start = performance.now();
  const answer = await fetch(workerd.origin, { method: 'POST', body: JSON.stringify({ calls, atOnce: AT_ONCE }) });
  if ((await answer.text()) !== 'done') throw new Error(workerd.said());
  return (performance.now() - start) / 1_000;
}

async function start() {
  const wrangler = JSON.parse((await readFile(join(WORKER, 'wrangler.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
  const port = await freePort();
  const date = `compatibilityDate = "${wrangler.compatibility_date}"`;
  await writeFile(join(folder, 'driver.mjs'), DRIVER);
  await writeFile(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "driver", worker = (
      modules = [(name = "driver.mjs", esModule = embed "driver.mjs")], ${date},
      bindings = [(name = "ACCOUNTS", durableObjectNamespace = (className = "Account", serviceName = "edge"))])),
    (name = "edge", worker = (
      modules = [
        (name = "entry.mjs", esModule = embed "/entry.mjs"),
        (name = "build/index.js", esModule = embed "/build/index.js"),
        (name = "build/index_bg.wasm", wasm = embed "/build/index_bg.wasm"),
      ], ${date},
      durableObjectNamespaces = [(className = "Account", uniqueKey = "Account", enableSql = true)],
      durableObjectStorage = (localDisk = "disk"))),
    (name = "disk", disk = (path = "${folder}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "driver")],
);
`,
  );
  return startProgram(WORKERD, ['serve', join(folder, 'config.capnp'), `--import-path=${WORKER}`], {}, port, folder);
}
