// A model that is down: left alone after a few calls, probed by one, and back soon after it is well. By one isolate, and
// by four that share what they know through a Durable Object which no request waits for.
//
// A cooldown of 2 s and a call every 0.4 s have the shape of 20 s and 4 s. What is counted is requests, by the emulator's
// log; on a machine that is slower than that, each further cooldown allows for one more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { asked } from '../support/process.mjs';
import { POLICY, SECOND, chat, textOf } from './harness.mjs';
import { configure, useEmulator, withEdge } from './use-edge.mjs';

const PRIMARY = 'openai/gpt-4o-mini';
const COOLDOWN = 2_000;
const SPACING = COOLDOWN / 5;

const emulator = useEmulator();

const failsoft = () =>
  configure(emulator, { policy: { ...POLICY, breaker: { failures: 3, cooldown: COOLDOWN } }, routes: { chat: { models: [PRIMARY, SECOND] } } });

/** Calls in turn, spaced out, for as long as `more` says; the models that answered. */
async function calls(edge, more, body = { model: 'route/chat' }) {
  const models = [];
  for (let at = 0; more(models); at += 1) {
    const began = Date.now();
    const answer = await chat({ origin: edge.origins[at % edge.origins.length] }, body);
    assert.equal(answer.status, 200, answer.text);
    models.push(answer.headers['x-failsoft-model']);
    assert.ok(textOf(answer).length > 0);
    await sleep(Math.max(0, SPACING - (Date.now() - began)));
  }
  return models;
}

const reached = async () => asked(await emulator.log()).flat().filter((model) => model === PRIMARY).length;

for (const [isolates, most] of [[1, 6], [4, 10]]) {
  const who = isolates === 1 ? 'one isolate' : `${isolates} isolates together`;

  test(`a model that is down for 20 calls is asked at most ${most} times by ${who}, and serves again within 1.5 cooldowns`, async (context) => {
    await withEdge({ failsoft: failsoft(), isolates }, async (edge) => {
      // Every isolate has known the model when it was well.
      await calls(edge, (models) => models.length < isolates);
      await emulator.clear();
      await emulator.script(PRIMARY, Array(100).fill('unavailable'));
      const began = Date.now();
      const during = await calls(edge, (models) => models.length < 20);
      assert.deepEqual(during, Array(20).fill(SECOND));
      const late = Math.max(0, Math.ceil((Date.now() - began - 20.5 * SPACING) / COOLDOWN));
      const failed = await reached();
      assert.ok(failed >= 3 && failed <= most + late, `asked ${failed} times, ${late} cooldowns late`);
      await emulator.script(PRIMARY, []);
      // 1.5 cooldowns are 7.5 calls, and the first is made at once.
      const after = await calls(edge, (models) => models.length < 9 && models.at(-1) !== PRIMARY);
      assert.equal(after.at(-1), PRIMARY, after.join());
      context.diagnostic(`asked ${failed} times while it was down, served again at call ${after.length}`);
      // The news has reached everyone after a turn.
      const later = await calls(edge, (models) => models.length < 3 * isolates);
      assert.deepEqual(later.slice(-isolates), Array(isolates).fill(PRIMARY));
      assert.doesNotMatch(edge.said(), /"event":"breakers"/);
    });
  });
}

test('without the object an isolate goes on alone', async () => {
  await withEdge({ failsoft: failsoft(), shared: false }, async (edge) => {
    await emulator.script(PRIMARY, Array(100).fill('unavailable'));
    await calls(edge, (models) => models.length < 8);
    assert.ok((await reached()) <= 4);
    await emulator.script(PRIMARY, []);
    const after = await calls(edge, (models) => models.length < 9 && models.at(-1) !== PRIMARY);
    assert.equal(after.at(-1), PRIMARY);
  });
});

test("what a caller's own clocks and choice of providers come to is nobody else's", async () => {
  await withEdge({ failsoft: failsoft(), isolates: 2 }, async (edge) => {
    await emulator.script(PRIMARY, Array(10).fill('slow-first-token'));
    const hasty = { model: 'route/chat', stream: true, failsoft: { timeouts: { firstToken: 1_000 } } };
    for (const at of [0, 1, 0, 1]) {
      const answer = await chat({ origin: edge.origins[at] }, hasty);
      assert.equal(answer.headers['x-failsoft-model'], SECOND);
    }
    await emulator.script(PRIMARY, Array(4).fill('unavailable'));
    await calls(edge, (models) => models.length < 4, { model: 'route/chat', provider: { only: ['x'] } });
    assert.equal(await reached(), 8);
    assert.deepEqual(await calls(edge, (models) => models.length < 2), [PRIMARY, PRIMARY]);
  });
});
