// Requests that an edge answers in their own protocol, through createFetch: they reach the client's edge as they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const EDGE = { edge: 'https://edge.example', token: 'fs_web_x', feature: 'search', headers: { 'x-own': 'yes' } };
const BODY = '{"model":"a/a","input":"x","novel":1.50}';

/** Sends a request through a client of `defaults`. Returns the answer, and what was fetched. */
async function forward(defaults, input, init) {
  const requests = [];
  const answer = new Response('as it is', { status: 418, headers: { 'x-failsoft-model': 'm' } });
  const fetch = async (url, given) => (requests.push([String(url), given]), answer);
  return { response: await createFetch(createClient({ ...defaults, fetch }))(input, init), requests, answer };
}

for (const [url, expected] of [
  ['https://api.openai.com/v1/responses', 'https://edge.example/v1/responses'],
  ['https://api.anthropic.com/v1/messages?beta=true', 'https://edge.example/v1/messages'],
  ['https://api.anthropic.com/v1/messages/count_tokens', 'https://edge.example/v1/messages/count_tokens'],
  ['https://openrouter.ai/api/v1/embeddings', 'https://edge.example/v1/embeddings'],
  ['https://gateway.example/a/b/v1beta/messages', 'https://edge.example/v1/messages'],
  ['https://gateway.example/v1/account/name/openai/responses', 'https://edge.example/v1/responses'],
  ['https://own.openai.azure.com/openai/deployments/small/embeddings?api-version=1', 'https://edge.example/v1/embeddings'],
  ['https://own.example/llm/messages', 'https://edge.example/v1/messages'],
  ['https://own.example/responses', 'https://edge.example/v1/responses'],
]) {
  test(`a POST to ${url} reaches the edge as it is, with the client's key and headers`, async (t) => {
    const warned = t.mock.method(console, 'warn', () => {});
    const { signal } = new AbortController();
    const headers = { 'x-api-key': 'sk-sdk', authorization: 'Bearer sk-sdk', 'anthropic-version': '2023-06-01', 'anthropic-beta': 'b', 'x-stainless-os': 'x', 'user-agent': 'sdk', 'content-type': 'application/json' };
    const { response, requests, answer } = await forward(EDGE, url, { method: 'POST', headers, body: BODY, signal });
    assert.equal(response, answer);
    const [[address, init], ...more] = requests;
    assert.deepEqual([address, init.method, init.body, init.signal, more], [expected, 'POST', BODY, signal, []]);
    assert.deepEqual(Object.fromEntries(init.headers), {
      accept: 'application/json', 'anthropic-beta': 'b', 'anthropic-version': '2023-06-01', authorization: 'Bearer fs_web_x', 'content-type': 'application/json', 'x-feature': 'search', 'x-own': 'yes',
    });
    assert.equal(warned.mock.callCount(), 0);
  });
}

test('a Request and a body of bytes reach the edge too', async () => {
  const url = 'https://api.openai.com/v1/embeddings';
  for (const [input, init] of [[new Request(url, { method: 'POST', body: BODY })], [url, { method: 'POST', body: new TextEncoder().encode(BODY) }], [new URL(url), { method: 'post', body: new Blob([BODY]) }]]) {
    const { requests: [[address, { body }]] } = await forward(EDGE, input, init);
    assert.deepEqual([address, body], ['https://edge.example/v1/embeddings', BODY]);
  }
});

test('what the edge has not passes to the address of the SDK, and without an edge everything does', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  const init = { method: 'POST', headers: { authorization: 'Bearer sdk' }, body: BODY };
  for (const [defaults, path] of [[EDGE, '/v1/images'], [EDGE, '/v1/responses/resp_1/cancel'], [EDGE, '/v1/messages/batches'], [EDGE, '/v1/threads/thread_1/messages'], [EDGE, '/openai/threads/v_1/messages'], [EDGE, '/v1/vector_stores/vs_1/embeddings'], [EDGE, '/v1/evals/e/responses'], [EDGE, '/v1/embeddings/messages/count_tokens'], [{ apiKey: 'own' }, '/v1/embeddings'], [{ baseURL: 'https://own.example/v1', apiKey: 'own' }, '/v1/messages']]) {
    const { requests } = await forward(defaults, `https://up.example${path}`, init);
    assert.deepEqual(requests, [[`https://up.example${path}`, init]]);
  }
  assert.equal(warned.mock.callCount(), 10);
  const { requests } = await forward(EDGE, 'https://up.example/v1/responses', { method: 'GET' });
  assert.equal(requests[0][0], 'https://up.example/v1/responses');
});

test('a wrong option is an error response, and nothing is sent', async () => {
  const { response, requests } = await forward({ ...EDGE, token: 'sk-secret' }, 'https://api.openai.com/v1/responses', { method: 'POST', body: BODY });
  assert.deepEqual([response.status, requests], [400, []]);
  const { error } = await response.json();
  assert.match(error.message, /`token` looks like a provider's secret key/);
  assert.doesNotMatch(error.message, /sk-secret/);
});

test('what `fetch` throws reaches the SDK, which retries by its own rules', async () => {
  const thrown = new TypeError('no connection');
  const fetch = createFetch(createClient({ ...EDGE, fetch: () => Promise.reject(thrown) }));
  await assert.rejects(fetch('https://api.openai.com/v1/responses', { method: 'POST', body: BODY }), thrown);
});
