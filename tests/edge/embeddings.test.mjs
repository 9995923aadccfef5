// POST /v1/embeddings: the same model over several upstreams, and never another model; every wrong vector is a failure.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, beginWithin, send, waitFor } from './harness.mjs';
import { pico, settled } from './spending.mjs';
import { setUp, useEdge, useEmulator, withEdge } from './use-edge.mjs';

const MODEL = 'openai/text-embedding-3-small';

const first = useEmulator();
const second = useEmulator();
const origin = (emulator) => new URL(emulator.baseURL).origin;
/** The models that have faults at the first upstream, and answer at the second. */
const named = (id) => ({ id, name: 'shared', prompt: 0.02 });
const broken = (fault) => ({ id: `fault/${fault}`, name: fault, prompt: 0.02 });
const FAULTS = ['empty', 'length', 'whitespace', 'bad-json', 'tool-index-lies', 'refusal', 'server-error', 'rate-limited', 'cut', 'reset', 'malformed-body', 'error-in-200', 'no-credits', 'unauthorized', 'not-found', 'slow-headers'];

const { edge } = useEdge(
  (emulator) => ({
    failsoft: {
      upstream: undefined,
      upstreams: [
        { url: origin(emulator), dialect: 'anthropic' },
        { url: emulator.baseURL, dialect: 'openrouter', models: ['openai/gpt-4o'], embeddings: [...FAULTS.map(broken), named('fault/unavailable'), { id: MODEL, prompt: 0.02 }, { id: 'fault/bad-request', prompt: 0.02 }, { id: 'fault/context-length', prompt: 0.02 }] },
        { url: second.baseURL, dialect: 'openai', embeddings: FAULTS.map((fault) => ({ id: MODEL, name: fault, prompt: 0.02 })) },
        { url: origin(second), dialect: 'azure', embeddings: [named(MODEL), { id: MODEL, prompt: 0.02 }, ...['test/embed-numbers', 'test/embed-no-base64', 'test/embed-fixed', 'test/embed-unordered'].map((id) => ({ id, prompt: 0.02 }))] },
      ],
      keys: [
        clientKey(),
        clientKey({ name: 'rich', budget: { usd: { day: 1 } } }, 'fs_rich'),
        clientKey({ name: 'poor', budget: { usd: { day: 0.000_001 } } }, 'fs_poor'),
        clientKey({ name: 'hidden', report: false }, 'fs_hidden'),
      ],
      routes: { index: { models: [MODEL, 'shared'] } },
      limits: { inputs: 4 },
      policy: { ...POLICY, retry: { same: 0 } },
    },
  }),
  first,
);

async function embed(body, { path = '/v1/embeddings', key = CLIENT_KEY, headers } = {}) {
  const answer = await send(edge, path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ model: MODEL, input: 'hello', ...body }), key });
  return { ...answer, json: JSON.parse(answer.text) };
}

const posts = async (emulator) => (await emulator.log()).filter(({ method }) => method === 'POST');
const vectorsOf = ({ json }) => json.data.map(({ embedding }) => (typeof embedding === 'string' ? [...new Float32Array(new Uint8Array(Buffer.from(embedding, 'base64')).buffer)] : embedding));

let expected;
setUp(async () => {
  expected = vectorsOf(await embed({ input: ['hello', 'there'] }));
});

test('every form of the input gets a vector for each of its texts, in their order', async () => {
  for (const [input, count] of [['hello', 1], [['hello', 'there'], 2], [[1, 2, 3], 1], [[[1, 2], [3]], 2]]) {
    const { status, json, headers } = await embed({ input, user: 'me' });
    assert.equal(status, 200);
    assert.deepEqual([json.object, json.model, json.data.map(({ index }) => index)], ['list', MODEL, [0, 1].slice(0, count)]);
    assert.ok(json.usage.prompt_tokens > 0 && json.usage.total_tokens > 0);
    assert.deepEqual([headers['x-failsoft-model'], headers['x-failsoft-attempts'], json.failsoft.attempts.length], [MODEL, '1', 1]);
  }
  const { body, path } = (await posts(first)).at(-1);
  assert.deepEqual([path, body.model, body.input, body.max_tokens, body.failsoft], ['/api/v1/embeddings', MODEL, [[1, 2], [3]], undefined, undefined]);
  assert.notEqual(body.user, 'me');
});

test('each form and each length of the vectors is what the client asked for', async () => {
  const base64 = await embed({ input: ['hello', 'there'], encoding_format: 'base64' });
  assert.equal(typeof base64.json.data[0].embedding, 'string');
  assert.deepEqual(vectorsOf(base64), expected);
  const short = await embed({ input: ['hello', 'there'], dimensions: 3 });
  assert.deepEqual(short.json.data.map(({ embedding }) => embedding.length), [3, 3]);
});

for (const fault of FAULTS) {
  test(`${fault} at the first upstream: the second answers with the same model, and the report says so`, async () => {
    const answer = await embed({ model: fault, input: ['hello', 'there'] });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(vectorsOf(answer), expected);
    assert.deepEqual([answer.json.failsoft.attempts.length, answer.headers['x-failsoft-attempts']], [2, '2']);
    assert.ok(answer.json.failsoft.attempts[0].failure);
    const asked = [...(await posts(first)), ...(await posts(second))].map(({ body, path }) => [path.split('?')[0], body.model]);
    assert.deepEqual(asked, [['/api/v1/embeddings', `fault/${fault}`], ['/api/v1/embeddings', MODEL]]);
  });
}

test('a deployment of Azure may have the model under another name', async () => {
  const answer = await embed({ model: 'shared', input: ['hello', 'there'] });
  assert.deepEqual(vectorsOf(answer), expected);
  assert.match((await posts(second))[0].path, /^\/openai\/deployments\/openai%2Ftext-embedding-3-small\/embeddings\?api-version=/);
});

test('an upstream that does not know base64 is asked for numbers, and later at once', async () => {
  const numbers = vectorsOf(await embed({ model: 'test/embed-numbers' }));
  assert.deepEqual(vectorsOf(await embed({ model: 'test/embed-numbers', encoding_format: 'base64' })), numbers);
  await second.clear();
  for (const requests of [2, 3]) {
    const answer = await embed({ model: 'test/embed-no-base64', encoding_format: 'base64' });
    assert.equal(typeof answer.json.data[0].embedding, 'string', answer.text);
    assert.equal((await posts(second)).length, requests);
  }
});

test('vectors in another order are put in order, and those of another length are a failure', async () => {
  const ordered = await embed({ model: 'test/embed-unordered', input: ['a', 'b', 'c'] });
  assert.deepEqual(ordered.json.data.map(({ index }) => index), [0, 1, 2]);
  const alone = await embed({ model: 'test/embed-unordered', input: ['a'] });
  assert.deepEqual(ordered.json.data[0], alone.json.data[0]);
  const fixed = await embed({ model: 'test/embed-fixed', dimensions: 3 });
  assert.deepEqual([fixed.status, fixed.json.error.code], [502, 'schemaMismatch']);
});

test('a route answers with its first model, with a warning, and several models are an error', async () => {
  const { status, json, headers } = await embed({ model: 'route/index' });
  assert.deepEqual([status, json.model], [200, MODEL]);
  assert.match(headers['x-failsoft-warnings'], /cannot be compared/);
  const several = await embed({ model: undefined, models: [MODEL, 'shared'] });
  assert.deepEqual([several.status, several.json.error.param], [400, 'models']);
  const none = await embed({ model: 'openai/gpt-4' });
  assert.deepEqual([none.status, none.json.error.code], [404, 'model_not_found']);
});

test("errors have the client's shape, and what is wrong with the owner's account stays with the owner", async () => {
  const wrong = await embed({ model: 'fault/bad-request' });
  assert.deepEqual([wrong.status, typeof wrong.json.error.code], [400, 'string']);
  const shaped = await embed({ input: [] }, { path: '/api/v1/embeddings' });
  assert.deepEqual([shaped.status, shaped.json.error.code], [400, 400]);
  const many = await embed({ input: ['1', '2', '3', '4', '5'] });
  assert.match(many.json.error.message, /limits\.inputs/);
  const long = await embed({ model: 'fault/context-length' });
  assert.equal(long.status, 400);
  await first.script(MODEL, ['unauthorized']);
  await second.script(MODEL, ['unauthorized']);
  const refused = await embed({});
  assert.deepEqual([refused.status, refused.json.error.code], [502, 'upstream_key_refused']);
  assert.ok(!refused.text.includes('sk-or-test'));
});

test('unknown fields are not sent, and are named', async () => {
  const { status, headers } = await embed({ novel: 1, stream: true });
  assert.equal(status, 200);
  assert.match(headers['x-failsoft-warnings'], /novel/);
  assert.deepEqual(Object.keys((await posts(first))[0].body).sort(), ['input', 'model', 'user']);
});

test('a client that hides the report sees the vectors, and no other name than its own', async () => {
  const { json, headers, status } = await embed({ model: 'empty', input: ['hello', 'there'] }, { key: 'fs_hidden' });
  assert.deepEqual([status, json.model, json.data.length, headers['x-failsoft-model']], [200, 'empty', 2, undefined]);
  assert.deepEqual([json.provider, json.failsoft.attempts, json.usage.cost], [undefined, [], undefined]);
});

test('a budget holds the inputs before the call, and settles what they cost', async () => {
  await beginWithin('day', 20_000);
  const refused = await embed({ input: 'x'.repeat(2_000) }, { key: 'fs_poor' });
  assert.deepEqual([refused.status, refused.json.error.code], [402, 'budget_exceeded']);
  assert.deepEqual(await posts(first), []);
  const { json } = await embed({ input: ['a b c', 'd'] }, { key: 'fs_rich' });
  const charged = (await first.generations()).at(-1).total_cost;
  assert.ok(charged > 0);
  assert.equal(json.failsoft.attempts[0].cost, charged);
  const { used } = await settled(edge, { key: 'fs_rich' });
  assert.equal(pico(used), pico(charged));
});

test('each request is a row of the ledger', async () => {
  const headers = { 'x-request-id': 'vectors' };
  await embed({ model: 'length', input: ['a b', 'c'] }, { headers });
  const read = () => edge.database.all("SELECT * FROM attempts WHERE call = 'vectors' ORDER BY at, id");
  const rows = await waitFor('two rows', read, (found) => found.length >= 2);
  const seen = rows.map(({ outcome, ended, prompt_tokens: prompt, completion_tokens: written }) => [outcome, ended, prompt, written]);
  assert.deepEqual(seen.sort(), [['answered', null, 3, 0], ['badResponse', 'fallback', 3, 0]]);
});

test('a budget needs no stated price at OpenRouter, which lists the prices of embedding models apart from those of chat models', async () => {
  const failsoft = (url) => ({ upstream: { url, dialect: 'openrouter' }, keys: [clientKey({ budget: { usd: { day: 1 } } })], models: ['openai/*'], policy: POLICY });
  const asked = { model: MODEL, input: 'hello' };
  const post = (fresh, path, body) => send(fresh, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), key: CLIENT_KEY });
  await withEdge({ failsoft: failsoft(first.baseURL) }, async (fresh) => {
    const answer = await post(fresh, '/v1/embeddings', asked);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(JSON.parse(answer.text).failsoft.cost > 0, answer.text);
    const listed = JSON.parse((await send(fresh, '/v1/models', { key: CLIENT_KEY })).text).data.map(({ id }) => id);
    assert.ok(listed.includes('openai/gpt-4o') && !listed.includes(MODEL), String(listed));
    const chat = await post(fresh, '/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content: 'hi' }] });
    assert.equal(chat.status, 400);
    assert.match(JSON.parse(chat.text).error.message, /makes vectors and writes no text; send the texts to POST \/v1\/embeddings/);
    assert.deepEqual((await posts(first)).map(({ path }) => path), ['/api/v1/embeddings']);
  });
});

/** An upstream that has only the lists of its models. While `lists.forVectors` is empty, it does not know that path. */
async function startLists() {
  const lists = { forVectors: [] };
  const server = createServer((request, response) => {
    const isForVectors = request.url.endsWith('/embeddings/models');
    const isUnknown = isForVectors && lists.forVectors.length === 0;
    response.writeHead(isUnknown ? 404 : 200, { 'content-type': 'application/json' });
    const model = { id: 'openai/gpt-4o', context_length: 9, pricing: { prompt: '0.1', completion: '0.1' } };
    response.end(JSON.stringify(isUnknown ? { error: { code: 404, message: 'no such path' } } : { data: isForVectors ? lists.forVectors : [model] }));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const upstream = { url: `http://127.0.0.1:${server.address().port}/api/v1`, dialect: 'openrouter' };
  const failsoft = { upstream, keys: [clientKey({ budget: { usd: { day: 0.000_001 } } })], models: ['openai/*'], policy: POLICY };
  return Object.assign(lists, { failsoft, stop: () => server.close() });
}
/** Asks for more than the budget allows, so the price decides about the answer. */
async function askBoth(origin) {
  const ask = async (path, body) => {
    const answer = await send({ origin }, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), key: CLIENT_KEY });
    return [answer.status, JSON.parse(answer.text).error.code];
  };
  return {
    chat: await ask('/v1/chat/completions', { model: 'openai/gpt-4o', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }),
    vectors: await ask('/v1/embeddings', { model: MODEL, input: 'hello' }),
  };
}

test('without the list of embedding models, the catalog of chat models still counts', async (t) => {
  const lists = await startLists();
  t.after(lists.stop);
  await withEdge({ failsoft: lists.failsoft }, async ({ origin }) => {
    assert.deepEqual(await askBoth(origin), { chat: [402, 'budget_exceeded'], vectors: [503, 'price_unknown'] });
  });
});

test('while the list of embedding models is missing, the stored copy keeps them, also for a new isolate', async (t) => {
  const lists = await startLists();
  t.after(lists.stop);
  lists.forVectors = [{ id: MODEL, pricing: { prompt: '0.1', completion: '0' } }];
  await withEdge({ failsoft: lists.failsoft }, async ({ origin, cron, database }) => {
    const listed = async () => JSON.parse((await database.all('SELECT models FROM catalog'))[0].models).data.map(({ id }) => id);
    await cron();
    assert.deepEqual(await listed(), ['openai/gpt-4o', MODEL]);
    lists.forVectors = [];
    await database.all('UPDATE catalog SET at = 0');
    await cron();
    const [{ at }] = await database.all('SELECT at FROM catalog');
    assert.ok(at > 0, 'the copy was renewed');
    assert.deepEqual(await listed(), ['openai/gpt-4o', MODEL]);
    const refused = [402, 'budget_exceeded'];
    assert.deepEqual(await askBoth(origin), { chat: refused, vectors: refused });
  });
});
