// How many calls one account can make in a second: `node tests/bench/account.mjs [CALLS] [AT ONCE]`, after `cargo xtask build
// worker`. Its object is the bound; a call is what the object does for one: it holds, is told of a generation, and settles,
// each written down before the answer. In bare workerd, by a worker that does nothing else.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WORKER, WORKERD, freePort, running } from '../support/edge.mjs';

const [calls = 3_000, atOnce = 64] = process.argv.slice(2).map(Number);

const driver = `
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
    const tell = async (message) => {
      const answer = await object.fetch('https://accounts/', { method: 'POST', body: JSON.stringify(message) });
      const text = await answer.text();
      if (text !== '"done"') throw new Error(text);
    };
    let left = calls;
    const lane = async () => {
      while (left-- > 0) {
        const id = crypto.randomUUID();
        const asked = { amount: { requests: 1, tokens: 100, usd: 1e9 }, lease: 600000, row: row(id) };
        await tell({ hold: { id, limits, asked } });
        await tell({ note: { id, number: 1, traces: [trace(id)] } });
        await tell({ settle: { id, ended: { rows: [row(id + '/0')], traces: [trace(id)] } } });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return new Response('done');
  },
};
`;

const wrangler = JSON.parse((await readFile(join(WORKER, 'wrangler.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
const port = await freePort();
await writeFile(join(folder, 'driver.mjs'), driver);
const dated = `compatibilityDate = "${wrangler.compatibility_date}"`;
await writeFile(
  join(folder, 'config.capnp'),
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "driver", worker = (
      modules = [(name = "driver.mjs", esModule = embed "driver.mjs")], ${dated},
      bindings = [(name = "ACCOUNTS", durableObjectNamespace = (className = "Account", serviceName = "edge"))])),
    (name = "edge", worker = (
      modules = [
        (name = "entry.mjs", esModule = embed "/entry.mjs"),
        (name = "build/index.js", esModule = embed "/build/index.js"),
        (name = "build/index_bg.wasm", wasm = embed "/build/index_bg.wasm"),
      ], ${dated},
      durableObjectNamespaces = [(className = "Account", uniqueKey = "Account", enableSql = true)],
      durableObjectStorage = (localDisk = "disk"))),
    (name = "disk", disk = (path = "${folder}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "driver")],
);
`,
);
const workerd = await running(WORKERD, ['serve', join(folder, 'config.capnp'), `--import-path=${WORKER}`], {}, port, folder);
try {
  const run = async (count) => {
    const began = performance.now();
    const answer = await fetch(workerd.origin, { method: 'POST', body: JSON.stringify({ calls: count, atOnce }) });
    if ((await answer.text()) !== 'done') throw new Error(workerd.said());
    return (performance.now() - began) / 1_000;
  };
  await run(100);
  console.log(`${Math.round(calls / (await run(calls)))} calls per second, ${atOnce} at once`);
} finally {
  await workerd.stop();
  await rm(folder, { recursive: true, force: true });
}
