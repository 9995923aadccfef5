// Budgets are exact: for any number of calls at the same time, for every way in which a call can end, and across a crash.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { seededRandom } from '../support/seed.mjs';
import { beginWithin, chat, send } from './harness.mjs';
import { charged, finalUsage, holdOf, pico, settled, sum, usage } from './spending.mjs';
import { configure, useEmulator, withEdge } from './use-edge.mjs';

const MODEL = 'openai/gpt-4o';
const POLICY = { attempts: 1, timeouts: { total: 20_000 }, breaker: { failures: 0 } };
const HELLO = { model: MODEL, max_tokens: 50, messages: [{ role: 'user', content: 'words:20' }] };

const emulator = useEmulator();
beforeEach(() => beginWithin('day', 120_000));

const failsoft = (budget, fields = {}) =>
  configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter', chargesErrors: false }, keys: [clientKey({ budget })], policy: POLICY, ...fields });

/** The cost in the ledger of each generation on the bill, in the order of the bill. */
function sameAs(bill, rows) {
  const costs = new Map(rows.map(({ generation, cost }) => [generation, cost]));
  return bill.map(([id]) => [id, costs.get(id)]);
}

test('of 200 calls at the same time on a budget for 10, 10 reach the upstream, and each settles at the charged amount', async () => {
  const one = await holdOf(failsoft, HELLO);
  await emulator.clear();
  await withEdge({ failsoft: failsoft({ usd: { day: one * 10 } }), isolates: 2 }, async (edge) => {
    await emulator.hold();
    let decided = 0;
    const calls = Array.from({ length: 200 }, async (_, at) => {
      const answer = await chat({ origin: edge.origins[at % 2] }, { ...HELLO, stream: at % 4 > 1 });
      decided += 1;
      return answer;
    });
    const until = Date.now() + 60_000;
    const within = async () => {
      const { used, held, limit, left } = (await usage(edge)).usd.day;
      assert.ok(pico(used) + pico(held) <= pico(limit), `${used} + ${held} > ${limit}`);
      assert.equal(pico(used) + pico(held) + pico(left), pico(limit));
    };
    while (decided < 190) {
      await within();
      assert.ok(Date.now() < until, `${decided} are decided`);
    }
    await emulator.log('arrived');
    assert.ok(asked(await emulator.log()).length <= 10);
    assert.equal(pico((await usage(edge)).usd.day.held), pico(one * 10));
    await emulator.release();
    while (decided < 200) await within();
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ status }) => status === 200).length, 10);
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      assert.equal(refused.status, 402, refused.text);
      assert.equal(refused.json.error.code, 'budget_exceeded');
      assert.equal(refused.json.error.type, 'insufficient_quota');
      assert.equal(refused.headers['retry-after'], '2');
      const { bound, span, limit, left } = refused.json.failsoft.budget;
      assert.deepEqual([bound, span, pico(limit)], ['usd', 'day', pico(one * 10)]);
      assert.ok(left < one);
    }
    const bill = await charged(emulator);
    assert.equal(bill.length, 10);
    const { used, rows } = await finalUsage(edge);
    assert.equal(pico(used), sum(bill));
    assert.deepEqual(sameAs(bill, rows), bill);
    assert.ok(rows.length === 10 && rows.every((row) => row.settled === 'told'));
    assert.equal((await usage(edge)).requests.day.used, 10);
  });
});

/** Sends a streamed request. Its connection may break. */
function begin(edge, body) {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  sent.on('error', () => {});
  sent.end(JSON.stringify({ ...HELLO, stream: true, ...body }));
  return sent;
}

/** Sends a streamed request, and resets the connection after the first text of the model (`'text'`) or after `enough` milliseconds. */
async function leave(edge, body, enough) {
  const sent = begin(edge, body);
  const ended = new Promise((resolve) => sent.once('close', resolve));
  await (enough === 'text' ? firstText(sent) : sleep(enough));
  sent.socket.resetAndDestroy();
  await ended;
}

/** Waits for the first text of a stream. The edge may send a comment before, while the upstream has not answered yet. */
async function firstText(sent) {
  const [response] = await once(sent, 'response');
  response.on('error', () => {});
  let text = '';
  await new Promise((resolve, reject) => {
    response.setEncoding('utf8');
    response.on('data', (piece) => {
      text += piece;
      if (text.includes('"content":"')) resolve();
    });
    response.once('close', () => reject(new Error(`the stream ended without text: ${response.statusCode} ${text}`)));
  });
}

/** The ways in which a call can end. A client whose upstream does not answer leaves after `patience` milliseconds. */
const endings = (patience) => [
  (edge) => chat(edge, HELLO),
  (edge) => chat(edge, { ...HELLO, stream: true }),
  (edge) => chat(edge, { ...HELLO, model: 'fault/server-error' }),
  (edge) => chat(edge, { ...HELLO, model: 'fault/cut', stream: true }),
  (edge) => chat(edge, { ...HELLO, model: 'fault/reset-mid-body' }),
  (edge) => leave(edge, { model: 'fault/never-ending', max_tokens: 50 }, 'text'),
  (edge) => leave(edge, { model: 'fault/stall' }, 'text'),
  (edge) => chat(edge, { ...HELLO, model: 'fault/reset' }),
  (edge) => chat(edge, { ...HELLO, model: 'fault/reset', stream: true }),
  (edge) => leave(edge, { model: 'fault/slow-headers' }, patience),
];

/** The upstream does not answer a request for this model before its client leaves or its connection breaks. */
const isSilent = ([model]) => ['fault/reset', 'fault/slow-headers'].includes(model);

for (const [how, disturb] of Object.entries({
  'a database that is well': async () => {},
  'a database that refuses half of its rows': (edge, random) => edge.database.set({ refuse: Array.from({ length: 1_000 }, () => random() < 0.5) }),
  'a database whose replies get lost after the commit': (edge) => edge.database.set({ lose: 3 }),
})) test(`with random failures, clients that leave and ${how}, only requests without response headers stay unsettled`, async (t) => {
  const one = await holdOf(failsoft, { ...HELLO, model: 'fault/reset' });
  await emulator.clear();
  await withEdge({ failsoft: failsoft({ usd: { day: one * 1_000 } }), isolates: 2 }, async (edge) => {
    const random = seededRandom(t);
    await disturb(edge, random);
    const calls = Array.from({ length: 6 }, () => endings(random() * 1_500)).flat();
    const pauses = calls.map(() => random() * 1_000);
    await Promise.all(
      calls.map(async (call, at) => {
        await sleep(pauses[at]);
        // Each ending happens in both isolates.
        await call({ origin: edge.origins[Math.floor(at / 10) % 2] });
      }),
    );
    const log = (await emulator.log()).filter(({ method }) => method === 'POST');
    const arrived = log.filter(({ models }) => isSilent(models)).length;
    const isUnsettled = (row) => row.settled === 'unsettled';
    const { used, rows } = await finalUsage(edge, (rows) => rows.filter((row) => !isUnsettled(row)).length >= log.length - arrived);
    const bill = await charged(emulator);
    const answered = new Set(log.filter(({ models }) => !isSilent(models)).map(({ generation_id: id }) => id));
    const answeredBill = bill.filter(([id]) => answered.has(id));
    assert.deepEqual(sameAs(answeredBill, rows), answeredBill);
    const unsettled = rows.filter(isUnsettled);
    assert.deepEqual(unsettled, rows.filter(({ asked: models }) => isSilent(JSON.parse(models))));
    // The hold is for two answers, and the attempt can have cost one.
    const most = pico(one) / 2;
    assert.ok(unsettled.every((row) => row.generation === null && row.cost === most));
    // A client that left before the edge sent its request has no row. A request that was sent and never arrived has a row,
    // because the edge cannot know that.
    assert.ok(unsettled.length >= arrived);
    assert.equal(rows.length - unsettled.length, log.length - arrived);
    assert.equal(pico(used), sum(answeredBill) + unsettled.length * most);
    assert.ok(pico(used) >= sum(bill));
  });
});

test('the alarm settles the holds of requests that vanished with their machine', async () => {
  // Both calls still run when the machine is killed. Their holds expire 30 s after this time.
  const total = 5_000;
  const one = await holdOf(failsoft, { ...HELLO, model: 'fault/reset' });
  await emulator.clear();
  const options = { failsoft: failsoft({ usd: { day: one * 10 } }, { policy: { ...POLICY, timeouts: { total } } }) };
  const edge = await startEdge(options);
  // The object knows the generation of the first call, and nothing about the second.
  const calls = ['fault/stall', 'fault/slow-headers'].map((model) => begin(edge, { model }));
  const ended = calls.map((call) => new Promise((resolve) => call.once('close', resolve)));
  await Promise.all([firstText(calls[0]), emulator.log('arrived&n=2')]);
  // The edge sends the note about the generation before the text. The object answers its messages in their order.
  await usage(edge);
  await edge.kill();
  await Promise.all(ended);
  const again = await startEdge({ ...options, folder: edge.folder });
  try {
    assert.equal(pico((await usage(again)).usd.day.held), pico(one * 2));
    const { used, rows } = await finalUsage(again, () => true, 90_000);
    const bill = await charged(emulator);
    const entry = (await emulator.log()).find(({ models }) => models[0] === 'fault/stall');
    const lookedUp = bill.filter(([id]) => id === entry.generation_id);
    assert.equal(lookedUp.length, 1);
    // Behind the attempt that was looked up, another attempt may have been sent without a note.
    assert.equal(pico(used), pico(one * 2));
    assert.deepEqual(sameAs(lookedUp, rows), lookedUp);
    assert.deepEqual(rows.map((row) => [row.outcome, row.settled]).sort(), [
      ['vanished', 'generation'],
      ['vanished', 'unsettled'],
      ['vanished', 'unsettled'],
    ]);
  } finally {
    await again.stop();
  }
});

test('requests and tokens per period, and calls at the same time, are bounded; the answer says how long to wait', async () => {
  const tokens = await holdOf(failsoft, HELLO, 'tokens');
  for (const [budget, bound] of [
    [{ requests: { minute: 1 } }, 'requests'],
    // The hold covers all attempts, and the call makes only one.
    [{ tokens: { day: Math.ceil(tokens * 1.5) } }, 'tokens'],
    [{ concurrent: 1 }, 'concurrent'],
  ]) {
    await emulator.clear();
    await withEdge({ failsoft: failsoft(budget) }, async (edge) => {
      if (bound === 'requests') await beginWithin('minute', 20_000);
      await emulator.hold();
      const first = chat(edge, HELLO);
      await emulator.log('arrived');
      const refused = await chat(edge, HELLO);
      assert.equal(refused.status, 429, refused.text);
      assert.equal(refused.json.error.code, 'rate_limit_exceeded');
      assert.equal(refused.json.failsoft.budget.bound, bound);
      assert.ok(Number(refused.headers['retry-after']) >= 1);
      await emulator.release();
      assert.equal((await first).status, 200);
      await settled(edge);
      const later = await chat(edge, HELLO);
      assert.equal(later.status, bound === 'requests' ? 429 : 200, later.text);
      if (bound === 'requests') {
        const wait = Number(later.headers['retry-after']);
        assert.ok(wait >= 1 && wait <= 60, `${wait}`);
        assert.match(later.json.failsoft.budget.resets, /^20\d\d-\d\d-\d\dT\d\d:\d\d:00Z$/);
      }
    });
  }
});

test('several isolates keep the budget of a route, and each spends its lease', async () => {
  const one = await holdOf(failsoft, HELLO);
  await emulator.clear();
  const routes = { shared: { models: [MODEL], budget: { usd: { day: one * 8 } } } };
  await withEdge({ failsoft: failsoft({}, { routes }), isolates: 4 }, async (edge) => {
    await emulator.hold();
    const body = { ...HELLO, model: 'route/shared' };
    let decided = 0;
    const calls = Array.from({ length: 60 }, async (_, at) => {
      const answer = await chat({ origin: edge.origins[at % 4] }, body);
      decided += 1;
      return answer;
    });
    while (decided < 52) await sleep(20);
    assert.ok(asked(await emulator.log()).length <= 8);
    await emulator.release();
    const answers = await Promise.all(calls);
    const served = answers.filter(({ status }) => status === 200).length;
    assert.ok(served >= 4 && served <= 8, `${served} were answered`);
    const refused = answers.find(({ status }) => status === 402);
    assert.match(refused.json.error.message, /^the budget of this route, /);
    // The unused part of a lease comes back when the lease ends, and then serves other calls.
    const until = Date.now() + 40_000;
    for (;;) {
      const answer = await chat(edge, body);
      if (answer.status === 200) break;
      assert.ok(Date.now() < until, answer.text);
      await sleep(500);
    }
  });
});

test('the unused part of a lease goes back at the end of the lease, even if a call still holds another part', async () => {
  const timeouts = { total: 60_000, headers: 60_000, firstToken: 60_000 };
  const routes = { shared: { models: [MODEL], policy: { timeouts }, budget: { concurrent: 8 } } };
  await withEdge({ failsoft: failsoft({}, { routes }), isolates: 2 }, async (edge) => {
    await emulator.hold();
    const call = (at) => chat({ origin: edge.origins[at] }, { ...HELLO, model: 'route/shared' });
    // The isolate leases two places for this call.
    const slow = call(0);
    await sleep(11_000);
    const others = Array.from({ length: 7 }, () => call(1));
    const until = Date.now() + 30_000;
    while (asked(await emulator.log()).length < 8 && Date.now() < until) await sleep(20);
    const refused = await call(1);
    await emulator.release();
    const statuses = (await Promise.all([slow, ...others])).map(({ status }) => status);
    assert.deepEqual([...new Set(statuses), refused.status], [200, 429]);
  });
});

test('the owner gets one alert when four fifths of a budget in USD are used', async () => {
  const delivered = [];
  const hook = createServer(async (incoming, answer) => {
    let text = '';
    for await (const piece of incoming) text += piece;
    delivered.push(JSON.parse(text));
    answer.end();
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const one = await holdOf(failsoft, HELLO);
  const alerts = { url: `http://127.0.0.1:${hook.address().port}/` };
  try {
    await withEdge({ failsoft: failsoft({ usd: { month: one * 4 } }, { alerts }) }, async (edge) => {
      // The hold for a call is larger than the cost of an answer.
      for (let status = 200; status === 200; ) {
        ({ status } = await chat(edge, { ...HELLO, messages: [{ role: 'user', content: 'words:50' }] }));
        await settled(edge);
      }
      // The rest is too small for another such hold, although it would pay for the answer. Smaller holds still fit.
      for (let status = 200; status === 200; ) {
        ({ status } = await chat(edge, { ...HELLO, max_tokens: 10, messages: [{ role: 'user', content: 'words:10' }] }));
        await settled(edge);
      }
      const until = Date.now() + 20_000;
      while (delivered.length === 0 && Date.now() < until) await sleep(50);
      const { used, limit } = (await usage(edge)).usd.month;
      assert.ok(used >= limit * 0.8, `${used} of ${limit}`);
      assert.deepEqual(delivered.map(({ kind }) => kind), ['budget']);
      assert.match(delivered[0].text, /^key:test has used 0\.\d+ of its 0\.\d+ USD of this month$/);
    });
  } finally {
    hook.close();
  }
});

test('an edge without the binding ACCOUNTS answers only clients of its own machine', async () => {
  await withEdge({ failsoft: failsoft({}), without: ['ACCOUNTS'] }, async (edge) => {
    assert.equal((await chat(edge, HELLO)).status, 503);
    const health = await send(edge, '/healthz');
    assert.equal(health.status, 503);
    assert.match(health.text, /ACCOUNTS is not bound/);
  });
  const local = { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, access: 'loopback' };
  await withEdge({ failsoft: local, without: ['ACCOUNTS'] }, async (edge) => {
    assert.equal((await chat(edge, HELLO)).status, 200);
  });
});
