// A fallback never widens rights: each request of a call keeps the models, the data policy and the price that the first one had. This
// holds for retries, hedges, other upstreams, continuations, new beginnings, spare keys and judges.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat } from './harness.mjs';
import { configure, setUp, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const THIRD = 'anthropic/claude-opus-4.7';
const [NARROW, LISTED] = ['fs_narrow', 'fs_listed'];
const LONG = [{ role: 'user', content: 'words:60 pace:5' }];

const { emulator, edge } = useEdge((emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey(), clientKey({ name: 'narrow', models: [FIRST] }, NARROW), clientKey({ name: 'listed', models: [FIRST, 'fault/*'] }, LISTED)],
    models: [FIRST, SECOND, THIRD, 'fault/*'],
    provider: { data_collection: 'deny', zdr: true },
    policy: { ...POLICY, retry: { same: 0 } },
    routes: {
      judged: { models: ['fault/empty', FIRST], policy: { judge: { model: SECOND, threshold: 1 } } },
      hedged: { models: ['fault/slow-first-token', FIRST], policy: { hedge: { after: 100 } } },
      broken: { models: ['fault/cut-1500', THIRD, SECOND] },
      errors: { models: ['fault/error-mid-stream', FIRST, SECOND], policy: { recover: 'restart' } },
      chain: { models: ['fault/server-error', 'fault/rate-limited', 'fault/refusal', 'fault/overloaded', SECOND] },
    },
  },
}));

const chats = async (of = emulator) => (await of.log()).filter(({ method, path }) => method === 'POST' && path.endsWith('/chat/completions')).map(({ body }) => body);
const named = (bodies) => bodies.flatMap(({ model, models }) => models ?? [model]);

/** An upstream that fails with suggestions of other models, or that answers. */
const other = { seen: [], reply: null };
setUp(async () => {
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    if (request.method === 'POST') other.seen.push({ key: request.headers.authorization, ...JSON.parse(text) });
    const [status, body] = request.method === 'POST' ? other.reply(JSON.parse(text), request) : [404, {}];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  other.url = `http://127.0.0.1:${server.address().port}/v1`;
});
const fine = ({ model, models }) => [200, { id: 'a', model: model ?? models[0], choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }];

test('a client that may name one model reaches no other, by its chain, its policy, a suggestion or a stream that breaks', async () => {
  for (const body of [
    { models: [FIRST, SECOND] }, { model: SECOND }, { model: FIRST, models: [FIRST, SECOND] }, { model: FIRST, models: [SECOND] }, { models: [FIRST, `${FIRST}:online`] }, { models: [FIRST, 'openrouter/auto'] }, { model: 'route/nope' },
    { model: FIRST, failsoft: { models: [SECOND] } }, { model: FIRST, failsoft: { judge: { model: SECOND } } }, { model: FIRST, failsoft: { hedge: { after: 1, model: SECOND } } }, { model: FIRST, fallbacks: [SECOND] }, { model: FIRST, route: 'any' },
    { model: FIRST, preset: 'x' }, { model: FIRST, provider: { sort: { by: 'price', partition: 'none' } } }, { model: FIRST, plugins: [{ id: 'fusion', models: [SECOND] }] },
  ]) {
    const answer = await chat(edge, body, { key: NARROW });
    // A field that is not known is not sent.
    const isIgnored = answer.status === 200 && answer.json.failsoft.warnings.some((warning) => warning.includes('was not sent'));
    assert.ok(isIgnored || [400, 403, 404].includes(answer.status), `${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
  }
  for (const sent of await chats()) assert.deepEqual([named([sent]), sent.fallbacks], [[FIRST], undefined]);
  for (const fault of ['server-error', 'unavailable', 'rate-limited', 'refusal-text', 'context-length', 'not-found', 'unknown-model', 'moderation', 'empty']) {
    await emulator.clear();
    await emulator.script(FIRST, Array(4).fill(fault));
    // The edge answers the same request from memory after a failure, so each request is another.
    for (const stream of [false, true]) await chat(edge, { model: FIRST, stream, messages: [{ role: 'user', content: `words:5 ${fault}` }] }, { key: NARROW });
    const asked = new Set(named(await chats()));
    assert.deepEqual([...asked], [FIRST], fault);
  }
  for (const recover of ['continue', 'restart']) {
    await emulator.clear();
    const answer = await chat(edge, { models: ['fault/cut-1500', FIRST], stream: true, messages: LONG, failsoft: { recover } }, { key: LISTED });
    assert.equal(answer.status, 200);
    const asked = new Set(named(await chats()));
    for (const model of asked) assert.ok(['fault/cut-1500', FIRST].includes(model), model);
  }
});

test('a suggestion of an upstream changes no chain', async () => {
  const failsoft = configure({ baseURL: other.url }, { keys: [clientKey({ models: [FIRST, SECOND] })], policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ failsoft }, async (own) => {
    const suggestions = { fallback_models: [THIRD], availability: { code: 'temporarily_unavailable', retryable: true, fallback_models: [THIRD], alternatives: [THIRD] }, suggested_model: THIRD };
    for (const status of [404, 429, 500, 503]) {
      other.seen = [];
      other.reply = () => [status, { error: { message: `use ${THIRD}`, code: status, ...suggestions, metadata: suggestions }, ...suggestions }];
      await chat(own, { models: [FIRST, SECOND], seed: status });
      assert.deepEqual([...new Set(named(other.seen))], [FIRST, SECOND], String(status));
    }
  });
});

test('the models that the owner listed for a client bound every upstream, also one with models of its own', async () => {
  const keys = [clientKey(), clientKey({ name: 'narrow', models: [FIRST] }, NARROW), clientKey({ name: 'listed', models: [FIRST, 'b/b'] }, LISTED)];
  const upstreams = [{ url: emulator.baseURL, dialect: 'openrouter' }, { url: other.url, dialect: 'openai', models: ['a/expensive', 'b/b'] }];
  const failsoft = configure(emulator, { upstream: undefined, upstreams, keys, models: [FIRST], routes: { both: { models: [FIRST] } }, policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ failsoft }, async (own) => {
    other.reply = ({ model }) => (model === 'a/expensive' ? [503, {}] : fine({ model }));
    for (const [key, model, expected] of [[NARROW, FIRST, []], [LISTED, FIRST, ['b/b']], [undefined, FIRST, ['a/expensive', 'b/b']], [NARROW, 'route/both', ['a/expensive', 'b/b']]]) {
      await emulator.clear();
      await emulator.script(FIRST, ['unavailable']);
      other.seen = [];
      const answer = await chat(own, { model, seed: expected.length }, key ? { key } : {});
      assert.deepEqual(named(other.seen), expected, `${key} ${model}`);
      assert.equal(answer.status, expected.length > 0 ? 200 : 503, answer.text);
      const left = { [NARROW]: ['a/expensive', 'b/b'], [LISTED]: ['a/expensive'] }[model === FIRST ? key : ''] ?? [];
      for (const name of left) assert.ok(answer.json.failsoft.warnings.some((warning) => warning.includes(`\`${name}\` was left out`)), answer.text);
    }
  });
  const only = configure(emulator, { upstream: { ...upstreams[1] }, keys });
  await withEdge({ failsoft: only }, async (own) => {
    other.seen = [];
    const answer = await chat(own, { model: FIRST }, { key: NARROW });
    assert.deepEqual([answer.status, answer.json.error.code], [403, 'model_not_allowed'], answer.text);
    assert.deepEqual(other.seen, []);
  });
});

test('the data policy of the owner and of the client is in every request: retry, hedge, judge, continuation and new beginning', async () => {
  const roles = new Set();
  for (const [model, fields] of [['route/judged', {}], ['route/hedged', { stream: true }], ['route/chain', {}], ['route/broken', { stream: true, messages: LONG }], ['route/errors', { stream: true, messages: LONG }], ['route/broken', { stream: true, messages: LONG, failsoft: { recover: 'restart' } }]]) {
    for (const provider of [undefined, { enforce_distillable_text: true, sort: 'price' }, { data_collection: 'deny', zdr: true }]) {
      await emulator.clear();
      const answer = await chat(edge, { model, ...fields, provider });
      assert.equal(answer.status, 200, answer.text);
      const report = answer.json?.failsoft ?? answer.events.reports.at(-1);
      report.attempts.forEach((attempt) => roles.add(attempt.recovery ?? ['hedge', 'judge'].find((role) => role in attempt) ?? 'answer'));
      const bodies = await chats();
      assert.ok(bodies.length >= 2, `${model}: ${bodies.length}`);
      for (const body of bodies) {
        assert.deepEqual([body.provider.data_collection, body.provider.zdr], ['deny', true], JSON.stringify(body));
        assert.equal(body.provider.enforce_distillable_text, provider?.enforce_distillable_text, JSON.stringify(body));
      }
    }
  }
  for (const role of ['answer', 'hedge', 'judge']) assert.ok(roles.has(role), `${role} in ${[...roles]}`);
  assert.ok(roles.has('continue') || roles.has('restart'), String([...roles]));
  const refused = await chat(edge, { model: 'route/chain', provider: { data_collection: 'allow' } });
  assert.equal(refused.status, 400);
});

test('the data policy is in the request with the old key, and goes to no upstream that would not know the field', async () => {
  const upstreams = [{ url: other.url, dialect: 'openrouter' }, { url: emulator.baseURL, dialect: 'openai' }];
  const failsoft = configure(emulator, { upstream: undefined, upstreams, models: [FIRST], provider: { data_collection: 'deny' }, policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ secrets: { UPSTREAM_API_KEY_OLD: 'sk-old-0123456789' }, failsoft }, async (own) => {
    other.seen = [];
    other.reply = () => [401, { error: { message: 'no' } }];
    assert.equal((await chat(own, { model: FIRST })).status, 200);
    assert.deepEqual(other.seen.map(({ key, provider }) => [key, provider]), [['Bearer sk-or-test', { data_collection: 'deny' }], ['Bearer sk-old-0123456789', { data_collection: 'deny' }]]);
    assert.deepEqual((await chats()).map(({ provider }) => provider), [undefined]);
  });
});

test('a client that forbids providers to keep its conversation reaches no upstream that does not know this rule', async () => {
  const upstreams = [{ url: other.url, dialect: 'openrouter' }, { url: emulator.baseURL, dialect: 'openai' }];
  const routes = { chat: { models: [FIRST] } };
  const failsoft = configure(emulator, { upstream: undefined, upstreams, models: [FIRST], routes, policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ failsoft }, async (own) => {
    other.reply = () => [503, { error: { message: 'no' } }];
    let calls = 0;
    for (const model of [FIRST, 'route/chat']) {
      for (const [provider, isStrict] of [[{ zdr: true }, true], [{ data_collection: 'deny' }, true], [{ data_collection: 'deny', sort: 'price' }, true], [{ zdr: false, data_collection: 'allow' }, false], [{ sort: 'price' }, false], [undefined, false]]) {
        await emulator.clear();
        const answer = await chat(own, { model, provider, seed: (calls += 1) });
        assert.deepEqual([answer.status, (await chats()).length], isStrict ? [503, 0] : [200, 1], `${model} ${JSON.stringify(provider)}: ${answer.text}`);
        assert.equal(answer.json.failsoft.warnings?.some((warning) => warning.includes('data_collection')) ?? false, isStrict, answer.text);
      }
    }
  });
  await withEdge({ failsoft: configure(emulator, { models: [FIRST] }) }, async (own) => {
    assert.equal((await chat(own, { model: FIRST, provider: { zdr: true } })).status, 200, 'the only upstream decides by itself');
  });
});

test('a bound on the price holds for each request, also for the first call of an isolate and for a stream that breaks', async () => {
  const failsoft = configure(emulator, {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' }, models: [FIRST, SECOND, THIRD, 'fault/*'], policy: { ...POLICY, retry: { same: 0 } },
    routes: { cheap: { models: ['fault/cut-1500', THIRD, SECOND, FIRST], policy: { maxPrice: { completion: 1 } } } },
  });
  for (const [body, cap] of [
    [{ models: ['fault/server-error', SECOND, FIRST], failsoft: { maxPrice: { prompt: 1 } } }, { prompt: 1 }],
    [{ models: [SECOND, FIRST], failsoft: { maxPrice: { prompt: 1, completion: 2 } }, provider: { max_price: { completion: 0.9 } } }, { prompt: 1, completion: 0.9 }],
    [{ model: 'route/cheap', stream: true, messages: LONG }, { completion: 1 }],
    [{ model: 'route/cheap', stream: true, messages: LONG, failsoft: { recover: 'restart', maxPrice: { completion: 0.8 } } }, { completion: 0.8 }],
  ]) {
    await withEdge({ failsoft }, async (own) => {
      await emulator.clear();
      const answer = await chat(own, body);
      assert.equal(answer.status, 200, answer.text);
      const bodies = await chats();
      const asked = named(bodies);
      assert.ok(asked.includes(FIRST), String(asked));
      for (const model of [SECOND, THIRD]) assert.ok(!asked.includes(model), `${model} costs more: ${asked}`);
      for (const sent of bodies) assert.deepEqual(sent.provider.max_price, cap, JSON.stringify(sent));
    });
  }
  const wider = await chat(edge, { model: FIRST, failsoft: { maxPrice: { prompt: 1 }, maxCostUsd: 'a lot' } });
  assert.equal(wider.status, 400);
});
