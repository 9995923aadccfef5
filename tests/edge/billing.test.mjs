// An upstream may charge for what its answer does not show: for an error, for reasoning, for a connection that broke. The edge
// never books less than the upstream may have charged, and a budget never lets through more than it bounds.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey, freePort } from '../support/edge.mjs';
import { chat, send } from './harness.mjs';
import { setUp, withEdge } from './use-edge.mjs';

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
    const { status = 200, headers = {}, reply, reset } = upstream.script(body, upstream.requests.length);
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
