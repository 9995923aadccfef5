// The policy through the edge: rules with their actions, a judge, a hedge, a second upstream, bounds on price, cost and length.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { SECOND, chat, textOf } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const JUDGE = 'mistralai/mistral-small';
/** The emulator answers this key with 402: no credits are left. */
const FIRST_KEY = 'sk-or-no-credits';
const SECOND_KEY = 'sk-or-v1-5ec0nd';

const route = (policy, models = [FIRST, SECOND], more = {}) => ({ models, policy, ...more });
const judged = { model: JUDGE, threshold: 70 };

const { emulator, edge } = useEdge({
  failsoft: {
    routes: {
      pattern: route({ pattern: { literals: ['[TODO]'] } }),
      short: route({ tooShort: { chars: 20 }, buffer: true }),
      repaired: route({ invalidJson: { action: 'next', repair: true } }),
      chain: route({}),
      judged: route({ judge: judged }),
      awaited: route({ judge: judged }, ['fault/slow-first-token-1200', SECOND], { headersWithin: 100 }),
      relayed: route({ judge: judged }, [FIRST, SECOND], { lane: 'relay' }),
      hedged: route({ hedge: { after: 200 } }, ['fault/slow-first-token', SECOND]),
    },
  },
});

const reportOf = (answer) => answer.json?.failsoft ?? answer.events.reports.at(-1);
const kinds = (answer) => reportOf(answer).attempts.map(({ failure }) => failure?.kind ?? null);
const names = async () => asked(await emulator.log()).flat();

test('an answer with a text that the route forbids is replaced by the answer of the next model', async () => {
  await emulator.script(FIRST, ['say:This is [TODO] later.']);
  const answer = await chat(edge, { model: 'route/pattern' });
  assert.deepEqual(kinds(answer), ['pattern', null]);
  assert.match(textOf(answer), /^word1 /);
});

for (const stream of [false, true]) {
  test(`an answer that is too short is replaced by the answer of the next model, ${stream ? 'streamed' : 'in one piece'}`, async () => {
    await emulator.script(FIRST, ['say:Yes.']);
    const answer = await chat(edge, { model: 'route/short', stream });
    assert.deepEqual(kinds(answer), ['tooShort', null]);
    assert.match(stream ? answer.events.text : textOf(answer), /^word1 /);
    assert.equal(answer.headers['x-failsoft-model'], SECOND);
  });
}

test('JSON is extracted from a fence if the route asks for repair, and the next model is asked if there is no JSON', async () => {
  const body = { model: 'route/repaired', response_format: { type: 'json_object' } };
  await emulator.script(FIRST, ['say:Here you are: ```json\n{"a": [1]}\n```', 'say:No JSON today.']);
  const mended = await chat(edge, body);
  assert.equal(textOf(mended), '{"a": [1]}');
  assert.deepEqual([kinds(mended), mended.json.model], [[null], FIRST]);
  const other = await chat(edge, body);
  assert.deepEqual(kinds(other), ['invalidJson', null]);
  assert.equal(typeof JSON.parse(textOf(other)).answer, 'string');
});

test('JSON that does not match the schema is replaced by the answer of the next model', async () => {
  await emulator.script(FIRST, ['say:{"result": 1}']);
  const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false };
  const response_format = { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } };
  const answer = await chat(edge, { model: 'route/chain', response_format });
  assert.deepEqual(kinds(answer), ['schemaMismatch', null]);
  assert.equal(typeof JSON.parse(textOf(answer)).answer, 'string');
});

test('after an answer with reasoning only, the same model is asked again and then the next, unless the client accepts such an answer', async () => {
  const models = ['fault/reasoning-only', SECOND];
  const answer = await chat(edge, { models });
  assert.deepEqual(kinds(answer), ['reasoningOnly', 'reasoningOnly', null]);
  const taken = await chat(edge, { models, failsoft: { reasoningOnly: 'accept' } });
  assert.deepEqual(kinds(taken), [null]);
});

for (const [name, how] of [['judged', {}], ['judged', { stream: true }], ['relayed', { stream: true }]]) {
  test(`an answer below the threshold of the judge is replaced by the answer of the next model: ${name}, ${how.stream ? 'streamed' : 'in one piece'}`, async () => {
    await emulator.script(FIRST, ['say:Nonsense.']);
    await emulator.script(JUDGE, ['echo:20', 'echo:90']);
    const answer = await chat(edge, { model: `route/${name}`, ...how });
    assert.match(how.stream ? answer.events.text : textOf(answer), /^word1 /);
    assert.deepEqual(await names(), [FIRST, JUDGE, SECOND, JUDGE]);
    assert.deepEqual(kinds(answer), ['belowThreshold', null, null, null]);
    assert.deepEqual(reportOf(answer).attempts.map(({ score }) => score), [undefined, 20, undefined, 90]);
    if (how.stream) {
      // The report before the first chunk is complete.
      assert.deepEqual(answer.events.reports[0].attempts.map(({ judge, score }) => [judge, score]),
        [[undefined, undefined], [true, 20], [undefined, undefined], [true, 90]]);
      assert.equal(answer.headers['x-failsoft-model'], SECOND);
      assert.ok(answer.events.done);
    }
  });
}

test('headers are sent before a slow judge has finished: keep-alive comments follow, then the report with the score, then the answer', async () => {
  await emulator.script(JUDGE, ['echo:90']);
  const answer = await chat(edge, { model: 'route/awaited', stream: true });
  assert.equal(answer.status, 200);
  assert.ok(answer.text.startsWith(': failsoft keep-alive\n: failsoft {'), answer.text.slice(0, 80));
  assert.equal(answer.events.reports[0].attempts[1].score, 90);
  assert.match(answer.events.text, /^word1 .* 🦀$/);
  assert.ok(answer.events.done);
});

test('a hedge answers in place of a silent model, and the connection to the silent model is closed', async () => {
  const answer = await chat(edge, { model: 'route/hedged', stream: true });
  assert.deepEqual(kinds(answer), ['superseded', null]);
  assert.equal(answer.headers['x-failsoft-model'], SECOND);
  assert.match(answer.events.text, /^word1 .* 🦀$/);
  const disconnected = (await emulator.log('clientGone')).filter(({ outcome }) => outcome === 'clientGone');
  assert.deepEqual(asked(disconnected).flat(), ['fault/slow-first-token']);
});

test('the second upstream answers when the first has no credits left; each gets its own key and its own dialect', async () => {
  const upstreams = [
    { url: emulator.baseURL, dialect: 'openrouter', key: 'FIRST_KEY' },
    { url: emulator.origin, dialect: 'openai', key: 'SECOND_KEY', headers: { 'x-team': 'blue' }, models: [SECOND] },
  ];
  const failsoft = configure(emulator, { upstream: undefined, upstreams });
  await withEdge({ secret: null, secrets: { FIRST_KEY, SECOND_KEY }, failsoft }, async (providers) => {
    for (const stream of [false, true]) {
      await emulator.clear();
      const answer = await chat(providers, { models: [JUDGE, FIRST], stream });
      assert.deepEqual(kinds(answer), ['paymentRequired', null]);
      assert.equal(answer.headers['x-failsoft-model'], SECOND);
      const chats = (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
      assert.deepEqual(chats.map(({ headers }) => headers.authorization), [`Bearer ${FIRST_KEY}`, `Bearer ${SECOND_KEY}`]);
      assert.deepEqual(chats.map(({ headers }) => headers['x-team']), [undefined, 'blue']);
      assert.deepEqual(chats.map(({ body }) => body.models ?? body.model), [[JUDGE, FIRST], SECOND]);
      for (const key of [FIRST_KEY, SECOND_KEY]) {
        assert.ok(!`${answer.text}${JSON.stringify(answer.headers)}${providers.said()}`.includes(key));
      }
    }
    const named = await chat(providers, { model: FIRST, upstreams: [{ url: 'http://127.0.0.1:1' }] });
    assert.deepEqual([named.status, named.json.error.param], [400, 'upstreams'], 'a client names no upstream');
  });
});

test('/healthz names the secret of an upstream that is not set', async () => {
  const failsoft = { upstreams: [{ key: 'FIRST_KEY' }, { key: 'SECOND_KEY' }], keys: [clientKey()] };
  await withEdge({ secret: null, secrets: { FIRST_KEY }, failsoft }, async (unready) => {
    const health = await fetch(`${unready.origin}/healthz`);
    assert.equal(health.status, 503);
    assert.deepEqual((await health.json()).problems, ['SECOND_KEY is not set: run `wrangler secret put SECOND_KEY`']);
  });
});

test('the model info of the configuration keeps calls within context windows, prices and bounds on cost', async () => {
  const models = [
    { id: FIRST, contextLength: 2_000, maxOutput: 500, prompt: 0.15, completion: 0.6 },
    { id: SECOND, contextLength: 128_000, maxOutput: 16_384, prompt: 2.5, completion: 10 },
  ];
  const upstreams = [{ url: emulator.baseURL, dialect: 'openai', models }];
  const failsoft = configure(emulator, { upstream: undefined, upstreams, limits: { outputTokens: 100_000 } });
  const limit = async () => (await emulator.log()).findLast(({ method }) => method === 'POST').body.max_completion_tokens;
  await withEdge({ failsoft }, async (priced) => {
    const clamped = await chat(priced, { model: FIRST, max_completion_tokens: 100_000 });
    assert.deepEqual([kinds(clamped), await limit()], [[null], 500]);

    const long = [{ role: 'user', content: `words:20 ${'and so on '.repeat(2_000)}` }];
    const large = await chat(priced, { model: FIRST, messages: long });
    assert.equal(large.headers['x-failsoft-model'], SECOND, large.text);
    assert.match(large.json.failsoft.dropped[0].reason, /tokens are needed, its context window holds 2000/);

    await emulator.script(FIRST, ['unavailable']);
    const capped = await chat(priced, { model: FIRST, failsoft: { maxPrice: { completion: 1 } } });
    assert.equal(capped.status, 503);
    assert.deepEqual(capped.json.failsoft.dropped.map(({ model }) => model), [SECOND]);

    const cheap = await chat(priced, { model: FIRST, failsoft: { maxCostUsd: 0.0001 } });
    assert.equal(cheap.status, 200);
    // 0.0001 USD pay for about 166 tokens at 0.6 USD per million, minus the prompt.
    const bought = await limit();
    assert.ok(bought > 100 && bought < 167, String(bought));
    const poor = await chat(priced, { model: FIRST, failsoft: { maxCostUsd: 0 } });
    assert.deepEqual([poor.status, poor.json.error.kind], [402, 'tooExpensive']);
  });
});
