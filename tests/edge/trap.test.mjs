// What becomes of requests when WebAssembly traps. Their upstreams' clocks are long: nothing else can end them.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, MODULES, clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES, SECOND, chat, events, send } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const ENTRY = `import { hook } from './trap.worker.mjs';
import Worker, { Account } from './entry.mjs';
hook(Worker, [Account]);
export { default } from './entry.mjs';
export * from './entry.mjs';`;
const modules = [
  `(name = "main.mjs", esModule = ${JSON.stringify(ENTRY)})`,
  '(name = "trap.worker.mjs", esModule = embed "/support/trap.worker.mjs")',
  ...MODULES,
];
const LONG = { headers: 600_000, firstToken: 600_000, idle: 600_000 };
/** Much longer than anything here takes; what has not ended by then hangs. */
const PATIENCE = 60_000;

const { emulator, edge } = useEdge({
  modules,
  failsoft: {
    policy: { timeouts: LONG, breaker: { failures: 0 } },
    routes: {
      relay: { models: ['fault/never-ending'], lane: 'relay' },
      lean: { models: [SECOND], lane: 'lean' },
      'lean-silence': { models: ['fault/stall-3'], lane: 'lean', policy: { timeouts: { total: 5_000 } } },
    },
  },
});

/** What `promise` comes to; it may not take for ever. */
const soon = (promise) => Promise.race([promise, sleep(PATIENCE, null, { ref: false }).then(() => assert.fail('it hangs'))]);

const trap = (point) => ({ headers: { 'x-trap': point } });

/** Asks for a completion; `begun` once some of the answer is there, `ended` is all of it, or what there is when it breaks. */
function begin(body) {
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  sent.end(JSON.stringify({ messages: MESSAGES, ...body }));
  const come = new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));
  const begun = come.then((response) => new Promise((resolve) => response.once('data', resolve)));
  const ended = come.then(
    (response) =>
      new Promise((resolve) => {
        const answer = { status: response.statusCode, text: '' };
        response.setEncoding('utf8').on('data', (piece) => (answer.text += piece));
        response.on('end', () => resolve({ ...answer, broken: false })).on('error', () => resolve({ ...answer, broken: true }));
      }),
  );
  return { begun, ended };
}

/** The isolate answers as ever. */
async function works() {
  for (const stream of [false, true]) {
    const answer = await soon(chat(edge, { model: SECOND, stream }));
    assert.equal(answer.status, 200, answer.text);
    if (stream) assert.ok(answer.events.done);
  }
}

/** Nobody takes it for an answer. */
function broken(answer) {
  assert.equal(answer.status, 200);
  assert.ok(answer.broken, answer.text);
  assert.equal(events(answer.text).done, false);
}

for (const [when, point] of [
  ['at once', 'clock'],
  ['in the object of its account', 'object'],
  ['behind the answer of the object of its account', 'random'],
  ["when the upstream's headers come", 'completions'],
]) {
  for (const stream of [false, true]) {
    test(`a request ${stream ? 'for a stream' : 'for an answer in one piece'} that traps ${when} is answered with an error, and the next as ever`, async () => {
      const answer = await soon(send(edge, '/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model: SECOND, messages: MESSAGES, stream }),
        headers: { 'content-type': 'application/json', 'x-trap': point },
      }));
      assert.equal(answer.status, 500, answer.text);
      // An object has a place of its own, from which the platform alone can answer.
      if (point !== 'object') {
        const { error } = JSON.parse(answer.text);
        assert.deepEqual([error.type, error.code, error.param], ['server_error', 'internal', null]);
        assert.ok(error.message);
      }
      await works();
    });
  }
}

for (const [lane, model] of [['gate', 'fault/never-ending'], ['relay', 'route/relay']]) {
  test(`a stream that traps in the middle breaks off on lane ${lane}, and so does its upstream's`, async () => {
    const answer = await soon(chat(edge, { model, stream: true }, trap('chunk 9')));
    broken(answer);
    assert.ok(answer.events.chunks.length > 0);
    const log = await emulator.log('clientGone', PATIENCE);
    assert.deepEqual(asked(log), [['fault/never-ending']]);
    await works();
  });
}

test('what else is under way when a request traps ends too: with an error, or broken off, or complete', async () => {
  const streams = ['fault/never-ending', 'fault/stall-3', 'route/relay', 'route/lean', 'route/lean-silence'];
  const open = streams.map((model) => begin({ model, stream: true }));
  await soon(Promise.all(open.map(({ begun }) => begun)));
  await emulator.clear();
  await emulator.hold();
  const waiting = [SECOND, 'route/lean'].flatMap((model) => [false, true].map((stream) => begin({ model, stream })));
  while (asked(await emulator.log()).length < waiting.length) await sleep(10);
  const trapped = await soon(send(edge, '/v1/models', trap('clock')));
  assert.equal(trapped.status, 500);
  for (const { ended } of waiting) assert.equal((await soon(ended)).status, 500);
  await emulator.release();
  await works();
  const ends = await soon(Promise.all(open.map(({ ended }) => ended)));
  for (const [at, end] of ends.entries()) {
    if (streams[at] === 'route/lean' && !end.broken) assert.ok(events(end.text).done, end.text);
    else broken(end);
  }
});

test('what a call held that trapped, and what an alarm was finding out that trapped, is settled by an alarm', async () => {
  const failsoft = configure(emulator, {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey({ budget: { usd: { day: 100 } } })],
    policy: { attempts: 1, timeouts: { total: 1_000 }, breaker: { failures: 0 } },
    routes: { lean: { models: [SECOND], lane: 'lean' } },
  });
  await withEdge({ modules, failsoft }, async (own) => {
    const today = async () => JSON.parse((await send(own, '/v1/usage')).text).usd.day;
    const settled = async () => {
      for (const until = Date.now() + 2 * PATIENCE; ; await sleep(100)) {
        const { used, held } = await today();
        if (held === 0) return used;
        assert.ok(Date.now() < until, `${held} is still held`);
      }
    };
    // Nobody but the upstream knows what it cost.
    assert.equal((await soon(chat(own, { model: 'route/lean', stream: true }, trap('generation')))).status, 200);
    const looked = await settled();
    assert.ok(looked > 0);
    assert.match(own.said(), /Critical RuntimeError/);
    assert.equal((await soon(chat(own, { model: SECOND }, trap('completions')))).status, 500);
    const { held } = await today();
    assert.ok(held > 0);
    assert.ok((await settled()) > looked);
    assert.equal((await soon(chat(own, { model: SECOND }))).status, 200);
  });
});
