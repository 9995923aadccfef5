// A deployment resets the Durable Object of an account while calls run. The caller notices nothing, and nothing counts twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { SECOND, chat, send } from './harness.mjs';
import { RESET_MODULES } from './reset.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const ADMIN = 'an-admin-token-0123456789-0123456789';

const ROUTE = { models: [SECOND], budget: { tokens: { day: 90_000_000 }, requests: { day: 1_000 } } };
const { emulator, edge } = useEdge(() => ({
  modules: RESET_MODULES,
  secrets: { ADMIN_TOKEN: ADMIN },
  failsoft: { keys: [clientKey({ budget: { tokens: { day: 90_000_000 }, requests: { day: 1_000 } } })], routes: { support: ROUTE } },
}));

/** A preflight is no call. */
const resetAt = (when, of = edge) => send(of, '/v1/nothing', { method: 'OPTIONS', key: null, headers: { 'x-reset': when } });

/** The account's use today, read when no hold is left. */
async function settled() {
  for (;;) {
    const usage = JSON.parse((await send(edge, '/v1/usage')).text);
    if (usage.tokens.day.held === 0 && usage.concurrent.held === 0) return usage;
    await sleep(50);
  }
}

const chats = async () => (await emulator.log()).filter(({ method, path }) => method === 'POST' && path.endsWith('/chat/completions'));

for (const when of ['hold before', 'hold after', 'settle before', 'settle after']) {
  for (const stream of [false, true]) {
    test(`a reset of the account's object, ${when} its work, costs one hold and one request${stream ? ', streamed' : ''}`, async () => {
      const before = (await settled()).requests.day.used;
      await resetAt(when);
      const answer = await chat(edge, { model: SECOND, stream });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await chats()).length, 1);
      assert.equal((await settled()).requests.day.used, before + 1);
    });
  }
}

for (const when of ['share before', 'share after']) {
  test(`a reset of a route's object, ${when} its work, costs one lease`, async () => {
    await resetAt(when);
    const answer = await chat(edge, { model: 'route/support' });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await chats()).length, 1);
  });
}

test('an object that is reset twice is not asked a third time', async () => {
  await resetAt('hold before 2');
  const answer = await chat(edge, { model: SECOND });
  assert.deepEqual([answer.status, answer.json.error.code], [503, 'budget_unavailable']);
  assert.deepEqual(await chats(), []);
  assert.equal((await chat(edge, { model: SECOND })).status, 200);
});

test('a new isolate does not deny stored routes while nobody tells it about them', async () => {
  await withEdge({ modules: RESET_MODULES, secrets: { ADMIN_TOKEN: ADMIN }, failsoft: configure(emulator) }, async (fresh) => {
    await resetAt('"readstate" before 2', fresh);
    const codes = [];
    for (let at = 0; at < 2; at += 1) codes.push((await chat(fresh, { model: 'route/stored' })).json.error.code);
    assert.deepEqual(codes, ['routes_unavailable', 'model_not_found'], 'the second time the object says that there are none');
  });
});

test('breakers whose object does not answer are not shown as closed', async () => {
  const read = async () => JSON.parse((await send(edge, '/admin/breakers', { key: ADMIN })).text);
  assert.deepEqual(await read(), { data: [] });
  await resetAt('{} before');
  assert.equal((await read()).error?.code, 'breakers_unavailable');
  assert.deepEqual(await read(), { data: [] });
});
