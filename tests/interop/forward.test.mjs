// SDKs that speak another protocol than chat completions, with the fetch of createFetch and a client that has an edge.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { setUp, useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { PACKAGE } from '../support/process.mjs';

const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const { emulator, edge } = useEdge({
  failsoft: { policy: { retry: { base: 10 }, breaker: { failures: 0 } }, routes: { support: { models: ['fault/unavailable', 'openai/gpt-4o'] } } },
});
/** The keys of the SDKs reach nobody. */
const SECRET = 'sk-of-the-sdk';
let openai, anthropic;

setUp(() => {
  const fetch = createFetch(createClient({ edge: edge.origin, token: CLIENT_KEY }));
  openai = new OpenAI({ baseURL: 'https://sdk.example/v1', apiKey: SECRET, fetch });
  anthropic = new Anthropic({ baseURL: 'https://sdk.example', apiKey: SECRET, fetch });
});

/** Calls `ask`, and checks that the call fell back at the edge, and that no request has the key of the SDK. */
async function withFallback(ask) {
  const text = await ask();
  assert.equal(text.split(' ').length, 12);
  const log = (await emulator.log()).filter(({ method }) => method === 'POST');
  assert.deepEqual(log.map(({ body }) => body.model), ['fault/unavailable', 'openai/gpt-4o']);
  assert.ok(!JSON.stringify(log).includes(SECRET));
}

const PROMPT = 'words:12';
const MESSAGES = { model: 'route/support', max_tokens: 500, messages: [{ role: 'user', content: PROMPT }] };

test('responses.create and responses.stream of openai', async () => {
  await withFallback(async () => (await openai.responses.create({ model: 'route/support', input: PROMPT })).output_text);
  await emulator.clear();
  await withFallback(async () => (await openai.responses.stream({ model: 'route/support', input: PROMPT }).finalResponse()).output_text);
  await assert.rejects(openai.responses.create({ model: 'fault/rate-limited-30', input: 'x' }, { maxRetries: 0 }), OpenAI.RateLimitError);
});

test('messages.create, messages.stream and countTokens of @anthropic-ai/sdk', async () => {
  await withFallback(async () => (await anthropic.messages.create(MESSAGES)).content[0].text);
  await emulator.clear();
  await withFallback(() => anthropic.messages.stream(MESSAGES).finalText());
  const { max_tokens: _, ...prompt } = MESSAGES;
  assert.ok((await anthropic.messages.countTokens(prompt)).input_tokens > 0);
  await assert.rejects(anthropic.messages.create({ ...MESSAGES, model: 'fault/rate-limited-30' }, { maxRetries: 0 }), Anthropic.RateLimitError);
});

test('embeddings.create of openai', async () => {
  const { data } = await openai.embeddings.create({ model: 'openai/text-embedding-3-small', input: ['a', 'b'] });
  assert.deepEqual(data.map(({ embedding }) => embedding.length), [8, 8]);
});

test('an abort of an SDK stops the upstream', async () => {
  const controller = new AbortController();
  const asking = openai.responses.create({ model: 'openai/gpt-4o', input: 'words:500 pace:20', stream: true }, { signal: controller.signal });
  const stream = await asking;
  for await (const event of stream) if (event.type === 'response.output_text.delta') break;
  controller.abort();
  await emulator.log('clientGone');
});
