// The package as a client of the edge: a streamed call that no model answers rejects with the edge's error, also when the
// edge sent the response headers before the failure was known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { useEdge } from '../edge/use-edge.mjs';
import { PLACE } from '../package/streaming.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';
import { PACKAGE, asked } from '../support/process.mjs';

const failsoft = await import(pathToFileURL(join(PACKAGE, 'index.js')));
const MESSAGES = [{ role: 'user', content: 'words:20' }];
const HEALTHY = 'openai/gpt-4o';

const { emulator, edge } = useEdge({
  failsoft: {
    policy: { timeouts: TIMEOUTS, retry: { base: 10 }, breaker: { failures: 0 } },
    routes: {
      late: { models: ['fault/slow-headers'], headersWithin: 0 },
      patient: { models: ['fault/slow-first-token-300'], headersWithin: 0 },
    },
  },
});

const stream = (models, messages = MESSAGES) => PLACE.stream(failsoft, messages, { edge: edge.origin, token: CLIENT_KEY, models });

for (const [name, models, expected] of [
  ['one model is rate-limited', ['fault/rate-limited-30'], ['rateLimited', 429, 30_000]],
  ['three models fail', ['fault/unavailable', 'fault/server-error', 'fault/rate-limited-30'], ['rateLimited', 429, 30_000]],
  ['the request is the caller’s mistake', ['fault/bad-request'], ['invalidRequest', 400, undefined]],
]) {
  test(`chatStreaming rejects when the edge answers that ${name}`, async () => {
    const { rejected, ...rest } = await stream(models);
    assert.deepEqual(rest, {}, 'chatStreaming resolved');
    assert.deepEqual([rejected.isChatError, rejected.kind, rejected.status, rejected.retryAfter], [true, ...expected]);
    assert.deepEqual([...new Set(asked(await emulator.log()).flat())], models);
  });
}

test('chatStreaming rejects when the edge reports the failure in the stream, behind the headers', async () => {
  const { rejected, ...rest } = await stream(['route/late']);
  assert.deepEqual(rest, {}, 'chatStreaming resolved');
  assert.deepEqual([rejected.isChatError, rejected.code, rejected.partial], [true, 'headersTimeout', undefined]);
  assert.deepEqual(rejected.attempts, [['fault/slow-headers', 'headersTimeout']]);
});

test('chatStreaming resolves with the model known when the edge names the model behind the headers', async () => {
  const seen = await stream(['route/patient']);
  assert.deepEqual([seen.rejected, seen.broke, seen.model], [undefined, undefined, 'fault/slow-first-token-300']);
  assert.match(seen.text, /^word1 /);
});

test('chatStreaming resolves with the model that answered behind two that failed at the edge', async () => {
  const seen = await stream(['fault/unavailable', 'fault/empty', HEALTHY]);
  assert.deepEqual([seen.rejected, seen.broke, seen.model], [undefined, undefined, HEALTHY]);
});
