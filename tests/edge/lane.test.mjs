// The lanes of a stream after its commit point: `gate` repairs the stream or adds an error event, `relay` passes the bytes
// through and scans a copy, `lean` passes the bytes through and reads nothing.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { SECOND, chat } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const short = (lane) => ({ models: ['fault/large-events'], lane, policy: { timeouts: { total: 4_000 } } });
const relayed = (fault) => ({ models: [`fault/${fault}`, SECOND], lane: 'relay' });
const lean = (fault) => ({ models: [`fault/${fault}`, SECOND], lane: 'lean', policy: { timeouts: { total: fault === 'stall-3' ? 4_000 : 20_000 } } });

const faults = ['empty', 'overloaded', 'cut-1500', 'cut-hard-1500', 'error-mid-stream', 'stall-3', 'missing-done', 'json-when-stream'];

const { emulator, edge } = useEdge({
  failsoft: {
    routes: {
      healthy: { models: [SECOND], lane: 'relay' },
      large: { models: ['fault/large-events'], policy: { timeouts: { headers: 30_000, firstToken: 30_000 } } },
      ...Object.fromEntries(['gate', 'relay', 'lean'].map((lane) => [`short-${lane}`, short(lane)])),
      ...Object.fromEntries(faults.map((fault) => [fault, relayed(fault)])),
      ...Object.fromEntries([...faults, 'large-events'].map((fault) => [`lean-${fault}`, lean(fault)])),
      lean: { models: [SECOND], lane: 'lean' },
    },
  },
});

async function relay(route) {
  await emulator.clear();
  const answer = await chat(edge, { model: `route/${route}`, stream: true });
  const line = await edge.line(answer.headers['x-request-id']);
  return { answer, line, asked: asked(await emulator.log()).map(([model]) => model) };
}

test('a relayed stream is the report, and then exactly what the upstream sent, with its comments', async () => {
  const { answer, line } = await relay('healthy');
  assert.equal(answer.headers['x-failsoft-model'], SECOND);
  assert.equal(answer.events.reports.length, 1);
  assert.ok(answer.text.startsWith(': failsoft {'));
  assert.ok(answer.events.comments.includes('OPENROUTER PROCESSING'));
  assert.match(answer.events.text, /^word1 .* 🦀$/);
  assert.ok(answer.events.done && !answer.broken);
  assert.deepEqual([line.outcome, line.route, line.model], ['answered', 'healthy', SECOND]);
  assert.ok(line.cost > 0);
});

test('before the commit point, the lane relay falls back like the lane gate', async () => {
  for (const [fault, requests] of [['empty', 3], ['overloaded', 2]]) {
    const seen = await relay(fault);
    assert.equal(seen.asked.length, requests);
    assert.equal(seen.answer.headers['x-failsoft-model'], SECOND);
    assert.ok(seen.answer.events.done);
    assert.equal(seen.line.outcome, 'answered');
  }
});

test('a relayed stream that ends early reaches the client unchanged, and is logged as cut', async () => {
  const { answer, line, asked: names } = await relay('cut-1500');
  assert.ok(answer.events.text.length > 0 && !answer.events.done && !answer.events.error && !answer.broken);
  assert.notEqual(answer.events.torn, null);
  assert.equal(line.outcome, 'cut');
  assert.deepEqual(names, ['fault/cut-1500']);
});

test('when the connection of a relayed stream breaks, the connection to the client breaks too', async () => {
  const { answer, line } = await relay('cut-hard-1500');
  assert.ok(answer.broken && !answer.events.done);
  assert.match(line.outcome, /^(network|cut)$/);
});

test('an error event in a relayed stream reaches the client unchanged', async () => {
  const { answer, line } = await relay('error-mid-stream');
  assert.equal(answer.events.error.failsoft, undefined);
  assert.equal(answer.events.error.choices[0].finish_reason, 'error');
  assert.ok(!answer.events.done && !answer.broken);
  assert.equal(line.outcome, 'serverError');
});

test('a relayed stream that falls silent is closed at both ends', async () => {
  const { answer, line } = await relay('stall-3');
  assert.ok(answer.broken && answer.events.text.length > 0 && !answer.events.done);
  assert.equal(line.outcome, 'stalled');
  await emulator.log('clientGone');
});

test('a relayed stream without [DONE] is complete by its finish reason', async () => {
  const { answer, line } = await relay('missing-done');
  assert.ok(!answer.events.done && !answer.broken);
  assert.equal(line.outcome, 'answered');
});

test('a completion in place of a stream becomes one chunk on the lane relay too', async () => {
  const { answer } = await relay('json-when-stream');
  assert.match(answer.events.text, /^word1 .* 🦀$/);
  assert.ok(answer.events.done);
});

test('a lean stream is the report, and then exactly what the upstream sent', async () => {
  const [passed, { answer, line }] = [await relay('healthy'), await relay('lean')];
  assert.equal(answer.headers['x-failsoft-model'], SECOND);
  assert.ok(answer.events.done && !answer.broken);
  // Ids and times differ between two answers.
  const stripped = (text) => text.replace(/^: failsoft .*$/m, '').replace(/"(id|created)":("[^"]*"|\d+)/g, '');
  assert.equal(stripped(answer.text), stripped(passed.answer.text));
  assert.deepEqual([line.outcome, line.route, line.model], ['answered', 'lean', SECOND]);
});

test('a long lean stream reaches the client whole', async () => {
  const large = await chat(edge, { model: 'route/lean-large-events', stream: true, messages: [{ role: 'user', content: 'words:40' }] });
  assert.ok(large.events.done && !large.broken && large.text.length > 2_000_000, `${large.text.length} bytes`);
});

test('before the commit point, the lane lean falls back like the lane gate', async () => {
  for (const [fault, requests] of [['empty', 3], ['overloaded', 2]]) {
    const seen = await relay(`lean-${fault}`);
    assert.equal(seen.asked.length, requests);
    assert.equal(seen.answer.headers['x-failsoft-model'], SECOND);
    assert.ok(seen.answer.events.done);
    assert.equal(seen.line.outcome, 'answered');
  }
});

test('when the connection of a lean stream breaks, the connection to the client breaks too, and the failure is logged', async () => {
  const { answer, line, asked: names } = await relay('lean-cut-hard-1500');
  assert.ok(answer.broken && answer.events.text.length > 0 && !answer.events.done);
  assert.equal(line.outcome, 'network');
  assert.deepEqual(names, ['fault/cut-hard-1500']);
});

test('a lean stream that ends early reaches the client unchanged, and is logged as answered', async () => {
  const { answer, line } = await relay('lean-cut-1500');
  assert.ok(answer.events.text.length > 0 && !answer.events.done && !answer.broken);
  assert.equal(line.outcome, 'answered');
});

test('a lean stream that falls silent is closed at both ends when the total time of the call is over', async () => {
  const { answer, line } = await relay('lean-stall-3');
  assert.ok(answer.broken && answer.events.text.length > 0 && !answer.events.done);
  assert.equal(line.outcome, 'timeout');
  await emulator.log('clientGone');
});

test('while a client does not read, the edge stops reading from the upstream', async () => {
  await emulator.clear();
  const total = 800 * 64 * 1024;
  const response = await open({ model: 'route/large', stream: true, messages: [{ role: 'user', content: 'words:800' }] });
  assert.equal(response.statusCode, 200);
  response.once('data', () => response.pause());
  const sent = async () => (await emulator.log()).findLast(({ method }) => method === 'POST').bytes_sent;
  let before = -1;
  for (let now = await sent(); now !== before; now = await sent()) {
    before = now;
    await sleep(500);
  }
  // The buffers of the sockets hold some of the stream.
  assert.ok(before > 0 && before < total / 2, `${before} of ${total} bytes`);
  response.destroy();
  await emulator.log('clientGone');
});

test('a client that does not read is dropped when the lease of its call ends', async () => {
  const messages = [{ role: 'user', content: 'words:300' }];
  const stall = async (lane) => {
    const began = Date.now();
    const response = await open({ model: `route/short-${lane}`, stream: true, messages });
    response.once('data', () => response.pause());
    const line = await edge.line(response.headers['x-request-id'], 30_000);
    const booked = Date.now() - began;
    await sleep(began + 23_000 - Date.now());
    let rest = 0;
    response.on('data', (bytes) => (rest += bytes.length)).resume();
    await new Promise((resolve) => response.once('close', resolve));
    return { line, booked, rest, whole: response.complete };
  };
  const [gate, relay, lean] = await Promise.all(['gate', 'relay', 'lean'].map(stall));
  assert.equal(gate.line.outcome, 'aborted');
  assert.ok(gate.booked >= 13_000 && gate.booked < 23_000, `${gate.booked} ms`);
  assert.equal(relay.line.outcome, 'answered');
  assert.match(lean.line.outcome, /^(aborted|timeout)$/);
  for (const { whole, rest } of [gate, relay, lean]) {
    // The buffers of the sockets held some of the stream.
    assert.ok(!whole && rest < (300 * 64 * 1024) / 2, `${rest} bytes`);
  }
});

function open(body) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' };
    const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers }, (response) => {
      response.on('error', () => {});
      resolve(response);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
