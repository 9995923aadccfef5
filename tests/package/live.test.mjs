// The checks of `cargo xtask live`, against the emulator: the emulator behaves as the project assumes that OpenRouter does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Unknown, connect } from '../live/api.mjs';
import { ROOT, startEmulator } from '../support/process.mjs';

const ANSWERING = 'openai/gpt-4o-mini';
const CONTINUING = 'meta-llama/llama-3.3-70b-instruct';
const KEY = 'sk-or-live-canary';

let emulator;

before(async () => {
  // Slow enough for a stream to be left, and generations that appear late.
  emulator = await startEmulator(['--word-delay', '20', '--generation-delay', '400']);
});
beforeEach(() => emulator.clear());
after(() => emulator?.stop());

async function live({ url = emulator.baseURL, key = KEY } = {}) {
  const env = { ...process.env, UPSTREAM_API_KEY: key };
  const child = spawn(process.execPath, [join(ROOT, 'tests/live/live.mjs'), url], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (piece) => (printed += piece));
  const [code] = await once(child, 'close');
  assert.ok(!printed.includes(KEY), 'the key is printed');
  const lines = printed.trimEnd().split('\n');
  return { code, lines, last: lines.at(-1), row: (words) => lines.find((line) => line.includes(words)) ?? assert.fail(printed) };
}

const generations = async () => (await fetch(`${emulator.origin}/emulator/generations`)).json();

test('every assumption holds, and the reported cost is the charged cost', async () => {
  const { code, lines, last, row } = await live();
  assert.equal(lines.length, 16);
  for (const line of lines.slice(0, -1)) assert.match(line, / … holds( \(.*\))?$/);
  assert.ok(Number(/after (\d+\.\d) s/.exec(row('looked up when'))[1]) >= 0.4);
  assert.match(last, /^15 hold, 0 differ, 0 are unknown; /);
  const charged = (await generations()).reduce((sum, { total_cost: cost }) => sum + cost, 0);
  assert.ok(charged > 0);
  assert.ok(last.includes(`spent $${charged.toFixed(6)} of at most $0.01`), `${last}; charged ${charged}`);
  assert.equal(code, 0);
});

test('every answer is short, and expensive endpoints are excluded', async () => {
  await live();
  const chats = (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
  assert.equal(chats.length, 8);
  for (const { body } of chats) {
    assert.equal(body.max_tokens, 16);
    assert.ok(body.provider.max_price.prompt <= 3 && body.provider.max_price.completion <= 10);
  }
});

test('a request that could cost more than the rest of the budget is not sent', async () => {
  const api = connect(emulator.baseURL, KEY, 1e-6);
  const { data } = (await api.get('models')).body;
  const model = data.find(({ id }) => id === ANSWERING);
  await emulator.clear();
  await assert.rejects(api.complete([model], { model: ANSWERING, messages: [{ role: 'user', content: 'Hello' }] }), Unknown);
  assert.deepEqual(await emulator.log(), []);
  assert.equal(api.spent(), 0);
});

test('a stream without usage and a model that starts over are reported as differences', async () => {
  await emulator.script(ANSWERING, ['healthy', 'healthy', 'cut-after-finish']);
  await emulator.script(CONTINUING, ['healthy', `say:${CONTINUING} says: Count`]);
  const { code, last, row } = await live();
  assert.match(row('usage comes once'), /DIFFERS: no chunk has usage$/);
  assert.match(row('trailing assistant'), /DIFFERS: it started over$/);
  assert.match(last, /, [2-9] differ, /);
  assert.equal(code, 1);
});

test('a rate-limited model gives no result', async () => {
  await emulator.script(ANSWERING, Array(9).fill('rate-limited'));
  const { code, last, row } = await live();
  assert.match(row('names its provider'), /unknown: the request was answered with 429$/);
  assert.match(row('more than 3 models'), /holds$/);
  assert.match(last, /, 0 differ, /);
  assert.equal(code, 0);
});

test('a refused or missing key prevents all checks', async () => {
  for (const [key, expected] of [['sk-or-invalid', /^live: GET key was answered with 401$/], ['', /^live: needs a URL/]]) {
    const { code, lines } = await live({ key });
    assert.equal(lines.length, 1);
    assert.match(lines[0], expected);
    assert.equal(code, 2);
  }
});
