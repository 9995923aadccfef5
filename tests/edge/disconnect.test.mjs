// When a client disconnects, the edge stops the request to the upstream, at every point of a call. All clocks of these tests
// are long, so nothing else can stop the request.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const { emulator, edge } = useEdge({
  failsoft: {
    policy: { timeouts: { headers: 600_000, firstToken: 600_000, idle: 600_000 }, breaker: { failures: 0 } },
    routes: {
      relayed: { models: ['fault/never-ending'], lane: 'relay' },
      'relayed-silence': { models: ['fault/stall-3'], lane: 'relay' },
      lean: { models: ['fault/never-ending'], lane: 'lean' },
      'lean-silence': { models: ['fault/stall-3'], lane: 'lean' },
      early: { models: ['fault/slow-headers'], headersWithin: 0 },
    },
  },
});

/** Sends a request and disconnects: after the first data if `reads`, else when the request has reached the upstream. */
async function leave(body, how, reads) {
  const id = `leaver-${randomUUID()}`;
  const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json', 'x-request-id': id };
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  sent.on('error', () => {});
  sent.end(JSON.stringify({ messages: MESSAGES, ...body }));
  const begun = new Promise((resolve) => {
    sent.on('response', (response) => {
      response.on('error', () => {});
      response.once('data', resolve);
    });
  });
  await (reads ? begun : arrived());
  if (how === 'reset') sent.socket.resetAndDestroy();
  else sent.destroy();
  return id;
}

/** Waits until the call has reached the upstream. Lookups of the cost of earlier calls may arrive before. */
async function arrived() {
  while (asked(await emulator.log()).length === 0) await sleep(10);
}

// After an orderly close, the edge notices the disconnect when it writes to the socket. A reset is noticed at once.
for (const [name, body, how, reads] of [
  ['in the middle of a stream', { model: 'fault/never-ending', stream: true }, 'close', true],
  ['in the middle of a relayed stream', { model: 'route/relayed', stream: true }, 'close', true],
  ['in the middle of a lean stream', { model: 'route/lean', stream: true }, 'close', true],
  ['before the headers of a stream', { model: 'fault/slow-headers', stream: true }, 'reset', false],
  ['before an answer in one piece', { model: 'fault/slow-headers' }, 'reset', false],
  ['while a stream is silent', { model: 'fault/stall-3', stream: true }, 'reset', true],
  ['while a relayed stream is silent', { model: 'route/relayed-silence', stream: true }, 'reset', true],
  ['while a lean stream is silent', { model: 'route/lean-silence', stream: true }, 'reset', true],
  ['after early headers and before any text, which a keep-alive comment detects', { model: 'route/early', stream: true }, 'close', true],
]) {
  test(`the upstream is stopped when a client disconnects ${name}`, async () => {
    const id = await leave(body, how, reads);
    const log = await emulator.log('clientGone');
    assert.equal(log.filter(({ path }) => path.endsWith('/chat/completions')).length, 1);
    assert.equal((await edge.line(id)).outcome, 'aborted');
  });
}

// What the platform does not report. If this test fails because the outcome is `aborted`, the platform reports it now: see
// "When a client leaves" in www/docs/edge.md.
test('an orderly close before an answer in one piece is not reported by workerd: the call runs to its end, and is settled', async () => {
  const id = await leave({ model: 'fault/slow-first-token-300' }, 'close', false);
  const line = await edge.line(id);
  assert.equal(line.outcome, 'answered');
  assert.ok(line.cost > 0);
});
