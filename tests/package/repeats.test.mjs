// Calls that an SDK repeats, through createFetch: when the answer comes from memory, and when the models are asked again.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';
import { VirtualTime } from '../support/virtual-time.mjs';

const clock = new VirtualTime();
const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const URL = 'https://up.example/v1/chat/completions';
const request = (changes) => JSON.stringify({ model: 'm/one', messages: [{ role: 'user', content: 'Hello?' }], ...changes });

let requests, respond, fetch;

beforeEach(() => {
  clock.restart(1_800_000_000_000);
  requests = 0;
  // No breaker, which would answer in place of the models.
  const policy = { retry: { same: 0 }, breaker: { failures: 0 } };
  fetch = createFetch(createClient({ policy, fetch: async () => (requests += 1, respond()) }));
});

const failure = (status, headers) => () => Response.json({ error: { message: 'it failed' } }, { status, headers });
const answer = () => Response.json({ model: 'm/one', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });

/** The status and the wait that a call gets `seconds` after the call before. */
async function call(seconds = 0, body = request(), authorization = 'Bearer k') {
  clock.now += seconds * 1_000;
  const { status, headers } = await clock.run(fetch(URL, { method: 'POST', body, headers: { authorization } }));
  return [status, headers.get('retry-after')];
}

/** Calls after these pauses; gives how many requests the upstream got behind each. */
async function requestsAfter(pauses) {
  const counts = [];
  for (const pause of pauses) {
    await call(pause);
    counts.push(requests);
  }
  return counts;
}

for (const status of [408, 409, 429, 500, 502, 503, 529]) {
  test(`after ${status}, the pauses of an SDK may grow up to two minutes`, async () => {
    respond = failure(status);
    assert.deepEqual(await requestsAfter([0, 0.5, 2, 4, 8, 16, 32, 60]), [1, 1, 1, 1, 1, 1, 1, 1]);
  });
}

test('two minutes after the models failed, they are asked again, however often the call came meanwhile', async () => {
  respond = failure(500);
  assert.deepEqual(await requestsAfter([0, 5, 15, 55, 60, 60, 60, 60]), [1, 1, 1, 1, 2, 2, 2, 3]);
});

test('a call after a long pause is a new call', async () => {
  respond = failure(500);
  assert.deepEqual(await requestsAfter([0, 11, 11]), [1, 2, 3]);
});

test('a wait that the upstream named is for the SDK: until then, the answer has what is left of the wait', async () => {
  respond = failure(429, { 'retry-after': '40' });
  assert.deepEqual(await call(), [429, '40']);
  assert.deepEqual([await call(25), requests], [[429, '15'], 1]);
  assert.deepEqual([await call(15), requests], [[429, '40'], 2]);
});

test('a short wait, after which failsoft asks again by itself, makes no new call of a repetition', async () => {
  respond = failure(429, { 'retry-after': '1' });
  await call();
  const first = requests;
  assert.deepEqual([await call(1), requests], [[429, '0'], first]);
});

test('what an SDK does not repeat is not remembered', async () => {
  for (const status of [400, 401, 402, 403, 404, 422]) {
    respond = failure(status);
    requests = 0;
    assert.deepEqual(await requestsAfter([0, 1]), [1, 2], String(status));
  }
});

test('another body, key or form of the answer is another call', async () => {
  respond = failure(500);
  await call();
  await call(0, request({ temperature: 0 }));
  await call(0, request({ stream: true }));
  await call(0, request(), 'Bearer other');
  assert.equal(requests, 4);
  await call(0, request({ stream: true }));
  assert.equal(requests, 4);
});

test('an answer to the same call ends the memory', async () => {
  respond = failure(500);
  await call();
  clock.now += 20_000;
  respond = answer;
  assert.deepEqual([await call(), await call()], [[200, null], [200, null]]);
  assert.equal(requests, 3);
});

test('the memory is bounded', async () => {
  respond = failure(500);
  for (let seed = 0; seed < 17; seed += 1) await call(0, request({ seed }));
  await call(0, request({ seed: 16 }));
  assert.equal(requests, 17);
  await call(0, request({ seed: 0 }));
  assert.equal(requests, 18);
});
