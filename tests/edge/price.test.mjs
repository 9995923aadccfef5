// With a budget in USD, the edge sends a request only if it knows the price of the model, and the budget can pay the request.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { POLICY, SECOND, chat, send, waitFor } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const POOR_KEY = 'fs_poor';
const KEYS = [clientKey(), clientKey({ name: 'poor', budget: { usd: { day: 1 } } }, POOR_KEY)];

const { emulator, edge } = useEdge((emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: KEYS,
    models: ['openai/*', 'fault/*', 'nobody/*'],
    policy: { ...POLICY, hedge: { after: 300 } },
    limits: { outputTokens: 2_000 },
  },
}));

const chats = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
const sent = async () => (await chats()).at(-1).body;

// The prices of `openai/gpt-4o-mini` in the emulator are 0.15 and 0.60 USD for a million tokens.
test('with a budget in USD, no provider may charge more than the price of the model, and a lower cap of the caller is kept', async () => {
  const answer = await chat(edge, { model: FIRST, provider: { only: ['p'], max_price: { completion: 0.5, prompt: 99 } } }, { key: POOR_KEY });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual((await sent()).provider, { only: ['p'], max_price: { prompt: 0.15, completion: 0.5 } });
  await chat(edge, { models: [FIRST, SECOND] }, { key: POOR_KEY });
  // With a hedge, each request names one model.
  assert.deepEqual((await sent()).provider.max_price, { prompt: 0.15, completion: 0.6 });
  await chat(edge, { model: FIRST });
  assert.equal((await sent()).provider, undefined, 'without a budget, every provider may answer');
});

test('the first calls of an isolate that need a price wait for the catalog, which is fetched once; other calls never wait', async () => {
  const failsoft = configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, keys: KEYS });
  await withEdge({ failsoft, isolates: 2 }, async ({ origins: [first, second] }) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => chat({ origin: first }, { model: FIRST }, { key: POOR_KEY })));
    assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
    const [chats, vectors, ...calls] = await emulator.log();
    assert.deepEqual([chats.path, vectors.path].sort(), ['/api/v1/embeddings/models', '/api/v1/models']);
    assert.deepEqual(asked(calls), Array(10).fill([FIRST]));
    assert.equal(calls.length, 10);
    await emulator.clear();
    assert.equal((await chat({ origin: second }, { model: FIRST })).status, 200);
    assert.match((await emulator.log())[0].path, /\/chat\/completions$/);
  });
});

test('with a budget in USD, a model without a price is left out; if no model has a price, the call is refused with advice', async () => {
  const answer = await chat(edge, { models: ['nobody/knows', FIRST] }, { key: POOR_KEY });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.failsoft.dropped[0].model, 'nobody/knows');
  assert.match(answer.json.failsoft.dropped[0].reason, /price is not known/);
  await emulator.clear();
  const none = await chat(edge, { model: 'nobody/knows' }, { key: POOR_KEY });
  assert.deepEqual([none.status, none.json.error.code], [503, 'price_unknown']);
  assert.match(none.json.error.message, /upstream\.models/);
  assert.deepEqual(await chats(), []);
});

test('a bounded call goes on after two answers that broke and may have been charged, and pays nothing for refused requests', async () => {
  const models = ['fault/cut-mid-event', FIRST, SECOND];
  const lost = await chat(edge, { models, failsoft: { recover: 'error' } }, { key: POOR_KEY });
  assert.deepEqual([lost.status, lost.headers['x-failsoft-model']], [200, FIRST], lost.text);
  assert.deepEqual(asked(await emulator.log()), [['fault/cut-mid-event'], ['fault/cut-mid-event'], [FIRST]]);
  assert.equal(lost.json.failsoft.unsettled.length, 2);
  await emulator.clear();
  const refused = await chat(edge, { models: ['fault/overloaded', 'fault/unavailable', 'fault/server-error', FIRST] }, { key: POOR_KEY });
  assert.deepEqual([refused.status, refused.headers['x-failsoft-model']], [200, FIRST], refused.text);
  assert.equal(refused.json.failsoft.cost, refused.json.usage.cost);
});

test('a bounded call can pay for a hedge beside a silent model', async () => {
  const answer = await chat(edge, { models: ['fault/slow-first-token', FIRST], stream: true }, { key: POOR_KEY });
  assert.equal(answer.headers['x-failsoft-model'], FIRST);
  assert.deepEqual(answer.events.reports.at(-1).attempts.map(({ failure }) => failure?.kind ?? null), ['superseded', null]);
});

const origin = () => emulator.baseURL.slice(0, -'/api/v1'.length);
const WRITES = 'words:3 cached:2 written:3 written-hour:4 one two three four five six seven eight nine ten eleven twelve';
for (const [name, prices, [read, minutes, hour]] of [
  ['as Anthropic charges', { prompt: 4 }, [0.4, 5, 8]],
  ['as the owner says', { prompt: 4, cachedPrompt: 1, cacheWrite: 6, cacheWriteHour: 11 }, [1, 6, 11]],
]) {
  test(`tokens that a cache gives, or keeps for five minutes or for an hour, cost ${name}, over each protocol`, async () => {
    const upstream = { url: origin(), dialect: 'anthropic', models: [{ id: FIRST, completion: 20, ...prices }] };
    await withEdge({ failsoft: configure(emulator, { upstream, keys: KEYS }) }, async (edge) => {
      const messages = [{ role: 'user', content: WRITES }];
      const [model, max_tokens] = [FIRST, 100];
      const calls = [['chat/completions', { model, messages, max_tokens }], ['chat/completions', { model, messages, max_tokens, stream: true }], ['messages', { model, messages, max_tokens }], ['responses', { model, input: WRITES, max_output_tokens: 100 }]];
      for (const [path, body] of calls) {
        const answer = await send(edge, `/v1/${path}`, { method: 'POST', key: POOR_KEY, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
        assert.equal(answer.status, 200, answer.text);
      }
      const rows = await waitFor('a row for each call', () => edge.database.all('SELECT cost, prompt_tokens, completion_tokens FROM attempts'), (found) => found.length === calls.length);
      for (const { cost, prompt_tokens: prompt, completion_tokens: written } of rows) {
        assert.ok(prompt > 9 && written === 3, `${prompt} ${written}`);
        assert.equal(cost, 1_000_000 * ((prompt - 9) * 4 + 2 * read + 3 * minutes + 4 * hour + written * 20));
      }
    });
  });
}
