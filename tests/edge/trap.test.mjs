// The requests under way when WebAssembly traps. All clocks are long, so that nothing else can end the requests.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, MODULES, WORKER, clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES, SECOND, beginWithin, chat, events, send } from './harness.mjs';
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
/** Much longer than any request of these tests takes. A request that has not ended by then hangs. */
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

/** The result of `promise`. Fails if the promise does not settle in time. */
const soon = (promise) => Promise.race([promise, sleep(PATIENCE, null, { ref: false }).then(() => assert.fail('the promise does not settle'))]);

const trap = (point) => ({ headers: { 'x-trap': point } });

/** Requests a completion. `begun` resolves with the first data, and `ended` with the answer, which may be broken off. */
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

/** Checks that the isolate still answers. */
async function checkAnswers() {
  for (const stream of [false, true]) {
    const answer = await soon(chat(edge, { model: SECOND, stream }));
    assert.equal(answer.status, 200, answer.text);
    if (stream) assert.ok(answer.events.done);
  }
}

/** Checks that no client can take the answer for a whole one. */
function checkBroken(answer) {
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
    test(`a request ${stream ? 'for a stream' : 'for an answer in one piece'} that traps ${when} is answered with an error, and the next request succeeds`, async () => {
      const answer = await soon(send(edge, '/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model: SECOND, messages: MESSAGES, stream }),
        headers: { 'content-type': 'application/json', 'x-trap': point },
      }));
      assert.equal(answer.status, 500, answer.text);
      // After a trap in a Durable Object, the platform itself answers.
      if (point !== 'object') {
        const { error } = JSON.parse(answer.text);
        assert.deepEqual([error.type, error.code, error.param], ['server_error', 'internal', null]);
        assert.ok(error.message);
      }
      await checkAnswers();
    });
  }
}

for (const [lane, model] of [['gate', 'fault/never-ending'], ['relay', 'route/relay']]) {
  test(`a stream that traps in the middle breaks off on the lane ${lane}, and so does the stream from the upstream`, async () => {
    const answer = await soon(chat(edge, { model, stream: true }, trap('chunk 9')));
    checkBroken(answer);
    assert.ok(answer.events.chunks.length > 0);
    const log = await emulator.log('clientGone', PATIENCE);
    assert.deepEqual(asked(log), [['fault/never-ending']]);
    await checkAnswers();
  });
}

test('functions.txt names the functions of the stack that a trap leaves in the log', async () => {
  assert.equal((await soon(send(edge, '/v1/models', trap('clock')))).status, 500);
  const inLog = /Critical RuntimeError: unreachable\n((?: +at .*\n)+)/;
  for (const until = Date.now() + PATIENCE; !inLog.test(edge.said()); await sleep(10)) assert.ok(Date.now() < until, 'the log has no stack');
  const [, stack] = inLog.exec(edge.said());
  const numbers = [...stack.matchAll(/wasm-function\[(\d+)\]/g)].map(([, number]) => number);
  const lines = (await readFile(join(WORKER, 'build/functions.txt'), 'utf8')).trim().split('\n');
  const names = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  const [first, ...others] = numbers.map((number) => names.get(number));
  // The trap is in an allocation, and the Worker was reading the clock.
  assert.match(first, /malloc/);
  assert.ok(others.some((name) => name?.includes('failsoft_worker')), others.join('\n'));
});

test('other requests that are under way when a request traps end too: with an error, broken off, or complete', async () => {
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
  await checkAnswers();
  const ends = await soon(Promise.all(open.map(({ ended }) => ended)));
  for (const [at, end] of ends.entries()) {
    if (streams[at] === 'route/lean' && !end.broken) assert.ok(events(end.text).done, end.text);
    else checkBroken(end);
  }
});

test('an alarm settles the hold of a call that trapped, and the lookup of an alarm that trapped', async () => {
  await beginWithin('day', 4 * PATIENCE);
  const failsoft = configure(emulator, {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey({ budget: { usd: { day: 100 } } })],
    policy: { attempts: 1, timeouts: { total: 5_000 }, breaker: { failures: 0 } },
    routes: { lean: { models: [SECOND], lane: 'lean' } },
  });
  await withEdge({ modules, failsoft }, async (own) => {
    const today = async () => JSON.parse((await send(own, '/v1/usage')).text).usd.day;
    const settled = async () => {
      for (const until = Date.now() + 2 * PATIENCE; ; await sleep(100)) {
        assert.ok(Date.now() < until, 'a hold is left');
        const { status, text } = await send(own, '/v1/usage');
        // The alarm may trap while this request is under way.
        if (status === 500) continue;
        const { used, held } = JSON.parse(text).usd.day;
        if (held === 0) return used;
      }
    };
    // The cost must be looked up at the upstream.
    assert.equal((await soon(chat(own, { model: 'route/lean', stream: true }, trap('generation')))).status, 200);
    // Until the alarm has trapped, another request could trap in its place.
    for (const until = Date.now() + PATIENCE; !own.said().includes('Critical RuntimeError'); await sleep(100)) {
      assert.ok(Date.now() < until, 'the alarm does not trap');
    }
    const looked = await settled();
    assert.ok(looked > 0);
    assert.equal((await soon(chat(own, { model: SECOND }, trap('completions')))).status, 500);
    const { held } = await today();
    assert.ok(held > 0);
    assert.ok((await settled()) > looked);
    assert.equal((await soon(chat(own, { model: SECOND }))).status, 200);
  });
});
