// The package in Node against the emulator: what the caller gets, and what the upstream receives.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const failsoft = await import(pathToFileURL(join(PACKAGE, 'index.js')));
const { chat, chatStreaming, chatWithFallback, createClient, isChatError } = failsoft;

const MESSAGES = [{ role: 'user', content: 'Summarize this for me.' }];
const SAID = 'openai/gpt-4o says: Summarize this for me.';

let emulator, options;

before(async () => {
  emulator = await startEmulator(['--word-delay', '5']);
  options = { baseURL: emulator.baseURL, dialect: 'openrouter', apiKey: 'sk-or-test', policy: { retry: { base: 10 } } };
});
beforeEach(() => emulator.clear());
after(() => emulator?.stop());

/** Options with which each request names one model, so that the package itself falls back. */
const alone = () => ({ ...options, dialect: 'openai' });

async function fails(promise, kind) {
  const error = await promise.then(() => assert.fail('the promise resolved'), (error) => error);
  assert.ok(isChatError(error), String(error.stack));
  assert.equal(error.kind, kind, error.message);
  return error;
}

test('pitfall 1: the upstream never gets `model` beside `models`', async () => {
  const data = await chatWithFallback(MESSAGES, { ...options, model: 'x/injected', models: ['openai/gpt-4o', 'openai/gpt-4o-mini'] });
  assert.equal(data.model, 'openai/gpt-4o');
  const [{ body }] = await emulator.log();
  assert.deepEqual([body.model, body.models], [undefined, ['openai/gpt-4o', 'openai/gpt-4o-mini']]);
  assert.match(data.failsoft.warnings[0], /x\/injected/);
});

for (const [fault, kind] of [['empty', 'empty'], ['refusal-text', 'refusal'], ['refusal', 'refusal'], ['malformed-body', 'badResponse'], ['whitespace', 'empty']]) {
  test(`pitfall 2: a response with status 200 and ${fault} falls back`, async () => {
    const data = await chatWithFallback(MESSAGES, { ...alone(), models: [`fault/${fault}`, 'openai/gpt-4o'], policy: { retry: { base: 1 }, assemble: false } });
    assert.equal(data.model, 'openai/gpt-4o');
    assert.equal(data.choices[0].message.content, SAID);
    assert.equal(data.failsoft.fallback, true);
    assert.equal(data.failsoft.attempts[0].failure.kind, kind);
  });
}

test('pitfall 2: malformed JSON falls back if the request asked for JSON', async () => {
  const models = ['fault/bad-json', 'openai/gpt-4o'];
  const data = await chatWithFallback(MESSAGES, { ...options, models, response_format: { type: 'json_object' } });
  assert.equal(data.failsoft.attempts[0].failure.kind, 'invalidJson');
  assert.equal(data.model, 'openai/gpt-4o');
  assert.equal(typeof JSON.parse(data.choices[0].message.content).answer, 'string');
});

test('pitfall 3: models that cannot hold the prompt are dropped before a request is sent', async () => {
  const long = [{ role: 'user', content: `${'word, '.repeat(110_000)} words:5` }];
  const data = await chatWithFallback(long, { ...options, models: ['openai/gpt-4o', 'anthropic/claude-opus-4.7'] });
  assert.equal(data.model, 'anthropic/claude-opus-4.7');
  assert.deepEqual(data.failsoft.dropped.map(({ model }) => model), ['openai/gpt-4o']);
  assert.deepEqual(asked(await emulator.log()), [['anthropic/claude-opus-4.7']]);
});

test('pitfall 4: the model of a stream is known when the stream begins, even if the bytes arrive one by one', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, models: ['fault/drip', 'openai/gpt-4o'] });
  assert.equal(stream.model, 'fault/drip');
  let text = '';
  for await (const piece of stream.textStream) text += piece;
  assert.match(text, /Summarize this for me\.$/);
});

test('a chain with a misspelt id answers, with a warning that names the right id', async () => {
  const models = ['anthropic/claude-opus-4-7', 'openai/gpt-4o', 'openai/gpt-4o-mini'];
  const data = await chatWithFallback(MESSAGES, { ...options, models });
  assert.equal(data.model, 'openai/gpt-4o');
  assert.equal(data.choices[0].message.content, SAID);
  assert.match(data.failsoft.warnings[0], /anthropic\/claude-opus-4\.7/);
});

test('callbacks get every attempt and the fallback, and may throw', async (t) => {
  const complaint = t.mock.method(console, 'error', () => {});
  const attempts = [];
  const fallbacks = [];
  const data = await chatWithFallback(MESSAGES, {
    ...alone(),
    models: ['fault/unavailable', 'openai/gpt-4o'],
    onAttempt: (attempt) => attempts.push(attempt),
    onFallback: (info) => {
      fallbacks.push(info);
      throw new Error('mine');
    },
  });
  assert.equal(data.choices[0].message.content, SAID);
  assert.deepEqual(attempts.map(({ models, failure }) => [models[0], failure?.kind]), [['fault/unavailable', 'unavailable'], ['openai/gpt-4o', undefined]]);
  assert.deepEqual(fallbacks.map(({ requested, model, cause }) => [requested, model, cause.kind]), [['fault/unavailable', 'openai/gpt-4o', 'unavailable']]);
  assert.equal(complaint.mock.callCount(), 1);
});

test('chat asks one model only, even with a client that has a chain', async () => {
  const client = createClient({ ...alone(), models: ['openai/gpt-4o', 'openai/gpt-4o-mini'] });
  await fails(client.chat(MESSAGES, { model: 'fault/unavailable' }), 'unavailable');
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable']]);
  assert.equal((await client.chat(MESSAGES)).model, 'openai/gpt-4o');
});

test('the model of a call comes before the chain of the client', async () => {
  const client = createClient({ ...alone(), models: ['openai/gpt-4o'] });
  const data = await client.chatWithFallback(MESSAGES, { model: 'fault/unavailable' });
  assert.deepEqual([data.model, data.failsoft.fallback], ['openai/gpt-4o', true]);
});

test('a client does not ask a model again before the wait that the model named; functions without a client have no memory', async () => {
  const models = ['fault/rate-limited-30', 'openai/gpt-4o'];
  const client = createClient({ ...alone(), models });
  await client.chatWithFallback(MESSAGES);
  await client.chatWithFallback(MESSAGES);
  await chatWithFallback(MESSAGES, { ...alone(), models });
  assert.deepEqual(asked(await emulator.log()).map(([model]) => model), [...models, 'openai/gpt-4o', ...models]);
});

test('three fallbacks in a row raise one warning', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  const client = createClient({ ...alone(), models: ['fault/unavailable', 'openai/gpt-4o'] });
  for (let call = 0; call < 4; call++) await client.chatWithFallback(MESSAGES);
  assert.equal(warned.mock.callCount(), 1);
  assert.match(warned.mock.calls[0].arguments[0], /unavailable/);
});

test('a stream has chunks, text, usage, and the completion that its chunks add up to', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o' });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  assert.equal(text, SAID);
  assert.ok(stream.usage.cost > 0);
  assert.equal((await stream.finalCompletion()).choices[0].message.content, SAID);
  assert.equal(await stream.text(), SAID);
  assert.equal(stream.attempts.length, 1);
});

test('text() reads a stream to its end', async () => {
  assert.equal(await (await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o' })).text(), SAID);
});

test('overlapping reads get their own chunks, in order', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o' });
  const reader = stream[Symbol.asyncIterator]();
  const chunks = [];
  for (let done = false; !done; ) {
    const results = await Promise.all([reader.next(), reader.next(), reader.next()]);
    chunks.push(...results.filter(({ done }) => !done).map(({ value }) => value.choices[0]?.delta.content ?? ''));
    done = results.some(({ done }) => done);
  }
  assert.equal(chunks.join(''), SAID);
});

test('overlapping calls of one client do not affect each other', async () => {
  const client = createClient({ ...options, models: ['openai/gpt-4o'] });
  const texts = ['one', 'two', 'three'].map(async (content) => (await client.chatStreaming([{ role: 'user', content }])).text());
  assert.deepEqual(await Promise.all(texts), ['one', 'two', 'three'].map((word) => `openai/gpt-4o says: ${word}`));
});

test('a second reader of a stream gets a clear error', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o' });
  for await (const _ of stream.textStream);
  assert.throws(() => stream[Symbol.asyncIterator](), /being read already, by textStream/);
});

test('the connection closes when the caller leaves the loop', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'fault/never-ending' });
  for await (const _ of stream) break;
  await emulator.log('clientGone');
});

test('cancel() closes the connection, and a waiting reader gets the end', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'fault/stall' });
  const pieces = stream.textStream[Symbol.asyncIterator]();
  let text = '';
  // The model sends three words and falls silent.
  while (text.trim().split(/\s+/).length < 3) text += (await pieces.next()).value;
  const reading = pieces.next();
  await stream.cancel();
  assert.deepEqual(await reading, { done: true, value: undefined });
  assert.match(text, /^fault\/stall says/);
  await emulator.log('clientGone');
});

test('an abort closes the connection, and its reason is the cause of the error', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const failed = fails(chat(MESSAGES, { ...options, model: 'fault/slow-headers', signal: controller.signal }), 'aborted');
  await emulator.log('arrived');
  controller.abort(reason);
  const error = await failed;
  assert.equal(error.cause, reason);
  await emulator.log('clientGone');
});

test('an abort in the middle of a stream ends the reading with an error', async () => {
  const controller = new AbortController();
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'fault/never-ending', signal: controller.signal });
  const error = await fails((async () => {
    for await (const _ of stream.textStream) controller.abort();
  })(), 'aborted');
  assert.equal(error.cause.name, 'AbortError');
  await emulator.log('clientGone');
});

test('with a signal that is already aborted, nothing is sent', async () => {
  await fails(chat(MESSAGES, { ...options, model: 'openai/gpt-4o', signal: AbortSignal.abort() }), 'aborted');
  assert.deepEqual(await emulator.log(), []);
});

for (const [fault, kind] of [['cut-1500', 'cut'], ['stall-3', 'stalled'], ['error-mid-stream', 'serverError']]) {
  const ask = (recover, models) => {
    const policy = { recover, timeouts: { idle: 300 } };
    return chatStreaming([{ role: 'user', content: 'words:60' }], { ...alone(), models, policy });
  };

  for (const next of ['meta-llama/llama-3.3-70b-instruct', 'openai/gpt-4o']) {
    test(`a stream that breaks with ${fault} goes on with ${next}, whole and exact`, async () => {
      const whole = await (await ask('continue', [next])).text();
      const stream = await ask('continue', [`fault/${fault}`, next]);
      let text = '';
      for await (const piece of stream.textStream) text += piece;
      assert.equal(text, whole);
      assert.equal(await stream.finalCompletion().then(({ choices }) => choices[0].message.content), whole);
      assert.deepEqual(stream.attempts.map(({ failure }) => failure?.kind), [kind, undefined]);
    });
  }

  test(`a stream that breaks with ${fault} throws without recovery, and the error has the text so far`, async () => {
    const stream = await ask('error', [`fault/${fault}`, 'openai/gpt-4o']);
    let text = '';
    const error = await fails((async () => {
      for await (const piece of stream.textStream) text += piece;
    })(), kind);
    assert.ok(text.length > 0);
    assert.equal(error.partial, text);
    await assert.rejects(stream.finalCompletion(), error);
  });
}

test('when every model fails, the error has the status and the wait of the last failure', async () => {
  const error = await fails(chatWithFallback(MESSAGES, { ...alone(), models: ['fault/unavailable', 'fault/rate-limited-30'] }), 'rateLimited');
  assert.deepEqual([error.status, error.retryAfter, error.attempts.length], [429, 30_000, 2]);
});

test('a response without a body stream is read in one piece', async () => {
  const bodiless = async (url, init) => {
    const response = await fetch(url, init);
    return { status: response.status, headers: response.headers, text: () => response.text() };
  };
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o', fetch: bodiless });
  assert.equal(await stream.text(), SAID);
  assert.equal((await chat(MESSAGES, { ...options, model: 'openai/gpt-4o', fetch: bodiless })).model, 'openai/gpt-4o');
});

test('parseStream reads the response of toResponse(), and its error too', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'openai/gpt-4o' });
  assert.equal(await failsoft.parseStream(stream.toResponse()).text(), SAID);
  const cut = await chatStreaming(MESSAGES, { ...options, model: 'fault/error-mid-stream' });
  await fails(failsoft.parseStream(cut.toResponse()).text(), 'serverError');
});

test('attribution and the feature are sent as headers', async () => {
  await chat(MESSAGES, { ...options, model: 'openai/gpt-4o', app: { url: 'https://app.example', title: 'App' }, feature: 'summary' });
  const [{ headers }] = await emulator.log();
  assert.deepEqual([headers['http-referer'], headers['x-openrouter-title'], headers['x-feature']], ['https://app.example', 'App', 'summary']);
});

test('an error that fetch threw is in the message, and is the cause', async () => {
  const thrown = new TypeError('fetch failed', { cause: new Error('refused') });
  const lost = () => Promise.reject(thrown);
  const error = await fails(chat(MESSAGES, { ...options, model: 'openai/gpt-4o', fetch: lost, policy: { retry: { base: 1 } } }), 'network');
  assert.deepEqual([error.message, error.attempts.length], [`the connection to ${new URL(options.baseURL).host} failed: fetch failed: refused`, 2]);
  assert.equal(error.cause, thrown);
});

test('onAttempt gets a failed attempt before the next request is sent, and may abort the call', async () => {
  const controller = new AbortController();
  const told = [];
  const onAttempt = ({ models }) => {
    told.push(models[0]);
    controller.abort();
  };
  const models = ['fault/unavailable', 'openai/gpt-4o'];
  await fails(chatWithFallback(MESSAGES, { ...alone(), models, onAttempt, signal: controller.signal }), 'aborted');
  assert.deepEqual(told, ['fault/unavailable']);
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable']]);
});

test('cancel() closes the connection of a stream that was never read', async () => {
  const stream = await chatStreaming(MESSAGES, { ...options, model: 'fault/never-ending' });
  await stream.cancel();
  await emulator.log('clientGone');
});

test('a stream of many chunks sets few timers', async (t) => {
  const set = t.mock.method(globalThis, 'setTimeout');
  const stream = await chatStreaming([{ role: 'user', content: 'words:60' }], { ...options, model: 'openai/gpt-4o' });
  let pieces = 0;
  for await (const _ of stream.textStream) pieces++;
  const ours = set.mock.calls.filter(({ stack }) => stack.stack.includes(PACKAGE)).length;
  assert.ok(pieces > 30 && ours >= 1 && ours <= 3, `${ours} timers for ${pieces} pieces`);
});

test('a call goes on without model info that does not arrive in time, and aborts the request for the info', async () => {
  // The prompt is long, and the answer is short: each of its words takes time here.
  const long = [{ role: 'user', content: `${'word, '.repeat(10_000)} words:3` }];
  let signal;
  const slow = (url, init) => {
    if (!url.endsWith('/endpoints')) return fetch(url, init);
    ({ signal } = init);
    return new Promise(() => {});
  };
  const began = Date.now();
  const data = await chat(long, { ...options, model: 'openai/gpt-4o', fetch: slow });
  assert.equal(data.model, 'openai/gpt-4o');
  assert.ok(signal.aborted && Date.now() - began >= 1_400);
});

test('the headers of a call replace those of its client, in every form of headers', async () => {
  const client = createClient({ ...options, headers: new Headers({ 'x-one': '1', 'x-two': '1' }) });
  await client.chat(MESSAGES, { model: 'openai/gpt-4o', headers: [['X-Two', '2']] });
  const [{ headers }] = await emulator.log();
  assert.deepEqual([headers['x-one'], headers['x-two']], ['1', '2']);
});

test('onAttempt gets an attempt that fails in the middle of a stream before the stream ends', async () => {
  const told = [];
  const models = ['fault/error-mid-stream', 'openai/gpt-4o'];
  const onAttempt = ({ models, failure }) => told.push([models[0], failure?.kind]);
  const stream = await chatStreaming([{ role: 'user', content: 'words:20 pace:20' }], { ...alone(), models, onAttempt });
  const seen = new Set();
  for await (const _ of stream.textStream) seen.add(told.length);
  assert.deepEqual([...seen], [0, 1]);
  assert.deepEqual(told, [['fault/error-mid-stream', 'serverError'], ['openai/gpt-4o', undefined]]);
});

test('a schema that refers to itself is checked down to the greatest depth of an answer', async () => {
  const node = { type: 'object', properties: { a: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'integer' }] } }, required: ['a'], additionalProperties: false };
  const response_format = { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: { $ref: '#/$defs/node', $defs: { node } } } };
  const verdict = async (depth) => {
    const content = '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
    const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content }, finish_reason: 'stop' }] });
    const data = await chat(MESSAGES, { model: 'a/a', apiKey: 'k', fetch, response_format, policy: { assemble: false } });
    return data.failsoft.attempts[0].failure?.kind;
  };
  assert.deepEqual([await verdict(60), await verdict(127), await verdict(129)], [undefined, 'schemaMismatch', 'invalidJson']);
});
