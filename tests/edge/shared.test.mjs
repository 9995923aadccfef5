// What all clients share is not at the mercy of one: the budget of a route, the breakers, and the budget of the whole edge,
// which the owner can also pause.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { configure, setUp, useEmulator, withEdge } from './use-edge.mjs';

const OTHER_KEY = 'fs_other_client';
const FIRST = 'openai/gpt-4o-mini';
const ADMIN = 'admin-token-of-this-test-0123456789abcdef';
const HELLO = { model: 'route/chat', max_tokens: 1_000, messages: [{ role: 'user', content: 'hello' }] };
/** The most that one answer of HELLO costs at the slow upstream. */
const ONE = 0.01;

const emulator = useEmulator();

/** An upstream that sends its headers after `delay` milliseconds, and nothing else. With `serves`, it answers at once. */
const slow = { delay: 0, serves: false, requests: 0 };

setUp(async () => {
  slow.server = createServer(async (incoming, response) => {
    if (incoming.url.includes('/generation')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ data: { total_cost: 0.0001 } }));
    }
    for await (const _ of incoming);
    if (incoming.method !== 'POST') return response.writeHead(404).end('{}');
    slow.requests += 1;
    const id = `gen-${slow.requests}`;
    if (slow.serves) {
      response.writeHead(200, { 'content-type': 'application/json', 'x-generation-id': id });
      const message = { role: 'assistant', content: 'hi' };
      const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10, cost: 0.0001 };
      return response.end(JSON.stringify({ id, model: 'm', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }));
    }
    if (slow.delay === null) return;
    await sleep(slow.delay);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-generation-id': id });
    response.write(': waiting\n\n');
  }).listen(0, '127.0.0.1');
  await once(slow.server, 'listening');
});
after(() => {
  slow.server?.closeAllConnections();
  slow.server?.close();
});

const slowRoute = (budget, more = {}) => ({
  upstream: {
    url: `http://127.0.0.1:${slow.server.address().port}/v1`,
    dialect: 'openai',
    models: [{ id: 'm', prompt: 1, completion: 10 }],
  },
  keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)],
  routes: { chat: { models: ['m'], budget } },
  policy: { attempts: 1, timeouts: { total: 20_000 }, breaker: { failures: 0 } },
  ...more,
});

/** Sends a stream's request, and resets the connection as soon as the upstream has it, or the edge has refused it. */
async function leave(edge) {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  sent.on('error', () => {});
  const before = slow.requests;
  let text = null;
  sent.on('response', (response) => {
    response.on('error', () => {});
    response.setEncoding('utf8').on('data', (piece) => (text = (text ?? '') + piece));
  });
  const closed = new Promise((resolve) => sent.once('close', resolve));
  sent.end(JSON.stringify({ ...HELLO, stream: true }));
  while (slow.requests === before && text === null) await sleep(10);
  if (text === null) sent.socket.resetAndDestroy();
  await closed;
  return text;
}

/** Waits until the other client is answered. A lease that one isolate holds lasts for some seconds. */
async function served(edge) {
  slow.serves = true;
  const until = Date.now() + 40_000;
  for (;;) {
    const answer = await chat(edge, HELLO, { key: OTHER_KEY });
    if (answer.status === 200) return;
    assert.ok(Date.now() < until, answer.text);
    await sleep(500);
  }
}

/** The use of a key's account today, when nothing is held. */
async function settled(edge, key = CLIENT_KEY) {
  const until = Date.now() + 40_000;
  for (;;) {
    const { usd } = JSON.parse((await send(edge, '/v1/usage', { key })).text);
    if (usd.day.held === 0) return usd.day.used;
    assert.ok(Date.now() < until, JSON.stringify(usd));
    await sleep(100);
  }
}

test('calls that hang up before the headers do not use up a route', async () => {
  Object.assign(slow, { delay: 600, serves: false, requests: 0 });
  // Fifteen calls at the most that each can cost would be more than the route has.
  await withEdge({ failsoft: slowRoute({ usd: { day: ONE * 12 } }) }, async (edge) => {
    let left = 0;
    const until = Date.now() + 90_000;
    while (left < 15) {
      if ((await leave(edge)) === null) left += 1;
      else await sleep(500);
      assert.ok(Date.now() < until, `${left} calls`);
    }
    assert.ok(Math.abs((await settled(edge)) - 15 * 0.0001) < 1e-9, 'each call costs what the upstream says');
    await served(edge);
  });
});

/** Sends calls that last until the account's share of `owner` refuses one, whose text is returned. */
async function exhaust(edge, owner) {
  const until = Date.now() + 60_000;
  for (;;) {
    const refused = await leave(edge);
    if (refused?.includes(`share of the ${owner}`)) return refused;
    if (refused !== null) await sleep(200);
    assert.ok(Date.now() < until, `${refused}`);
  }
}

const SHARED = { usd: { day: ONE * 20 } };
for (const [owner, failsoft] of [['route', () => slowRoute(SHARED)], ['edge', () => slowRoute({}, { budget: SHARED })]]) {
  test(`one account cannot use up ${owner === 'edge' ? 'the edge' : 'a route'} that others share`, async () => {
    Object.assign(slow, { delay: null, serves: false, requests: 0 });
    await withEdge({ failsoft: failsoft() }, async (edge) => {
      assert.match(await exhaust(edge, owner), new RegExp(`the budget of this account's share of the ${owner}, 0\\.1 USD a day`));
      assert.ok((await settled(edge)) <= ONE * 10 + 0.001);
      await served(edge);
    });
  });
}

test('of the edge, an account may use the part that the owner states, or what its own limit says', async () => {
  Object.assign(slow, { delay: null, serves: false, requests: 0 });
  const keys = [clientKey(), clientKey({ name: 'other', budget: { usd: { day: ONE * 9 } } }, OTHER_KEY)];
  await withEdge({ failsoft: slowRoute({}, { keys, budget: SHARED, accountShare: 20 }) }, async (edge) => {
    assert.match(await exhaust(edge, 'edge'), /share of the edge, 0\.04 USD a day/);
    assert.ok((await settled(edge)) <= ONE * 4 + 0.001);
    slow.serves = true;
    const call = () => chat(edge, { ...HELLO, max_tokens: 7_000 }, { key: OTHER_KEY });
    const until = Date.now() + 40_000;
    let answer;
    // The hold of this call is more than a fifth of the edge's budget, and it is not the first of the account.
    await served(edge);
    do answer = await call();
    while (answer.status !== 200 && Date.now() < until);
    assert.equal(answer.status, 200, answer.text);
  });
});

const pair = (fields) => configure(emulator, { keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)], ...fields });
const chain = { routes: { chat: { models: [FIRST, SECOND] } }, policy: { ...POLICY, breaker: { failures: 3, cooldown: 20_000 } } };
const primary = async () => asked(await emulator.log()).flat().filter((model) => model === FIRST).length;

test('the failures of one account do not open a breaker for others', async () => {
  await withEdge({ failsoft: pair(chain), isolates: 2 }, async (edge) => {
    const call = (at, key = CLIENT_KEY) => chat({ origin: edge.origins[at] }, { model: 'route/chat' }, { key });
    await emulator.script(FIRST, Array(20).fill('unavailable'));
    for (const at of [0, 1, 0, 1, 0, 1, 0, 1]) await call(at);
    assert.equal(await primary(), 8, 'the model was asked each time');
    await emulator.script(FIRST, []);
    for (const at of [0, 1]) assert.equal((await call(at, OTHER_KEY)).headers['x-failsoft-model'], FIRST);
    // The failures of both accounts open the breaker.
    await emulator.script(FIRST, Array(40).fill('unavailable'));
    await emulator.clear();
    await emulator.script(FIRST, Array(40).fill('unavailable'));
    for (let nth = 0; nth < 8; nth += 1) {
      await call(0, nth % 2 ? OTHER_KEY : CLIENT_KEY);
      await sleep(100);
    }
    assert.ok((await primary()) <= 5, `${await primary()}`);
  });
});

test('failures under parameters that a caller chose open no breaker, whoever they are', async () => {
  await withEdge({ failsoft: pair(chain) }, async (edge) => {
    for (const more of [{ reasoning: { exclude: true } }, { top_k: 1 }, { logit_bias: { 5: -100 } }]) {
      await emulator.clear();
      await emulator.script(FIRST, Array(10).fill('unavailable'));
      for (let nth = 0; nth < 6; nth += 1) {
        await chat(edge, { model: 'route/chat', ...more }, { key: nth % 2 ? OTHER_KEY : CLIENT_KEY });
      }
      assert.equal(await primary(), 6, JSON.stringify(more));
    }
  });
});

for (const period of ['hour', 'day']) {
  test(`the budget of the edge bounds all accounts on all isolates, in each ${period}`, async () => {
    Object.assign(slow, { serves: true, requests: 0 });
    // The edge leases to each isolate what it holds for one call: two answers.
    const budget = { usd: { [period]: ONE * 9 } };
    await withEdge({ failsoft: slowRoute({}, { budget }), isolates: 2 }, async (edge) => {
      slow.serves = false;
      slow.delay = 3_000;
      const calls = Array.from({ length: 16 }, (_, at) =>
        chat({ origin: edge.origins[at % 2] }, { ...HELLO, stream: true, failsoft: { timeouts: { total: 4_000 } } }, { key: at % 4 < 2 ? CLIENT_KEY : OTHER_KEY }));
      const answers = await Promise.all(calls);
      const refused = answers.filter(({ status }) => status === 402);
      assert.ok(slow.requests >= 1 && slow.requests <= 4, `${slow.requests} calls were sent`);
      assert.equal(refused.length, 16 - slow.requests);
      assert.match(refused[0].json.error.message, new RegExp(`^the budget of this edge, 0\\.09 USD a ${period}, `));
      assert.deepEqual([refused[0].json.error.code, refused[0].json.failsoft.budget.span], ['budget_exceeded', period]);
    });
  });
}

test('a pause lasts when the machine is killed, and a stream that runs finishes', async () => {
  const options = { failsoft: pair({}), secrets: { ADMIN_TOKEN: ADMIN }, isolates: 2 };
  const edge = await startEdge(options);
  const stream = chat(edge, { model: SECOND, stream: true, messages: [{ role: 'user', content: 'words:20 pace:60' }] });
  await emulator.log('arrived');
  assert.equal((await send(edge, '/admin/pause', { method: 'POST', key: ADMIN })).status, 200);
  const { events } = await stream;
  assert.ok(events.done && events.text.startsWith('word1 '), 'the running stream is whole');
  await edge.kill();
  await withEdge({ ...options, folder: edge.folder }, async (again) => {
    for (const origin of again.origins) {
      const refused = await chat({ origin }, { model: SECOND });
      assert.deepEqual([refused.status, refused.json.error.code], [503, 'paused'], refused.text);
    }
    assert.equal((await send(again, '/admin/resume', { method: 'POST', key: ADMIN })).status, 200);
    const until = Date.now() + 20_000;
    let status;
    do ({ status } = await chat({ origin: again.origins[1] }, { model: SECOND }));
    while (status !== 200 && Date.now() < until);
    assert.equal(status, 200);
  });
});

test('a pause stops new calls on every isolate within 5 s, running calls finish, and the owner is told', async () => {
  const received = [];
  const webhook = createServer(async (incoming, response) => {
    let text = '';
    for await (const piece of incoming) text += piece;
    received.push(JSON.parse(text));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  const alerts = { url: `http://127.0.0.1:${webhook.address().port}/` };
  const told = async (text) => {
    const until = Date.now() + 20_000;
    while (!received.some((alert) => alert.kind === 'pause' && alert.text.includes(text))) {
      assert.ok(Date.now() < until, JSON.stringify(received));
      await sleep(50);
    }
  };
  const options = { failsoft: pair({ alerts, policy: {} }), secrets: { ADMIN_TOKEN: ADMIN }, isolates: 3 };
  await withEdge(options, async (edge) => {
    const admin = (method, path, key = ADMIN) => send(edge, path, { method, key });
    const call = (at) => chat({ origin: edge.origins[at] }, { model: SECOND });
    // The first two isolates know that the edge is not paused.
    for (const at of [0, 1]) assert.equal((await call(at)).status, 200);
    assert.equal((await admin('POST', '/admin/pause', CLIENT_KEY)).status, 401);
    await emulator.clear();
    await emulator.hold();
    const running = call(1);
    await emulator.log('arrived');
    const paused = await admin('POST', '/admin/pause');
    assert.deepEqual([paused.status, JSON.parse(paused.text).paused], [200, true]);
    await sleep(5_000);
    for (const at of [0, 1, 2]) {
      const refused = await call(at);
      assert.deepEqual([refused.status, refused.json.error.code], [503, 'paused'], refused.text);
      assert.ok(Number(refused.headers['retry-after']) > 0);
    }
    assert.equal(asked(await emulator.log()).length, 1, 'nothing new reached the upstream');
    await emulator.release();
    assert.equal((await running).status, 200);
    await told('is paused');
    assert.equal(JSON.parse((await admin('GET', '/admin/pause')).text).paused, true);
    assert.equal(JSON.parse((await admin('POST', '/admin/resume')).text).paused, false);
    await sleep(3_500);
    for (const at of [0, 1, 2]) assert.equal((await call(at)).status, 200);
    await told('no longer paused');
  }).finally(() => webhook.close());
});
