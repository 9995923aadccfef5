// A budget is kept, however an upstream bills. The emulator's bill is the judge: whatever its answers say, what it has charged is
// never more than the budget, and the edge has booked at least as much.

import assert from 'node:assert/strict';
import { request as sendRequest } from 'node:http';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { seededRandom } from '../support/seed.mjs';
import { beginWithin, chat } from './harness.mjs';
import { charged, finalUsage, holdOf, pico, sum, usage } from './spending.mjs';
import { useAlerts, useEmulator, withEdge } from './use-edge.mjs';

const MODELS = ['openai/gpt-4o', 'openai/gpt-4o-mini'];
/** The emulator's prices of these models, in USD for a million tokens. */
const PRICES = [
  { id: MODELS[0], prompt: 2.5, completion: 10, maxReasoning: 40 },
  { id: MODELS[1], prompt: 0.15, completion: 0.6, maxReasoning: 40 },
];
/**
 * A request whose answer is as long as its limit allows. With `separate-reasoning`, the answer has as much reasoning as the owner
 * has declared: the other upstreams count reasoning as a part of the answer.
 */
const request = (bill, more = '') => ({
  models: MODELS,
  max_tokens: 40,
  messages: [{ role: 'user', content: `words:40 ${bill === 'separate-reasoning' ? 'think:40' : ''} ${more}` }],
});
const POLICY = { attempts: 3, timeouts: { total: 30_000 }, retry: { base: 10 }, breaker: { failures: 0 } };
/** For upstreams that fall silent, and for calls that disappear: their holds expire 30 s after the longest time of a call. */
const SHORT = { ...POLICY, timeouts: { headers: 700, firstToken: 700, idle: 700, total: 4_000 } };
const BURST = 300;
const LANES = { account: 'gate', route: 'relay', edge: 'lean' };

/** The ways to bill, with what the owner declares about each. */
const BILLS = {
  openrouter: { dialect: 'openrouter', chargesErrors: false },
  'no-cost': {},
  'separate-reasoning': { reasoningBeyondLimit: true },
  'charged-errors': {},
  'under-reported': {},
};

const emulators = Object.fromEntries(Object.keys(BILLS).map((bill) => [bill, useEmulator(['--billing', bill])]));
beforeEach(() => beginWithin('day', 180_000));

const alerts = useAlerts();

/** The configuration with `budget` at `place`: of the account, of the route, or of the whole edge. */
const configured = (bill, place = 'account', policy = POLICY) => (budget) => ({
  upstream: {
    url: emulators[bill].baseURL,
    dialect: 'openai',
    ...(BILLS[bill].dialect ? {} : { models: PRICES }),
    ...BILLS[bill],
  },
  keys: [clientKey(place === 'account' ? { budget } : {})],
  // Each place has a lane: the edge learns of a cost in another way on each.
  routes: { chat: { models: MODELS, lane: LANES[place], ...(place === 'route' ? { budget } : {}) } },
  ...(place === 'edge' ? { budget } : {}),
  models: ['*'],
  policy,
  alerts: { url: alerts.url },
});

const call = (edge, at, body) => chat({ origin: edge.origins[at % 2] }, { ...body, stream: at % 4 > 1 });

/** Sends a burst of calls to both isolates, and returns the statuses. */
const burst = (edge, calls, body) => Promise.all(Array.from({ length: calls }, async (_, at) => (await call(edge, at, body)).status));

/** Sends a burst to an upstream that is well. Returns how many calls were answered. */
async function countServed(edge, calls, body) {
  const statuses = await burst(edge, calls, body);
  assert.deepEqual(statuses.filter((status) => status !== 200 && status !== 402 && status !== 429), [], 'a call is answered, or refused for its budget');
  return statuses.filter((status) => status === 200).length;
}

/** Checks the bill against `limit`, and the books of the edge against the bill. */
async function checkBill(bill, edge, limit) {
  const { used, rows } = await finalUsage(edge, () => true, 90_000);
  const paid = sum(await charged(emulators[bill]));
  assert.ok(paid > 0, 'something was charged');
  assert.ok(paid <= pico(limit), `${paid} were charged on a budget of ${pico(limit)}`);
  assert.ok(pico(used) >= paid, `${pico(used)} are booked, and ${paid} were charged`);
  return { used: pico(used), paid, rows };
}

/**
 * Checks each row against OpenRouter's bill, which has an id for each generation: a row with an id has the cost on the bill, or 0 where
 * nothing was generated. The cost of a request whose head never came is not known: such rows cover what was charged without a row.
 */
async function checkGenerations(bill, rows) {
  const paid = new Map(await charged(emulators[bill]));
  const named = rows.filter(({ generation }) => generation !== null);
  assert.deepEqual(named.filter(({ cost, settled, generation }) => settled === 'unsettled' || cost !== (paid.get(generation) ?? 0)), []);
  const unknown = rows.filter(({ settled }) => settled === 'unsettled');
  named.forEach(({ generation }) => paid.delete(generation));
  const [unnamed, booked] = [sum([...paid]), unknown.reduce((all, { cost }) => all + cost, 0)];
  assert.ok(booked >= unnamed, `${unnamed} were charged without a row, and ${booked} are booked for requests without a head`);
  return { named: named.length, unknown: unknown.length, unnamed, booked };
}

for (const bill of Object.keys(BILLS)) {
  const emulator = emulators[bill];
  for (const place of ['account', 'route', 'edge']) {
    test(`${bill}: bursts of ${BURST} calls at the same time on two isolates stay within the budget of the ${place}`, { timeout: 180_000 }, async () => {
      const failsoft = configured(bill, place);
      const one = await holdOf(configured(bill), request(bill));
      await emulator.clear();
      const limit = one * 12;
      const body = { ...request(bill), ...(place === 'account' ? {} : { models: undefined, model: 'route/chat' }) };
      await withEdge({ failsoft: failsoft({ usd: { day: limit } }), isolates: 2 }, async (edge) => {
        await emulator.hold();
        const first = countServed(edge, BURST, body);
        await emulator.log('arrived');
        await sleep(500);
        await emulator.release();
        assert.ok((await first) <= 12);
        // What the first calls did not use is spent by others, until nothing is left.
        let served = 1;
        for (let rounds = 0; served > 0 && rounds < 8; rounds += 1) served = await countServed(edge, 40, body);
        assert.equal(served, 0, 'the budget is used up, or leased');
        await checkBill(bill, edge, limit);
      });
    });
  }
}

for (const bill of Object.keys(BILLS)) {
  const emulator = emulators[bill];
  test(`${bill}: bursts of ${BURST} calls at the same time on two isolates stay within a budget of tokens`, { timeout: 180_000 }, async () => {
    const failsoft = configured(bill);
    const limit = (await holdOf(failsoft, request(bill), 'tokens')) * 6;
    await emulator.clear();
    await withEdge({ failsoft: failsoft({ tokens: { day: limit } }), isolates: 2 }, async (edge) => {
      let served = await countServed(edge, BURST, request(bill));
      assert.ok(served > 0);
      for (let rounds = 0; served > 0 && rounds < 8; rounds += 1) served = await countServed(edge, 40, request(bill));
      await finalUsage(edge);
      const { used } = (await usage(edge)).tokens.day;
      const generations = await emulator.generations();
      const paid = generations.reduce((all, { tokens_prompt: prompt, tokens_completion: completion }) => all + prompt + completion, 0);
      assert.ok(paid > 0 && paid <= limit, `${paid} were charged on a budget of ${limit}`);
      assert.equal(used, paid);
    });
  });
}

/** Every way in which the emulator fails, without those that take until the client leaves. */
const FAULTS = (bill) => [
  'healthy', 'healthy', 'healthy', 'server-error', 'bad-gateway', 'gateway-timeout', 'cloudflare-524', 'string-code', 'timeout-408', 'unavailable',
  'overloaded', 'rate-limited', 'reset', 'reset-after-headers', 'reset-mid-body', 'cut', 'cut-hard', 'cut-mid-event', 'cut-after-finish',
  'missing-done', 'error-mid-stream', 'malformed-chunk', 'empty', 'refusal', 'refusal-text',
  'content-filter', 'length', 'sse-when-json', 'json-when-stream', 'no-cost', 'stall', 'slow-headers',
  // OpenRouter generates nothing then, and the edge looks for the generation for ten minutes.
  ...(bill === 'openrouter' ? [] : ['error-first', 'error-in-200', 'malformed-body']),
];

/** Sends a stream's request, and resets the connection after `ms` milliseconds. */
async function leave(edge, at, body, ms) {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
  const sent = sendRequest(`${edge.origins[at % 2]}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  const ended = new Promise((resolve) => sent.once('close', resolve));
  sent.on('error', () => {});
  sent.on('response', (response) => response.on('error', () => {}).resume());
  sent.end(JSON.stringify({ ...body, stream: at % 4 > 1 }));
  await Promise.race([ended, sleep(ms)]);
  sent.socket?.resetAndDestroy();
  await ended;
}

for (const bill of Object.keys(BILLS)) {
  test(`${bill}: a burst of ${BURST} calls with every fault and with clients that leave stays within the budget`, { timeout: 180_000 }, async (t) => {
    const random = seededRandom(t);
    const emulator = emulators[bill];
    const failsoft = configured(bill, 'account', SHORT);
    const one = await holdOf(failsoft, request(bill));
    await emulator.clear();
    const faults = FAULTS(bill);
    for (const model of MODELS) await emulator.script(model, Array.from({ length: 400 }, () => faults[Math.floor(random() * faults.length)]));
    const limit = one * 60;
    await withEdge({ failsoft: failsoft({ usd: { day: limit } }), isolates: 2 }, async (edge) => {
      const pauses = Array.from({ length: BURST }, () => random() * 2_000);
      const stays = Array.from({ length: BURST }, () => (random() < 0.3 ? random() * 800 : null));
      await Promise.all(pauses.map(async (pause, at) => {
        await sleep(pause);
        if (stays[at] === null) await call(edge, at, request(bill));
        else await leave(edge, at, request(bill), stays[at]);
      }));
      const { rows } = await checkBill(bill, edge, limit);
      if (bill === 'openrouter') t.diagnostic(JSON.stringify(await checkGenerations(bill, rows)));
    });
  });
}

test(`after a kill -9 in the middle of a burst of ${BURST} calls, and another burst, every bill stays within its budget`, { timeout: 300_000 }, async () => {
  /** A burst, the kill of the machine with both isolates, and a burst on the machine that takes over. */
  const crash = async (bill) => {
    const emulator = emulators[bill];
    const failsoft = configured(bill, 'account', SHORT);
    const one = await holdOf(failsoft, request(bill));
    await emulator.clear();
    const limit = one * 20;
    const options = { failsoft: failsoft({ usd: { day: limit } }), isolates: 2 };
    const edge = await startEdge(options);
    const calls = Array.from({ length: BURST }, (_, at) => call(edge, at, request(bill, 'pace:20')).catch(() => null));
    while ((await emulator.generations()).length < 3) await sleep(20);
    await edge.kill();
    await Promise.all(calls);
    const again = await startEdge({ ...options, folder: edge.folder });
    await burst(again, BURST, request(bill));
    return { again, limit };
  };
  const crashed = [];
  try {
    for (const bill of Object.keys(BILLS)) crashed.push({ bill, ...(await crash(bill)) });
    for (const { bill, again, limit } of crashed) {
      const { rows } = await checkBill(bill, again, limit);
      assert.ok(rows.some(({ outcome }) => outcome === 'vanished'), bill);
    }
  } finally {
    await Promise.all(crashed.map(({ again }) => again.stop()));
  }
});

test('the owner is warned of an upstream that reports less than its tokens cost, which is booked, and of no other', async () => {
  // The last upstream is the one with a warning: what came of the others has come before.
  for (const bill of [...Object.keys(BILLS).filter((bill) => bill !== 'under-reported'), 'under-reported']) {
    alerts.received.length = 0;
    await emulators[bill].clear();
    await withEdge({ failsoft: configured(bill)({ usd: { day: 1 } }), isolates: 2 }, async (edge) => {
      for (const at of [0, 2]) assert.equal((await call(edge, at, request(bill))).status, 200);
      const { used, rows } = await finalUsage(edge);
      assert.equal(pico(used), sum(await charged(emulators[bill])), bill);
      const how = { openrouter: 'told' }[bill] ?? 'computed';
      assert.deepEqual(rows.map(({ settled }) => settled), [how, how], bill);
      if (bill !== 'under-reported') return;
      await alerts.find(({ kind }) => kind === 'cost');
    });
    const texts = alerts.received.filter(({ kind }) => kind === 'cost').map(({ text }) => text);
    assert.equal(texts.length, bill === 'under-reported' ? 1 : 0, `${bill}: ${texts}`);
    for (const text of texts) assert.match(text, /^The upstream reported a cost of 0\.\d+ USD for a request to openai\/gpt-4o, but its tokens cost at least 0\.\d+ USD/);
  }
});
