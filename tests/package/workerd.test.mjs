// The package's entries for workers, in real workerd: a call that falls back, in one piece and streamed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { PACKAGE, asked, startEmulator } from '../support/process.mjs';
import { startModules } from '../support/workerd.mjs';

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

let emulator;

before(async () => {
  emulator = await startEmulator();
});
after(() => emulator?.stop());

for (const [entry, wasm] of ENTRIES) {
  test(`${entry} answers, in one piece and streamed`, async () => {
    const { origin, stop } = await startModules(WORKER, { 'failsoft.js': join(PACKAGE, entry), [wasm]: join(PACKAGE, 'failsoft_bg.wasm') });
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
