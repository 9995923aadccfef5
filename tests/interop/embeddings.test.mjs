// Vectors through the SDKs that ask for them: openai (npm and PyPI, in base64 by default), the AI SDK, LangChain and @openrouter/sdk.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { createOpenAI } from '@ai-sdk/openai';
import { OpenAIEmbeddings } from '@langchain/openai';
import { OpenRouter } from '@openrouter/sdk';
import { embed, embedMany } from 'ai';
import OpenAI, { BadRequestError, RateLimitError } from 'openai';

import { setUp, useEdge, useEmulator } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { ROOT } from '../support/process.mjs';

const MODEL = 'openai/text-embedding-3-small';
const TEXTS = ['hello', 'there'];

const first = useEmulator();
const second = useEmulator();
const { edge } = useEdge({
  failsoft: { upstream: undefined, get upstreams() { return [{ url: first.baseURL, dialect: 'openrouter' }, { url: second.baseURL, dialect: 'openai' }]; } },
}, first);

let openai, expected;
setUp(async () => {
  openai = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 });
  const { data } = await openai.embeddings.create({ model: MODEL, input: TEXTS, encoding_format: 'float' });
  expected = data.map(({ embedding }) => embedding);
  assert.deepEqual(expected.map((vector) => vector.length), [8, 8]);
});

/** Makes the first upstream fail, and checks that the second answered the call. After a list without vectors, numbers are asked for. */
async function withFallback(ask) {
  await first.script(MODEL, ['empty', 'bad-json', 'bad-json']);
  const answer = await ask();
  assert.equal((await second.log()).filter(({ path }) => path.endsWith('/embeddings')).length, 1);
  return answer;
}

test('openai reads vectors in base64, which it asks for by itself, as numbers and with their dimensions', async () => {
  const { data, response } = await withFallback(() => openai.embeddings.create({ model: MODEL, input: TEXTS }).withResponse());
  assert.deepEqual(data.data.map(({ embedding }) => [...embedding]), expected);
  assert.deepEqual([data.model, response.headers.get('x-failsoft-model'), response.headers.get('x-failsoft-attempts')], [MODEL, MODEL, '4']);
  assert.equal((await first.log())[0].body.encoding_format, 'base64');
  const short = await openai.embeddings.create({ model: MODEL, input: TEXTS[0], dimensions: 3 });
  assert.equal(short.data[0].embedding.length, 3);
  await assert.rejects(openai.embeddings.create({ model: 'fault/rate-limited-30', input: 'x' }), RateLimitError);
  await assert.rejects(openai.embeddings.create({ model: MODEL, input: [] }), BadRequestError);
});

test('embed and embedMany of the AI SDK', async () => {
  const model = createOpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY }).textEmbeddingModel(MODEL);
  const { embeddings, usage } = await withFallback(() => embedMany({ model, values: TEXTS, maxRetries: 0 }));
  assert.deepEqual([embeddings, usage.tokens > 0], [expected, true]);
  const { embedding } = await embed({ model, value: TEXTS[1], maxRetries: 0 });
  assert.deepEqual(embedding, expected[1]);
});

test('OpenAIEmbeddings of LangChain', async () => {
  const embeddings = new OpenAIEmbeddings({ model: MODEL, apiKey: CLIENT_KEY, maxRetries: 0, configuration: { baseURL: `${edge.origin}/v1` } });
  assert.deepEqual(await withFallback(() => embeddings.embedDocuments(TEXTS)), expected);
  assert.deepEqual(await embeddings.embedQuery(TEXTS[0]), expected[0]);
});

test('embeddings.generate of @openrouter/sdk, below /api/v1', async () => {
  const openrouter = new OpenRouter({ apiKey: CLIENT_KEY, serverURL: `${edge.origin}/api/v1`, retryConfig: { strategy: 'none' } });
  const { data, model } = await withFallback(() => openrouter.embeddings.generate({ requestBody: { model: MODEL, input: TEXTS } }));
  assert.deepEqual([data.map(({ embedding }) => embedding), model], [expected, MODEL]);
  const error = await openrouter.embeddings.generate({ requestBody: { model: 'fault/rate-limited-30', input: 'x' } }).catch((thrown) => thrown);
  assert.deepEqual([error.name, error.statusCode], ['TooManyRequestsResponseError', 429]);
});

test('embeddings.create of the openai package of PyPI', async () => {
  const python = process.env.FAILSOFT_PYTHON;
  assert.ok(python, 'FAILSOFT_PYTHON names a Python that has openai: `cargo xtask test interop` sets it');
  const { stdout } = await promisify(execFile)(python, [join(ROOT, 'tests/interop/embeddings.py'), `${edge.origin}/v1`, CLIENT_KEY, MODEL]);
  assert.deepEqual(JSON.parse(stdout), { vectors: expected, numbers: expected[0], error: ['RateLimitError', 429] });
});
