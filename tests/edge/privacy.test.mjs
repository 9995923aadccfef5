// What an upstream learns about a client, and what a client learns about an upstream: the account as a hash, the providers that the
// owner fixed, and for some clients nothing about models, providers and costs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const [HIDDEN, OTHER] = ['fs_hidden_client', 'fs_other_client'];
const MODELS = [FIRST, SECOND];

const { emulator, edge } = useEdge((emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', accountFields: ['user', 'safety_identifier'] },
    keys: [clientKey(), clientKey({ name: 'other', budget: { usd: { day: 5 } } }, OTHER), clientKey({ name: 'hidden', report: false, budget: { usd: { day: 5 } } }, HIDDEN)],
    models: MODELS,
    provider: { data_collection: 'deny' },
    policy: { ...POLICY, retry: { same: 0 } },
    routes: {
      chat: { models: MODELS },
      relay: { models: [SECOND], lane: 'relay' },
      lean: { models: [SECOND], lane: 'lean' },
      azure: { models: [SECOND], provider: { only: ['azure'], allow_fallbacks: false } },
      judged: { models: [SECOND], policy: { judge: { model: FIRST, threshold: 1 } } },
    },
  },
}));

const bodies = async () => (await emulator.log()).filter(({ method, path }) => method === 'POST' && path.endsWith('/chat/completions')).map(({ body }) => body);
const sent = async (body, options) => {
  await emulator.clear();
  const answer = await chat(edge, body, options);
  assert.equal(answer.status, 200, answer.text);
  return (await bodies())[0];
};

test('an upstream gets a hash of the account, whatever the client says', async () => {
  const [own, lie, other] = [await sent({ model: SECOND }), await sent({ model: SECOND, user: 'somebody', safety_identifier: 'else' }), await sent({ model: SECOND }, { key: OTHER })];
  assert.match(own.user, /^[0-9a-f]{32}$/);
  assert.equal(own.safety_identifier, own.user);
  assert.deepEqual([lie.user, lie.safety_identifier], [own.user, own.user]);
  assert.notEqual(other.user, own.user);
  assert.ok(!JSON.stringify(own).includes('test'), 'the name of the key stays at the edge');
  const escaped = await sent(`{"model":"${SECOND}","messages":[{"role":"user","content":"hi"}],"us\\u0065r":"somebody"}`);
  assert.equal(escaped.user, own.user);
});

test('an upstream that is not known to have these fields gets none, and never a value of the client', async () => {
  const plain = (fields) => configure(emulator, { models: MODELS, ...fields });
  await withEdge({ failsoft: plain({}) }, async (own) => {
    await emulator.clear();
    await chat(own, { model: SECOND });
    await chat(own, { model: SECOND, user: 'somebody' });
    const [silent, lie] = await bodies();
    assert.deepEqual([silent.user, silent.safety_identifier, lie.safety_identifier], [undefined, undefined, undefined]);
    assert.match(lie.user, /^[0-9a-f]{32}$/);
  });
  await withEdge({ failsoft: plain({ fields: ['user'] }) }, async (own) => {
    await emulator.clear();
    await chat(own, { model: SECOND, user: 'my-own-user', safety_identifier: 'else' });
    const [opened] = await bodies();
    assert.equal(opened.user, 'my-own-user', 'the owner has opened this field');
    assert.match(opened.safety_identifier, /^[0-9a-f]{32}$/);
  });
});

test('a client cannot change what the owner fixed of the provider, on any hop', async () => {
  assert.deepEqual((await sent({ model: SECOND })).provider, { data_collection: 'deny' });
  assert.deepEqual((await sent({ model: SECOND, provider: { sort: 'price', data_collection: 'deny' } })).provider, { sort: 'price', data_collection: 'deny' });
  assert.deepEqual((await sent({ model: 'route/azure' })).provider, { data_collection: 'deny', only: ['azure'], allow_fallbacks: false });
  for (const [model, provider, param] of [
    [SECOND, { data_collection: 'allow' }, 'provider.data_collection'],
    ['route/azure', { only: ['deepinfra'] }, 'provider.only'],
    ['route/azure', { order: ['deepinfra'] }, 'provider.order'],
    ['route/azure', { allow_fallbacks: true }, 'provider.allow_fallbacks'],
  ]) {
    const answer = await chat(edge, { model, provider });
    assert.deepEqual([answer.status, answer.json.error.param], [400, param]);
  }
  await emulator.clear();
  await emulator.script(FIRST, ['server-error']);
  await chat(edge, { model: 'route/chat' });
  const judged = await chat(edge, { model: 'route/judged', provider: { zdr: true } });
  assert.equal(judged.status, 200, judged.text);
  const all = await bodies();
  assert.ok(all.length >= 3);
  for (const { provider } of all) assert.equal(provider.data_collection, 'deny');
  assert.ok(all.at(-1).messages[0].content.includes('You grade'), 'the last request asks the judge');
  assert.equal(all.at(-1).provider.zdr, true);
});

/** Everything that a client reads of an answer. */
const everything = ({ text, headers }) => text + JSON.stringify(headers);
const TELLTALES = [FIRST, SECOND, 'gpt-4o', '"provider"', '"cost"', 'cost_details', 'generationId', 'promptTokens', 'x-failsoft-model', 'x-failsoft-attempts', 'native_finish_reason'];

test('a client whose grant hides the report sees no chain, cost or provider, in one piece and in every lane', async () => {
  const seen = everything(await chat(edge, { model: 'route/chat' }));
  for (const telltale of [SECOND.slice(0, 8), '"provider"', '"cost"', 'x-failsoft-model']) assert.ok(seen.includes(telltale), `others see ${telltale}`);
  await emulator.script(FIRST, ['server-error']);
  const whole = await chat(edge, { model: 'route/chat' }, { key: HIDDEN });
  assert.equal(whole.status, 200, whole.text);
  assert.deepEqual([whole.json.model, whole.json.failsoft], ['route/chat', { fallback: true, accepted: true, attempts: [] }]);
  assert.ok(whole.json.choices[0].message.content.length > 0 && whole.json.usage.total_tokens > 0);
  for (const telltale of TELLTALES) assert.ok(!everything(whole).includes(telltale), telltale);
  for (const route of ['chat', 'relay', 'lean']) {
    const answer = await chat(edge, { model: `route/${route}`, stream: true, stream_options: { include_usage: true } }, { key: HIDDEN });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.events.done && answer.events.text.length > 0);
    for (const telltale of TELLTALES) assert.ok(!everything(answer).includes(telltale), `${route}: ${telltale}`);
    for (const report of answer.events.reports) assert.deepEqual(Object.keys(report).sort(), ['accepted', 'attempts', 'fallback']);
    for (const chunk of answer.events.chunks) assert.equal(chunk.model, `route/${route}`);
  }
});

test('failures and refusals tell such a client no name and no amount', async () => {
  for (const stream of [false, true]) {
    for (const fault of ['server-error', 'unknown-model', 'context-length', 'bad-request', 'moderation', 'rate-limited', 'guardrail', 'error-mid-stream', 'error-first']) {
      await emulator.clear();
      for (const model of MODELS) await emulator.script(model, Array(4).fill(fault));
      const answer = await chat(edge, { model: 'route/chat', stream, messages: [{ role: 'user', content: `words:5 ${fault}` }] }, { key: HIDDEN });
      for (const telltale of TELLTALES) assert.ok(!everything(answer).includes(telltale), `${fault}: ${telltale} ${answer.text}`);
    }
  }
  const refused = await chat(edge, { model: 'nobody/knows' }, { key: HIDDEN });
  assert.equal(refused.status, 403);
  for (const name of MODELS) assert.ok(!refused.text.includes(name), refused.text);
  const bounded = await chat(edge, { model: 'route/chat', failsoft: { maxCostUsd: 1_000_000 } }, { key: HIDDEN });
  assert.ok(bounded.status === 200 || !/\d\.\d/.test(bounded.json.error.message), bounded.text);
  const usage = await send(edge, '/v1/usage', { key: HIDDEN });
  assert.deepEqual(Object.keys(JSON.parse(usage.text)).sort(), ['concurrent', 'requests', 'tokens']);
  assert.ok(JSON.parse((await send(edge, '/v1/usage', { key: OTHER })).text).usd);
  const routes = { chat: { models: MODELS } };
  await withEdge({ failsoft: configure(emulator, { models: undefined, routes, keys: [clientKey({ report: false })] }) }, async (own) => {
    assert.deepEqual(JSON.parse((await send(own, '/v1/models')).text).data.map(({ id }) => id), ['route/chat']);
    assert.equal((await chat(own, { model: SECOND })).status, 403);
  });
  const poor = configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, keys: [clientKey({ report: false, budget: { usd: { day: 0.000001 } } })], models: [SECOND] });
  await withEdge({ failsoft: poor }, async (own) => {
    const answer = await chat(own, { model: SECOND });
    assert.equal(answer.status, 402, answer.text);
    assert.ok(!/USD|0\.0|budget":\{/.test(answer.text), answer.text);
  });
});
