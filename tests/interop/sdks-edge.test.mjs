// The SDKs of npm with the edge as their server: the class and the status of their errors, and the number of upstream requests
// when no model answers. Time is virtual, at the edge too, because some SDKs repeat a call for minutes. The table in
// www/docs/edge.md says the same.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { CLOCK_MODULES } from '../edge/clock.mjs';
import { useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { ROOT, asked } from '../support/process.mjs';
import { VirtualTime } from '../support/virtual-time.mjs';
import { SDKS } from './sdks.mjs';

const [FIRST, SECOND] = ['openai/gpt-4o', 'openai/gpt-4o-mini'];
/** More steps than an SDK makes requests. */
const STEPS = 100;

/** What both models answer, the status that a client gets, and the requests that one call needs. */
const FAILURES = [
  ['unauthorized', 502, 1],
  ['no-credits', 503, 1],
  ['guardrail', 502, 1],
  ['not-found', 404, 2],
  ['rate-limited', 429, 2],
  ['server-error', 500, 4],
];

/** The edge's own refusals: the fields of the request that differ, and the status. */
const REFUSALS = [
  ['an unknown client key', { apiKey: 'fs_unknown' }, 401],
  ['a model that the client may not name', { apiKey: 'fs_narrow', model: FIRST }, 403],
  ['a budget that is used up', { apiKey: 'fs_poor' }, 402],
  ['a route that does not exist', { model: 'route/none' }, 404],
  ['a limit on tokens', { apiKey: 'fs_slow' }, 429],
];

const priced = (id) => ({ id, contextLength: 100_000, maxOutput: 10_000, prompt: 1, completion: 1 });

const { emulator, edge } = useEdge(({ baseURL }) => ({
  modules: CLOCK_MODULES,
  failsoft: {
    upstream: { url: baseURL, dialect: 'openai', models: [FIRST, SECOND].map(priced) },
    keys: [
      clientKey(),
      clientKey({ name: 'narrow', models: ['mistralai/*'] }, 'fs_narrow'),
      clientKey({ name: 'poor', budget: { usd: { month: 0.000001 } } }, 'fs_poor'),
      clientKey({ name: 'slow', budget: { tokens: { day: 1 } } }, 'fs_slow'),
    ],
    routes: { chat: { models: [FIRST, SECOND] } },
    policy: { retry: { base: 10 }, breaker: { failures: 0 } },
  },
}));

// The SDKs wait by this clock. Workerd, the emulator and the hooks of the tests have begun before with the real one.
let clock;
let calls = 0;
/** How many requests the edge has got in this call. */
let sent;

/** The platform's fetch. The edge has the time of the SDK, and none passes while it answers. */
const fetchEdge = async (url, init) => clock.hold(async () => {
  sent += 1;
  const request = new Request(url, init);
  request.headers.set('x-clock', String(clock.ahead));
  const response = await fetch(request);
  return new Response(await response.arrayBuffer(), response);
});

/** What the SDK `name` throws, its class and its status; and what belongs to a status. */
async function outcome(name, form, fields) {
  clock ??= new VirtualTime();
  calls += 1;
  sent = 0;
  clock.restart(1_800_000_000_000 + calls * 7_200_000);
  const { read, errorOf, repeats, ...sdk } = SDKS[name]({ fetch: fetchEdge, origin: edge.origin, apiKey: CLIENT_KEY, model: 'route/chat', prompt: `Call ${calls}`, ...fields });
  const error = await clock.run(sdk[form]().then((text) => assert.fail(`it answered ${text}`), (error) => error));
  return { error, seen: read(error), errorOf, repeats };
}

for (const name of Object.keys(SDKS)) {
  for (const form of ['call', 'stream']) {
    for (const [fault, status, requests] of FAILURES) {
      test(`${name}, ${form}: ${fault} of every model is a ${status}, and the upstream gets the requests of one call`, async () => {
        for (const model of [FIRST, SECOND]) await emulator.script(model, Array(STEPS).fill(fault));
        const { error, seen, errorOf, repeats } = await outcome(name, form);
        assert.deepEqual(seen, [errorOf(status), status], error.stack);
        const made = asked(await emulator.log()).length;
        if (repeats(status) < Infinity) return assert.deepEqual([sent, made], [1 + repeats(status), requests]);
        // @openrouter/sdk repeats for an hour, and meanwhile the models are asked again now and then.
        assert.ok(sent > 20 && made <= (requests * sent) / 2, `${sent} requests, ${made} of the edge`);
      });
    }

    for (const [what, fields, status] of REFUSALS) {
      test(`${name}, ${form}: ${what} is a ${status} of the edge`, async () => {
        const { error, seen, errorOf } = await outcome(name, form, fields);
        assert.deepEqual(seen, [errorOf(status), status], error.stack);
        assert.deepEqual(asked(await emulator.log()), []);
      });
    }
  }
}

test('the table of the documentation says how often each SDK sends a request again', async () => {
  const page = await readFile(join(ROOT, 'www/docs/edge.md'), 'utf8');
  const rows = { openai: '| openai (npm', LangChain: '| LangChain (npm)', 'the AI SDK': '| AI SDK', 'the AI SDK with @ai-sdk/openai': '| AI SDK', '@openrouter/sdk': '| @openrouter/sdk' };
  for (const name of Object.keys(SDKS)) {
    const { errorOf, repeats } = SDKS[name]({ fetch, origin: edge.origin, apiKey: CLIENT_KEY, model: FIRST, prompt: 'x' });
    const [, , thrown, again, after429] = page.split('\n').find((line) => line.startsWith(rows[name])).split('|').map((cell) => cell.trim());
    assert.ok(thrown.includes(`\`${errorOf(503).split(' ')[0]}\``), thrown);
    const inWords = (times) => ({ 0: 'no', Infinity: 'without a bound on the number' })[times] ?? `${times} times`;
    assert.deepEqual([again.split(',')[0], after429], [inWords(repeats(503)), inWords(repeats(429))]);
  }
});
