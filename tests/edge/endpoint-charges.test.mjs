// A budget is kept over each endpoint, however an upstream bills: in each protocol, also with an upstream that speaks the protocol of
// the client. The emulator's bill is the judge: what it charged is never more than the budget, and the edge has booked all of it.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { ENDPOINTS, VECTORS, ask, requestOf } from './endpoints.mjs';
import { beginWithin } from './harness.mjs';
import { charged, finalUsage, pico, sum } from './spending.mjs';
import { useAlerts, useEmulator, withEdge } from './use-edge.mjs';

const MODEL = 'openai/gpt-4o';
const LIMIT = 0.01;
/** The emulator's price, in USD for a million tokens. */
const PRICES = [{ id: MODEL, prompt: 2.5, completion: 10, maxReasoning: 40 }];
const POLICY = { attempts: 2, timeouts: { total: 60_000 }, retry: { base: 10 }, breaker: { failures: 0 } };
const CALLS = 40;

/** The ways to bill, with what the owner declares about each. */
const BILLS = { 'no-cost': {}, 'separate-reasoning': { reasoningBeyondLimit: true }, 'charged-errors': {}, 'under-reported': {} };
/** The faults after which an upstream may have charged: errors of gateways, broken answers and wrong ones. */
const FAULTS = ['server-error', 'bad-gateway', 'gateway-timeout', 'cloudflare-524', 'string-code', 'unavailable', 'rate-limited', 'reset', 'reset-mid-body', 'cut', 'empty', 'error-in-200', 'malformed-body', 'healthy'];

const emulators = Object.fromEntries(Object.keys(BILLS).map((bill) => [bill, useEmulator(['--billing', bill])]));
const alerts = useAlerts();
beforeEach(() => beginWithin('day', 300_000));

/** What the owner declares about an upstream that speaks the protocol of an endpoint. */
const OWN_WIRES = {
  '/v1/responses': () => ({ protocols: ['responses'] }),
  '/v1/messages': ({ baseURL }) => ({ dialect: 'anthropic', url: new URL(baseURL).origin, embeddings: undefined }),
};

/** Each endpoint that asks a model, over an upstream that speaks chat completions, or the protocol of the client. */
const PLACES = ENDPOINTS.filter(({ asks }) => asks).flatMap((endpoint) => [
  { endpoint, name: endpoint.path, wire: () => ({}) },
  ...(OWN_WIRES[endpoint.path] ? [{ endpoint, name: `${endpoint.path}, also upstream`, wire: OWN_WIRES[endpoint.path] }] : []),
]);

/** A request whose answer is as long as its limit allows, with as much reasoning as the owner has declared where that is billed beside it. */
function bodyOf(endpoint, bill, at) {
  if (!endpoint.writes) return requestOf(endpoint, MODEL, endpoint.prompt('word '.repeat(6_000)));
  return requestOf(endpoint, MODEL, { stream: at % 4 > 1, ...endpoint.prompt(`words:40 ${bill === 'separate-reasoning' ? 'think:40' : ''}`) });
}

/** Sends bursts of calls to two isolates until none is answered. Returns how many were answered. */
async function spend(edge, endpoint, bill) {
  let answered = 0;
  for (let last = 1; last > 0; answered += last) {
    const answers = await Promise.all(Array.from({ length: CALLS }, (_, at) => ask({ origin: edge.origins[at % 2] }, endpoint, bodyOf(endpoint, bill, at))));
    last = answers.filter(({ status }) => status === 200).length;
    for (const { status, text } of answers) assert.ok(status === 200 || status === 402 || status >= 429, `${status} ${text}`);
  }
  return answered;
}

for (const bill of Object.keys(BILLS)) {
  const emulator = emulators[bill];
  for (const { endpoint, name, wire } of PLACES) {
    const failsoft = () => ({
      upstream: { url: emulator.baseURL, dialect: 'openai', models: PRICES, embeddings: [{ id: VECTORS, prompt: 0.02 }], ...BILLS[bill], ...wire(emulator) },
      keys: [clientKey({ budget: { usd: { day: LIMIT } } })],
      models: ['openai/*'],
      policy: POLICY,
      alerts: { url: alerts.url },
    });

    test(`${name}, ${bill}: what is booked is the bill, and it stays within the budget`, { timeout: 300_000 }, async () => {
      alerts.received.length = 0;
      await withEdge({ failsoft: failsoft(), isolates: 2 }, async (edge) => {
        const answered = await spend(edge, endpoint, bill);
        const { used, rows } = await finalUsage(edge);
        const paid = await charged(emulator);
        assert.ok(answered > 5 && answered === paid.length && answered === rows.length, `${answered} answers, ${paid.length} charges, ${rows.length} rows`);
        assert.ok(sum(paid) <= pico(LIMIT), `${sum(paid)} were charged on a budget of ${pico(LIMIT)}`);
        assert.equal(pico(used), sum(paid));
        // Anthropic's answers name no cost that could be too low.
        if (bill === 'under-reported' && failsoft().upstream.dialect !== 'anthropic') assert.match((await alerts.find(({ kind }) => kind === 'cost')).text, /^The upstream reported a cost of/);
      });
      if (bill !== 'under-reported') assert.deepEqual(alerts.received.filter(({ kind }) => kind === 'cost'), []);
    });

    test(`${name}, ${bill}: with errors that may be charged, nothing goes beyond the budget, and all of the bill is booked`, { timeout: 300_000 }, async () => {
      const faults = Array.from({ length: 400 }, (_, at) => FAULTS[at % FAULTS.length]);
      await emulator.script(endpoint.model ?? MODEL, faults);
      await withEdge({ failsoft: failsoft(), isolates: 2 }, async (edge) => {
        await spend(edge, endpoint, bill);
        const { used } = await finalUsage(edge);
        const paid = sum(await charged(emulator));
        assert.ok(paid > 0 && paid <= pico(LIMIT), `${paid} were charged on a budget of ${pico(LIMIT)}`);
        assert.ok(pico(used) >= paid, `${pico(used)} are booked, and ${paid} were charged`);
      });
    });
  }
}
