// An upstream may charge for what its answer does not show: for an error, for reasoning, for a connection that broke. The edge
// never books less than the upstream may have charged, and a budget never lets through more than it bounds.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey, freePort } from '../support/edge.mjs';
import { chat, send } from './harness.mjs';
import { setUp, useAlerts, withEdge } from './use-edge.mjs';

const MODELS = ['dear', 'other', 'third'];
const PRICES = MODELS.map((id) => ({ id, prompt: 1, completion: 10 }));
const HELLO = { model: 'dear', models: MODELS, max_tokens: 1_000, messages: [{ role: 'user', content: 'hello' }] };
const POLICY = { timeouts: { total: 10_000 }, retry: { base: 10 }, breaker: { failures: 0 } };

/** An upstream that answers as `script` says, a function of the request's body and its number. */
const upstream = { script: null, costs: {}, requests: [] };

setUp(async () => {
  upstream.server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    if (request.url.includes('/generation')) {
      const cost = upstream.costs[new URL(request.url, 'http://upstream').searchParams.get('id')];
      response.writeHead(cost === undefined ? 404 : 200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ data: { total_cost: cost } }));
    }
    if (!text) return response.writeHead(404).end('{}');
    const body = JSON.parse(text);
    upstream.requests.push(body);
    const { status = 200, headers = {}, reply, reset, after = 0 } = upstream.script(body, upstream.requests.length);
    await sleep(after);
    if (reset) return request.socket.resetAndDestroy();
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(reply ?? { error: { message: 'it failed' } }));
  }).listen(0, '127.0.0.1');
  await once(upstream.server, 'listening');
  upstream.url = `http://127.0.0.1:${upstream.server.address().port}/v1`;
});
after(() => upstream.server?.close());

const answer = (model, usage) => ({
  reply: { id: 'x', model, choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }], usage },
});
const cheap = (model) => answer(model, { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10, cost: 0.001 });

const failsoft = ({ budget = { usd: { day: 1 } }, source = {}, policy = POLICY, ...fields } = {}) => ({
  upstream: { url: upstream.url, dialect: 'openai', models: PRICES, ...source },
  keys: [clientKey({ budget })],
  models: MODELS,
  policy,
  ...fields,
});

/** The account's use today, read when no hold is left. */
async function settled(edge) {
  for (;;) {
    const usage = JSON.parse((await send(edge, '/v1/usage')).text);
    if (usage.usd.day.held === 0 && usage.concurrent.held === 0) return usage;
    await sleep(50);
  }
}

const alerts = useAlerts();

/** Starts an edge with `config`, sends `body` to upstreams that follow `script`, and returns the answer and the use of today. */
async function call(config, script, body = HELLO) {
  Object.assign(upstream, { script, requests: [], costs: {} });
  return withEdge({ failsoft: config }, async (edge) => {
    const { status, json, text } = await chat(edge, body);
    const { usd, tokens } = await settled(edge);
    return { status, json, text, used: usd.day.used, tokens: tokens.day.used };
  });
}

/** The most that one answer of HELLO costs: 1,000 tokens of the answer, and those of the prompt. */
const ONE = 0.01;
const about = (used, expected) => assert.ok(used >= expected && used < expected + 0.0005, `${used} is not about ${expected}`);

test('an error of a gateway is charged at the most that the request can have cost, and a refusal before any work is free', async () => {
  for (const status of [500, 502, 504, 520, 524]) {
    const { used, status: seen } = await call(failsoft({ policy: { ...POLICY, attempts: 1 } }), () => ({ status }));
    assert.ok(seen >= 500, `${seen}`);
    about(used, ONE);
  }
  for (const status of [400, 402, 404, 429, 503, 529]) {
    const { used } = await call(failsoft({ policy: { ...POLICY, attempts: 1 } }), () => ({ status }));
    assert.equal(used, 0, `${status}`);
  }
});

test('after an error that may have been charged, a fallback still fits the budget, and the error and the answer are booked', async () => {
  // The budget pays the two answers that the edge holds, and nothing else.
  const script = ({ model }) => (model === 'dear' ? { status: 500 } : cheap(model));
  const { status, json, used, text } = await call(failsoft({ budget: { usd: { day: 0.0215 } } }), script);
  assert.equal(status, 200, text);
  assert.equal(json.model, 'other');
  assert.deepEqual(upstream.requests.map(({ model }) => model), ['dear', 'other'], 'the money is for another model');
  about(used, ONE + 0.001);
});

test('a bounded call whose models all fail with a charged error stops at what was held', async () => {
  const { status, used } = await call(failsoft(), () => ({ status: 500 }));
  assert.ok(status >= 402, `${status}`);
  assert.ok(upstream.requests.length <= 2, `${upstream.requests.length} requests`);
  assert.ok(used >= ONE * upstream.requests.length && used < 0.022, `${used}`);
});

test('the cost of an error that names its generation is looked up', async () => {
  const script = () => {
    upstream.costs['gen-7'] = 0.0025;
    return { status: 502, headers: { 'x-generation-id': 'gen-7' } };
  };
  const { used } = await call(failsoft({ policy: { ...POLICY, attempts: 1 } }), script);
  assert.equal(used, 0.0025);
});

test('an upstream that does not charge for errors can be declared', async () => {
  const source = { chargesErrors: false };
  const { status, used } = await call(failsoft({ source }), ({ model }) => (model === 'third' ? cheap(model) : { status: 500 }));
  assert.equal(status, 200);
  assert.equal(used, 0.001);
});

test('an error that comes after the edge has stopped waiting is free where the upstream does not charge for errors', { timeout: 60_000 }, async () => {
  const policy = { ...POLICY, attempts: 1, timeouts: { headers: 200, total: 10_000 } };
  // Nobody knows this generation, so a cost that is looked up would be held for ten minutes.
  const script = () => ({ status: 504, headers: { 'x-generation-id': 'gen-8' }, after: 1_000 });
  const { status, json, used } = await call(failsoft({ source: { chargesErrors: false }, policy }), script);
  assert.deepEqual([status, json.error.kind, used], [504, 'headersTimeout', 0]);
});

test('a refused connection is free, and one that broke is not', async () => {
  const closed = `http://127.0.0.1:${await freePort()}/v1`;
  const upstreams = [
    { url: closed, dialect: 'openai', models: PRICES },
    { url: upstream.url, dialect: 'openai', models: PRICES },
  ];
  const { keys, models, policy } = failsoft({ budget: { usd: { day: 0.0215 } } });
  const refused = await call({ upstreams, keys, models, policy }, ({ model }) => cheap(model));
  assert.equal(refused.status, 200, refused.text);
  assert.equal(refused.used, 0.001);
  const broken = await call(failsoft({ policy: { ...POLICY, attempts: 1 } }), () => ({ reset: true }));
  about(broken.used, ONE);
});

test('an error that was charged counts at its own tokens, and not at those of all attempts', async () => {
  const budget = { tokens: { day: 100_000 } };
  const { tokens } = await call(failsoft({ budget, policy: { ...POLICY, attempts: 1 } }), () => ({ status: 500 }));
  assert.ok(tokens >= 1_000 && tokens < 1_200, `${tokens}`);
});

/** An answer with 5 tokens of text and `reasoning` tokens beside it. Its cost is reported, unless `cost` is null. */
const reasoned = (reasoning, cost) => ({ model }) =>
  answer(model, {
    prompt_tokens: 5,
    completion_tokens: 5,
    total_tokens: 10 + reasoning,
    completion_tokens_details: { reasoning_tokens: reasoning },
    ...(cost === null ? {} : { cost: cost ?? (reasoning + 5) * 0.00001 + 0.000005 }),
  });

test('reasoning that is billed beyond the output limit is held, or the call is refused', async () => {
  const source = { reasoningBeyondLimit: true };
  const config = (more) => failsoft({ source, ...more });
  // Nothing bounds the reasoning.
  for (const more of [{}, { reasoning: { effort: 'high' } }, { reasoning_effort: 'low' }, { reasoning: { exclude: true } }]) {
    const refused = await call(config(), reasoned(1_000), { ...HELLO, ...more });
    assert.deepEqual([refused.status, refused.json.error.code], [400, 'reasoning_unbounded'], refused.text);
    assert.deepEqual([upstream.requests.length, refused.used], [0, 0]);
  }
  const tokens = await call(config({ budget: { tokens: { day: 100_000 } } }), reasoned(1_000));
  assert.deepEqual([tokens.status, upstream.requests.length], [400, 0], 'a bound on tokens is a bound, too');
  // The client's bound is held: two answers of 1,000 tokens with 2,000 tokens of reasoning cost 0.06.
  const bounded = { ...HELLO, reasoning: { max_tokens: 2_000 } };
  const poor = await call(config({ budget: { usd: { day: 0.05 } } }), reasoned(2_000), bounded);
  assert.deepEqual([poor.status, poor.json.error.code, upstream.requests.length], [402, 'budget_exceeded', 0]);
  const rich = await call(config({ budget: { usd: { day: 0.062 } } }), reasoned(2_000), bounded);
  assert.equal(rich.status, 200, rich.text);
  assert.equal(rich.used, 0.020055);
  assert.equal(rich.tokens, 2_010, 'the reasoning counts');
  // So is the owner's.
  const models = PRICES.map((model) => ({ ...model, maxReasoning: 3_000 }));
  const declared = { source: { ...source, models } };
  assert.equal((await call(failsoft({ ...declared, budget: { usd: { day: 0.07 } } }), reasoned(3_000))).status, 402);
  assert.equal((await call(failsoft({ ...declared, budget: { usd: { day: 0.082 } } }), reasoned(3_000))).used, 0.030055);
  // A call without bounds needs none.
  assert.equal((await call(config({ budget: {} }), reasoned(1_000))).status, 200);
});

test('a model without a bound on its reasoning is left out, and another answers', async () => {
  const upstreams = [
    { url: upstream.url, dialect: 'openai', models: [PRICES[0]], reasoningBeyondLimit: true },
    { url: upstream.url, dialect: 'openai', models: [PRICES[1]] },
  ];
  const { keys, models, policy } = failsoft();
  const { status, json, text } = await call({ upstreams, keys, models, policy }, ({ model }) => cheap(model));
  assert.equal(status, 200, text);
  assert.deepEqual([json.model, upstream.requests.length], ['other', 1]);
});

test('reasoning that exceeds what was held is booked in full, with and without a reported cost', async () => {
  for (const cost of [undefined, null]) {
    // 2.7 million tokens cost 27 USD.
    const { used, tokens } = await call(failsoft({ budget: { usd: { day: 0.05 } } }), reasoned(2_700_000, cost));
    assert.ok(used >= 27, `${used}`);
    assert.ok(cost === null || tokens === 2_700_010, `${tokens}`);
  }
});

test('an answer without a cost is booked at the price of its tokens, and one without tokens at the most that it can have cost', async () => {
  // 5 tokens of the prompt at 1 USD a million, 5 of the answer at 10 USD.
  assert.equal((await call(failsoft(), reasoned(0, null))).used, 0.000055);
  assert.equal((await call(failsoft(), reasoned(100, null))).used, 0.001055);
  about((await call(failsoft(), ({ model }) => answer(model, undefined))).used, ONE);
});

test('an upstream that reports tokens and no cost uses up a budget at the configured prices, and the rest of each hold is released', async () => {
  const usage = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };
  const source = { models: [{ id: 'gpt-4o', contextLength: 128_000, maxOutput: 16_384, prompt: 2.5, completion: 10 }] };
  Object.assign(upstream, { script: () => answer('gpt-4o-2024-08-06', usage), requests: [], costs: {} });
  await withEdge({ failsoft: failsoft({ budget: { usd: { day: 0.008 } }, source, models: ['*'] }) }, async (edge) => {
    const ask = { messages: [{ role: 'user', content: 'Say hi.' }], model: 'gpt-4o', models: undefined, max_tokens: 100 };
    let calls = 0;
    for (let answered = 200; answered === 200; calls += answered === 200) {
      answered = (await chat(edge, ask)).status;
      const { usd, tokens } = await settled(edge);
      if (calls === 0) assert.deepEqual([usd.day.used, tokens.day.used], [0.000055, 13]);
    }
    const { usd } = await settled(edge);
    assert.equal(calls, Math.round(usd.day.used / 0.000055));
    // 100 tokens of the answer, and the prompt with its margin, cost a fifth of a cent at most. So the budget is used up except for that.
    assert.ok(usd.day.left < 0.0025 && calls >= 100, `${calls} calls, ${usd.day.left} USD left`);
    assert.equal(upstream.requests.length, calls);
  });
});

test('the owner is warned of a cost that does not fit the prices', async () => {
  const config = (more) => ({ ...failsoft(more), alerts: { url: alerts.url } });
  for (const [model, script, expected] of [
    ['dear', reasoned(900, 0.001), /reported a cost of 0\.001 USD for a request to dear, but its tokens cost at least 0\.00905/],
    ['other', reasoned(9_000), /A request to other cost 0\.090055 USD, but can cost at most 0\.01/],
    ['third', reasoned(9_000, null), /A request to third cost 0\.0900\d+ USD, but can cost at most 0\.01/],
  ]) {
    Object.assign(upstream, { script, requests: [], costs: {} });
    const source = { models: PRICES.filter(({ id }) => id === model) };
    await withEdge({ failsoft: config({ source }) }, async (edge) => {
      assert.equal((await chat(edge, { ...HELLO, model, models: undefined })).status, 200);
      const { kind, text } = await alerts.find(({ text }) => text.includes(` ${model}`));
      assert.equal(kind, 'cost');
      assert.match(text, expected);
      // The same occasion is not reported again.
      await chat(edge, { ...HELLO, model, models: undefined });
      await settled(edge);
      await sleep(500);
      assert.equal(alerts.received.filter(({ text }) => text.includes(` ${model}`)).length, 1);
    });
  }
});
