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

test('the key of the client is never sent to the base URL of the SDK', async () => {
  const seen = [];
  const fetch = async (url, init) => {
    seen.push([url, init.headers.get('authorization')]);
    return Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
  };
  await sdk({ apiKey: 'sk-or-client', fetch }).chat.completions.create({ model: 'a/a', messages: MESSAGES });
  assert.deepEqual(seen, [['https://openrouter.ai/api/v1/chat/completions', 'Bearer sk-or-client']]);
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
