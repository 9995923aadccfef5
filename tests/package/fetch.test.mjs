// The openai package with the fetch of createFetch: its calls get the fallback.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import OpenAI from 'openai';

import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const { chatStreaming, createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const MESSAGES = [{ role: 'user', content: 'Hello?' }];
const SAID = 'openai/gpt-4o says: Hello?';

let emulator, openai;

before(async () => {
  emulator = await startEmulator();
  openai = sdk({ models: ['openai/gpt-4o'], policy: { retry: { base: 1 } } });
});
beforeEach(() => emulator.clear());
after(() => emulator?.stop());

function sdk(defaults) {
  return new OpenAI({ baseURL: emulator.baseURL, apiKey: 'sk-or-sdk', fetch: createFetch(createClient(defaults)) });
}

test('a completion falls back, with the address and key of the SDK', async () => {
  const data = await openai.chat.completions.create({ model: 'fault/empty', messages: MESSAGES });
  assert.deepEqual([data.model, data.choices[0].message.content], ['openai/gpt-4o', SAID]);
  const log = await emulator.log();
  assert.deepEqual(asked(log), [['fault/empty'], ['fault/empty'], ['openai/gpt-4o']]);
  assert.equal(log[0].headers.authorization, 'Bearer sk-or-sdk');
});

test('a stream falls back', async () => {
  const stream = await openai.chat.completions.create({ model: 'fault/rate-limited', messages: MESSAGES, stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  assert.equal(text, SAID);
});

test('when the chain is exhausted, the SDK throws one error with the status, and does not retry', async () => {
  const alone = sdk({});
  await assert.rejects(alone.chat.completions.create({ model: 'fault/rate-limited-30', messages: MESSAGES }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.headers.get('retry-after'), '30');
    return true;
  });
  assert.equal((await emulator.log()).length, 1);
});

const broken = { model: 'fault/error-mid-stream', messages: [{ role: 'user', content: 'words:40 pace:20' }], stream: true };

test('a stream that breaks goes on, and the SDK reads the whole answer', async () => {
  let text = '';
  for await (const chunk of await openai.chat.completions.create(broken)) text += chunk.choices[0]?.delta.content ?? '';
  assert.equal(text.trim().split(/\s+/).length, 40);
});

test('without recovery, a stream that breaks ends with an error in the SDK', async () => {
  const stream = await sdk({ models: ['openai/gpt-4o'], policy: { recover: 'error' } }).chat.completions.create(broken);
  let text = '';
  await assert.rejects((async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  })(), { constructor: OpenAI.APIError, message: 'Provider disconnected unexpectedly' });
  assert.match(text, /^word1 /);
});

test('an abort of the SDK closes the connection', async () => {
  const controller = new AbortController();
  const asking = openai.chat.completions.create({ model: 'fault/slow-headers', messages: MESSAGES }, { signal: controller.signal });
  const rejected = assert.rejects(asking, OpenAI.APIUserAbortError);
  await emulator.log('arrived');
  controller.abort();
  await rejected;
  await emulator.log('clientGone');
});

test('a request that is not a chat completion is passed on unchanged', async () => {
  const models = await openai.models.list();
  assert.ok(models.data.some(({ id }) => id === 'openai/gpt-4o'));
  const [{ method, path, headers }] = await emulator.log();
  assert.deepEqual([method, path, headers.authorization], ['GET', '/api/v1/models', 'Bearer sk-or-sdk']);
});

/** What an upstream gets of a chat request through a client: the URL, and the headers with a key. */
async function sent(defaults, url, headers = { authorization: 'Bearer sdk' }) {
  const requests = [];
  const fetch = async (url, init) => {
    requests.push([String(url), ...['authorization', 'api-key'].map((name) => init.headers.get(name))]);
    return Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
  };
  const response = await createFetch(createClient({ ...defaults, fetch }))(url, { method: 'POST', headers, body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) });
  assert.equal(response.status, 200, await response.text());
  return requests;
}

const AZURE = 'https://res.example/openai/deployments/d/chat/completions?api-version=2024-10-21';
const UPSTREAMS = [{ baseURL: 'https://a.example/v1?region=eu', apiKey: 'key-a', models: ['b/b'] }, { baseURL: 'https://b.example/v1', apiKey: 'key-b' }];

for (const [what, defaults, url, headers, expected] of [
  ['the query and the key header of the SDK', {}, AZURE, { 'api-key': 'sdk' }, [AZURE, null, 'sdk']],
  ['the scheme of the key as the SDK wrote it', {}, 'https://up.example/v1/chat/completions', { authorization: 'Basic sdk' }, ['https://up.example/v1/chat/completions', 'Basic sdk', null]],
  ['a relative address', {}, '/llm/chat/completions?x=1', undefined, ['/llm/chat/completions?x=1', 'Bearer sdk', null]],
  ['the address and the key of the client', { baseURL: 'https://own.example/v1', apiKey: 'own' }, AZURE, { 'api-key': 'sdk' }, ['https://own.example/v1/chat/completions', 'Bearer own', null]],
  ['the address of the client, and no key of the SDK', { baseURL: 'https://own.example/v1' }, AZURE, undefined, ['https://own.example/v1/chat/completions', null, null]],
  ['the upstreams of the client', { upstreams: UPSTREAMS }, AZURE, { 'api-key': 'sdk', authorization: 'Bearer sdk' }, ['https://a.example/v1/chat/completions?region=eu', 'Bearer key-a', null]],
  ['the edge of the client', { edge: 'https://edge.example', token: 'fs_web_x' }, AZURE, undefined, ['https://edge.example/v1/chat/completions', 'Bearer fs_web_x', null]],
  ["the client's key of OpenRouter, at OpenRouter", { apiKey: 'own' }, 'https://openrouter.ai/api/v1/chat/completions', undefined, ['https://openrouter.ai/api/v1/chat/completions', 'Bearer own', null]],
]) {
  test(`the upstream gets ${what}`, async () => {
    assert.deepEqual(await sent(defaults, url, headers), [expected]);
  });
}

test('the key of the client is never sent to the base URL of the SDK', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  assert.deepEqual(await sent({ apiKey: 'own' }, 'https://up.example/v1/chat/completions?secret=1'), [['https://up.example/v1/chat/completions?secret=1', 'Bearer sdk', null]]);
  const [warning] = warned.mock.calls[0].arguments;
  assert.match(warning, /`apiKey` is not sent.*up\.example.*`baseURL`/);
  assert.doesNotMatch(warning, /secret/);
});

test('with upstreams, the models of each upstream are asked, then the model of the SDK', async () => {
  const asked = [];
  const fetch = async (url, { body }) => {
    asked.push([new URL(url).hostname, JSON.parse(body).model]);
    return Response.json({ error: { message: 'no' } }, { status: 503 });
  };
  await createFetch(createClient({ upstreams: UPSTREAMS, fetch }))(AZURE, { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) });
  assert.deepEqual(asked, [['a.example', 'b/b'], ['b.example', 'a/a']]);
});

const CHUNK = 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"a/a","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}\n\n';
const EVENTS = { headers: { 'content-type': 'text/event-stream' } };

test('a stream forbids compression and buffering, which would hold its events back', async () => {
  const client = createClient({ apiKey: 'k', fetch: async () => new Response(`${CHUNK}${CHUNK.replace('null', '"stop"')}data: [DONE]\n\n`, EVENTS) });
  const sdk = await createFetch(client)('https://openrouter.ai/api/v1/chat/completions', { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES, stream: true }) });
  const own = (await client.chatStreaming(MESSAGES, { model: 'a/a' })).toResponse({ headers: { 'cache-control': 'public' } });
  for (const response of [sdk, own]) {
    assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    assert.match(await response.text(), /data: \[DONE\]\n\n$/);
  }
});

test('an abort while the SDK waits for the next event ends the stream, and nothing says that the answer is whole', async () => {
  const controller = new AbortController();
  const upstream = async (url, { signal }) => new Response(new ReadableStream({
    start(body) {
      body.enqueue(new TextEncoder().encode(CHUNK));
      signal.addEventListener('abort', () => body.error(signal.reason));
    },
  }), EVENTS);
  const fetch = createFetch(createClient({ fetch: upstream }));
  const response = await fetch(AZURE, { method: 'POST', signal: controller.signal, body: JSON.stringify({ model: 'a/a', messages: MESSAGES, stream: true }) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value;
  const rest = reader.read();
  controller.abort();
  for (let piece = await rest; !piece.done; piece = await reader.read()) text += piece.value;
  assert.match(text, /Hello/);
  assert.doesNotMatch(text, /\[DONE\]|"stop"/);
});

test('a Request with a body that is no chat request passes through whole', async () => {
  const bodies = [];
  const fetch = createFetch(createClient({ fetch: async (request) => (bodies.push(await request.text()), new Response('')) }));
  await fetch(new Request('https://up.example/v1/chat/completions', { method: 'POST', body: 'no JSON' }));
  assert.deepEqual(bodies, ['no JSON']);
});

test('a POST that is no chat completion passes through unchanged, with one warning for each path that says what is lost', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  const requests = [];
  const fetch = createFetch(createClient({ baseURL: 'https://own.example/v1', apiKey: 'own', fetch: async (...request) => (requests.push(request), new Response('as it is', { status: 418 })) }));
  const init = { method: 'POST', headers: { authorization: 'Bearer sdk' }, body: '{"input":"x"}' };
  const url = new URL('https://up.example/v1/responses?a=b');
  for (const input of [url, url, 'https://up.example/v1/embeddings']) assert.equal((await fetch(input, init)).status, 418);
  await fetch('https://up.example/v1/models');
  assert.deepEqual(requests.map(([input, given]) => [String(input), given]), [[String(url), init], [String(url), init], ['https://up.example/v1/embeddings', init], ['https://up.example/v1/models', undefined]]);
  const warnings = warned.mock.calls.map(({ arguments: [warning] }) => warning);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0], /POST \/v1\/responses passes through .*without fallback, retries, timeouts and checks.*chat completions/);
  assert.match(warnings[1], /POST \/v1\/embeddings /);
});

test('unknown fields are passed on', async () => {
  await openai.chat.completions.create({ model: 'openai/gpt-4o', messages: MESSAGES, frobnicate: { z: 1 } });
  assert.deepEqual((await emulator.log())[0].body.frobnicate, { z: 1 });
});

test('the reader of the openai package reads toReadableStream()', async () => {
  const { ChatCompletionStream } = await import('openai/lib/ChatCompletionStream');
  const stream = await chatStreaming(MESSAGES, { baseURL: emulator.baseURL, apiKey: 'sk-or-test', model: 'openai/gpt-4o' });
  const copy = ChatCompletionStream.fromReadableStream(stream.toReadableStream());
  assert.equal(await copy.finalContent(), SAID);
});
