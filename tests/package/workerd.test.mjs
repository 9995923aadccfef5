// The package's entries for workers, in real workerd: a call that falls back, in one piece and streamed.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startWorkerd } from '../support/edge.mjs';
import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const WORKER = `import { chatStreaming, chatWithFallback } from './failsoft.js';
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const options = { baseURL: searchParams.get('to'), apiKey: 'sk-or-test', dialect: 'openai', models: ['fault/unavailable', 'openai/gpt-4o'] };
    const messages = [{ role: 'user', content: 'Hello?' }];
    if (pathname === '/whole') return Response.json(await chatWithFallback(messages, options));
    if (pathname === '/stream') return (await chatStreaming(messages, options)).toResponse();
    return new Response('ready');
  },
};`;

/** Each entry, and the name under which it imports the WebAssembly. */
const ENTRIES = [['workerd.js', 'failsoft_bg.wasm'], ['edge-light.js', 'failsoft_bg.wasm?module']];

const config = (wasm) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "network", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "failsoft.js", esModule = embed "failsoft.js"),
    (name = "${wasm}", wasm = embed "failsoft_bg.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  globalOutbound = "network",
);
`;

let emulator;

before(async () => {
  emulator = await startEmulator();
});
after(() => emulator?.stop());

for (const [entry, wasm] of ENTRIES) {
  test(`${entry} answers, in one piece and streamed`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'failsoft-workerd-'));
    await copyFile(join(PACKAGE, entry), join(folder, 'failsoft.js'));
    await copyFile(join(PACKAGE, 'failsoft_bg.wasm'), join(folder, 'failsoft_bg.wasm'));
    await writeFile(join(folder, 'worker.js'), WORKER);
    await writeFile(join(folder, 'config.capnp'), config(wasm));
    const { origin, stop } = await startWorkerd(['serve', join(folder, 'config.capnp')], {}, ['http'], folder);
    try {
      await emulator.clear();
      const whole = await (await fetch(`${origin}/whole?to=${emulator.baseURL}`)).json();
      assert.deepEqual([whole.model, whole.choices[0].message.content], ['openai/gpt-4o', 'openai/gpt-4o says: Hello?']);
      const streamed = await (await fetch(`${origin}/stream?to=${emulator.baseURL}`)).text();
      const chunks = [...streamed.matchAll(/^data: (\{.*\})$/gm)].map(([, chunk]) => JSON.parse(chunk));
      assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'openai/gpt-4o says: Hello?');
      assert.ok(streamed.endsWith('data: [DONE]\n\n'));
      const chain = [['fault/unavailable'], ['openai/gpt-4o']];
      assert.deepEqual(asked(await emulator.log()), [...chain, ...chain]);
    } finally {
      await stop();
    }
  });
}
