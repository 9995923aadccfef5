// The breaker of a model that is down: after a few calls the model is not asked, one call probes the model after each
// cooldown, and the model serves again soon after it has recovered. With one isolate, and with four that share their breakers
// through a Durable Object; no request waits for this object.
//
// A cooldown of 2 s with a call every 0.4 s stands for 20 s and 4 s. The tests count requests in the emulator's log. On a
// slow machine the calls take longer, and each further cooldown allows for one more request.

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

/** Makes calls one after the other, with a pause between them, while `more` returns true. Returns the models that answered. */
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
      // Each isolate has one successful call before the model goes down.
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
      // After one call each, all isolates know that the breaker is closed.
      const later = await calls(edge, (models) => models.length < 3 * isolates);
      assert.deepEqual(later.slice(-isolates), Array(isolates).fill(PRIMARY));
      assert.doesNotMatch(edge.said(), /"event":"breakers"/);
    });
  });
}

test('without the Durable Object an isolate keeps its own breakers', async () => {
  await withEdge({ failsoft: failsoft(), shared: false }, async (edge) => {
    await emulator.script(PRIMARY, Array(100).fill('unavailable'));
    await calls(edge, (models) => models.length < 8);
    assert.ok((await reached()) <= 4);
    await emulator.script(PRIMARY, []);
    const after = await calls(edge, (models) => models.length < 9 && models.at(-1) !== PRIMARY);
    assert.equal(after.at(-1), PRIMARY);
  });
});

test('failures under the clocks or the provider choice of one caller do not open the breaker for other callers', async () => {
  await withEdge({ failsoft: failsoft(), isolates: 2 }, async (edge) => {
    await emulator.script(PRIMARY, Array(10).fill('slow-first-token'));
    const hasty = { model: 'route/chat', stream: true, failsoft: { timeouts: { firstToken: 2_500 } } };
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
