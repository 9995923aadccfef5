// failsoft/testing: a `fetch` whose models answer or fail as a test says, judged by what the package makes of it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import OpenAI from 'openai';

import { PACKAGE } from '../support/process.mjs';

const load = (name) => import(pathToFileURL(join(PACKAGE, name)));
const { chatStreaming, chatWithFallback, createClient } = await load('index.js');
const { createFaultyFetch } = await load('testing.js');

const MESSAGES = [{ role: 'user', content: 'Why is the sky blue today?' }];
const MODELS = ['a/first', 'b/second'];
const baseURL = 'https://models.example/v1';
const quick = { retry: { base: 1 } };
/** For faults that send nothing: short, but no machine is so busy that an answer takes longer. */
const impatient = { ...quick, timeouts: { firstToken: 2_000, idle: 2_000 } };

/** By fault: the kind of the first failure, in one piece and streamed. */
const KINDS = {
  rateLimited: 'rateLimited', serverError: 'serverError', unavailable: 'unavailable', unknownModel: 'unknownModel', unauthorized: 'unauthorized',
  paymentRequired: 'paymentRequired', contextLength: 'contextLength', contentFilter: 'contentFilter', network: 'network', empty: 'empty',
  refusal: 'refusal', cut: 'cut', errorInStream: 'serverError', silent: 'firstTokenTimeout', stalled: 'stalled',
};
/** Faults of the account or of the whole request: no other model is asked. */
const FINAL = ['unauthorized', 'paymentRequired'];

for (const [fault, kind] of Object.entries(KINDS)) {
  test(`${fault}: the package sees ${kind}, and ${FINAL.includes(fault) ? 'asks no other model' : 'the next model answers'}`, async () => {
    const fetch = createFaultyFetch({ faults: { 'a/first': fault } });
    const call = chatWithFallback(MESSAGES, { baseURL, fetch, models: MODELS, policy: ['silent', 'stalled'].includes(fault) ? impatient : quick });
    if (FINAL.includes(fault)) {
      await assert.rejects(call, (error) => error.kind === kind);
      return;
    }
    const { model, failsoft, choices } = await call;
    assert.equal(failsoft.attempts[0].failure.kind, kind);
    assert.deepEqual([model, choices[0].message.content], ['b/second', 'b/second says: Why is the sky blue today?']);
  });
}

test('every fault is declared and tested', async () => {
  const declarations = await readFile(join(PACKAGE, 'testing.d.ts'), 'utf8');
  const declared = declarations.split('export type Fault =')[1].split(';')[0].match(/\w+/g);
  assert.deepEqual(declared.filter((fault) => fault !== 'none').sort(), [...Object.keys(KINDS), 'notJson', 'length'].sort());
  assert.throws(() => createFaultyFetch({ faults: { 'a/a': 'unavailible' } }), /no fault "unavailible"; there are .*unavailable/);
});

test('notJson and length: the rules of a policy see them', async () => {
  const fetch = createFaultyFetch({ faults: { 'a/first': ['notJson', 'length'] }, reply: () => '{}' });
  const options = { baseURL, fetch, models: MODELS };
  const json = await chatWithFallback(MESSAGES, { ...options, response_format: { type: 'json_object' } });
  const length = await chatWithFallback(MESSAGES, { ...options, policy: { length: 'next' } });
  assert.deepEqual([json, length].map(({ failsoft }) => failsoft.attempts[0].failure.kind), ['invalidJson', 'length']);
});

test('a list of faults is used up, and then the model answers', async () => {
  const fetch = createFaultyFetch({ faults: { 'a/first': ['unavailable', 'none', 'rateLimited'] } });
  const ask = async () => (await chatWithFallback(MESSAGES, { baseURL, fetch, models: MODELS })).model;
  assert.deepEqual([await ask(), await ask(), await ask(), await ask()], ['b/second', 'a/first', 'b/second', 'a/first']);
  assert.deepEqual(fetch.requests.map(({ body }) => body.model), ['a/first', 'b/second', 'a/first', 'a/first', 'b/second', 'a/first']);
});

test('OpenRouter falls back within a request', async () => {
  const fetch = createFaultyFetch({ faults: { 'a/first': 'unavailable' } });
  const { model, failsoft } = await chatWithFallback(MESSAGES, { apiKey: 'sk-or-example', fetch, models: MODELS });
  assert.deepEqual([model, failsoft.attempts.length, failsoft.fallback], ['b/second', 1, true]);
  assert.equal(fetch.requests[0].headers.authorization, 'Bearer sk-or-example');
});

test('a stream comes in pieces, and an abort ends it', async () => {
  const fetch = createFaultyFetch({ faults: { 'b/second': 'stalled' }, delay: 1 });
  const pieces = [];
  for await (const text of (await chatStreaming(MESSAGES, { baseURL, fetch, model: 'a/first' })).textStream) pieces.push(text);
  assert.ok(pieces.length > 3, String(pieces.length));
  assert.equal(pieces.join(''), 'a/first says: Why is the sky blue today?');
  const abort = new AbortController();
  const stream = await chatStreaming(MESSAGES, { baseURL, fetch, model: 'b/second', signal: abort.signal });
  abort.abort();
  await assert.rejects(stream.text(), (error) => error.kind === 'aborted');
});

test('an SDK reads it, too', async () => {
  const fetch = createFaultyFetch({ faults: { 'b/second': 'unauthorized' } });
  const openai = new OpenAI({ apiKey: 'k', baseURL, fetch, maxRetries: 0 });
  assert.equal((await openai.chat.completions.create({ model: 'a/first', messages: MESSAGES })).choices[0].message.content, 'a/first says: Why is the sky blue today?');
  await assert.rejects(openai.chat.completions.create({ model: 'b/second', messages: MESSAGES }), OpenAI.AuthenticationError);
});

test('a client remembers which models fail', async () => {
  const fetch = createFaultyFetch({ faults: { 'a/first': 'unavailable' } });
  const client = createClient({ baseURL, fetch, models: MODELS, policy: { breaker: { failures: 1 } } });
  for (let call = 0; call < 2; call += 1) await client.chatWithFallback(MESSAGES);
  assert.deepEqual(fetch.requests.map(({ body }) => body.model), ['a/first', 'b/second', 'b/second']);
});
