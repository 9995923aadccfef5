// The contract of a streamed call, checked in Node and in a page: the promise of `chatStreaming` settles at the commit point.
// It rejects when no model answered, or resolves with the model known. Beginning and reading are separate steps here, so
// that a test pins the step that fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asked } from '../support/process.mjs';

const HEALTHY = 'openai/gpt-4o';
const MESSAGES = [{ role: 'user', content: 'words:20' }];
/** A pause between the words, so that a page reads the first words before the stream breaks. */
const PACED = [{ role: 'user', content: 'words:20 pace:30' }];
/** A port on which nothing listens. */
const NOWHERE = 'http://127.0.0.1:9/v1';

/**
 * The functions that run where the package runs: the first argument is the package. A page gets their source text, so they
 * use nothing from outside, and they return plain data.
 */
export const PLACE = {
  /** Begins a stream, then reads the stream. `rejected` is the error of the first step, `broke` the error of the second. */
  async stream(failsoft, messages, options, abort) {
    const describe = (error) => ({
      isChatError: failsoft.isChatError(error) && error instanceof failsoft.ChatError,
      kind: error.kind,
      message: error.message,
      status: error.status,
      code: error.code,
      retryAfter: error.retryAfter,
      partial: error.partial,
      cause: error.cause?.message,
      attempts: error.attempts?.map(({ models, failure }) => [models[0], failure?.kind]),
    });
    const signal = abort && (globalThis.controller = new AbortController()).signal;
    let stream;
    try {
      stream = await failsoft.chatStreaming(messages, { dangerouslyAllowBrowser: true, ...options, signal });
    } catch (error) {
      return { rejected: describe(error) };
    }
    const seen = { model: stream.model, attempts: stream.attempts.length, text: '' };
    try {
      for await (const piece of stream.textStream) seen.text += piece;
    } catch (error) {
      seen.broke = describe(error);
    }
    return seen;
  },

  abort() {
    globalThis.controller.abort(new Error('enough'));
  },

  /** The response of a chat request through `createFetch`; of a rejected `fetch`, the error's name. */
  async fetch(failsoft, body, options, abort) {
    const client = failsoft.createClient({ dangerouslyAllowBrowser: true, ...options });
    const signal = abort && (globalThis.controller = new AbortController()).signal;
    const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' }, signal };
    let response;
    try {
      response = await failsoft.createFetch(client)('https://api.example/v1/chat/completions', init);
    } catch (error) {
      return { rejected: error.message };
    }
    const { status, headers } = response;
    return { status, headers: Object.fromEntries(headers), text: await response.text() };
  },
};

const chain = (...models) => models.map((model) => (model.includes('/') ? model : `fault/${model}`));

/**
 * Calls that no model answers: the chain, the error, how many requests each model gets, and how many models are asked. `http` is
 * the status of the response of `createFetch`, where the failure itself has none.
 */
const FAILED = [
  ['one model refuses the key', chain('unauthorized'), { kind: 'unauthorized', status: 401 }, 1],
  // A refused key is refused for each model of the same upstream.
  ['the first of three models refuses the key', chain('unauthorized', HEALTHY, HEALTHY), { kind: 'unauthorized', status: 401 }, 1, 1],
  ['one model is rate-limited', chain('rate-limited-30'), { kind: 'rateLimited', status: 429, retryAfter: 30_000 }, 1],
  ['three models are rate-limited', chain('rate-limited-10', 'rate-limited-20', 'rate-limited-30'), { kind: 'rateLimited', status: 429, retryAfter: 30_000 }, 1],
  ['one server fails', chain('server-error'), { kind: 'serverError', status: 500 }, 2],
  ['three servers fail', chain('unavailable', 'overloaded', 'server-error'), { kind: 'serverError', status: 500 }, [1, 1, 2]],
  ['one stream ends with an error before its first token', chain('error-first'), { kind: 'serverError', status: 502 }, 2],
  ['three streams fail before their first token', chain('malformed-body', 'error-in-200', 'error-first'), { kind: 'serverError', status: 502 }, 2],
  ['one stream is cut before its first token', chain('cut-40'), { kind: 'cut', http: 502 }, 2],
  ['three streams are cut before their first token', chain('cut-40', 'cut-41', 'cut-42'), { kind: 'cut', http: 502 }, 2],
  ['one answer is empty', chain('empty'), { kind: 'empty', http: 502 }, 2],
  ['three answers are empty', chain('reasoning-only', 'whitespace', 'empty'), { kind: 'empty', http: 502 }, 2],
];

const BAD_INPUT = [
  ['messages that are a string', 'hi', {}, '`messages` must be an array of {role, content}'],
  ['no messages', undefined, {}, '`messages` must be an array of {role, content}'],
  ['an empty list of messages', [], {}, '`messages` is empty; give at least one message'],
  ['no model', MESSAGES, { models: undefined }, '`models` is missing; name at least one model'],
  ['an unknown option', MESSAGES, { temperture: 1 }, '`temperture` is not a known field; did you mean `temperature`?'],
];

/** Declares the tests for one place. `run(name, ...args)` calls the function of PLACE with this name in that place. */
export function checkStreaming(emulator, run) {
  const options = (models, more = {}) => ({ baseURL: emulator.baseURL, dialect: 'openai', apiKey: 'sk-or-test', models, policy: { retry: { base: 1 } }, ...more });
  const requests = (models, counts) => models.flatMap((model, at) => Array(counts[at] ?? counts).fill(model));

  for (const [name, models, expected, counts, first = models.length] of FAILED) {
    const sent = requests(models.slice(0, first), counts);

    test(`chatStreaming rejects when ${name}`, async () => {
      const { rejected, ...rest } = await run('stream', MESSAGES, options(models));
      assert.deepEqual(rest, {}, 'chatStreaming resolved');
      const { isChatError, kind, status, retryAfter, attempts } = rejected;
      assert.deepEqual([isChatError, kind, status, retryAfter], [true, expected.kind, expected.status, expected.retryAfter]);
      assert.deepEqual(attempts.map(([model]) => model), sent);
      assert.equal(attempts.at(-1)[1], expected.kind);
      assert.deepEqual(asked(await emulator.log()).flat(), sent);
    });

    test(`createFetch answers a streamed request like a request for one piece when ${name}`, async () => {
      const streamed = await run('fetch', { messages: MESSAGES, stream: true }, options(models));
      assert.deepEqual(asked(await emulator.log()).flat(), sent);
      await emulator.clear();
      const whole = await run('fetch', { messages: MESSAGES }, options(models));
      assert.equal(streamed.status, expected.status ?? expected.http);
      assert.equal(whole.status, streamed.status);
      assert.deepEqual(streamed.headers, whole.headers);
      assert.equal(streamed.headers['content-type'], 'application/json');
      assert.equal(streamed.headers['x-should-retry'], 'false');
      assert.equal(streamed.headers['retry-after'], expected.retryAfter && String(expected.retryAfter / 1000));
      const { error } = JSON.parse(streamed.text);
      assert.deepEqual(error, JSON.parse(whole.text).error);
      assert.ok(error.message.length > 0);
      assert.equal(typeof error.code, 'string');
    });
  }

  for (const [name, models] of [['one model', chain(HEALTHY)], ['three models', chain(HEALTHY, 'openai/gpt-4o-mini', 'test/tiny')]]) {
    test(`chatStreaming rejects when no connection to ${name} can be made`, async () => {
      const { rejected, ...rest } = await run('stream', MESSAGES, options(models, { baseURL: NOWHERE }));
      assert.deepEqual(rest, {}, 'chatStreaming resolved');
      assert.deepEqual([rejected.isChatError, rejected.kind, rejected.status], [true, 'network', undefined]);
      assert.deepEqual(rejected.attempts, requests(models, 2).map((model) => [model, 'network']));
      assert.ok(rejected.cause, 'what fetch threw is the cause');
      const { status, headers, text } = await run('fetch', { messages: MESSAGES, stream: true }, options(models, { baseURL: NOWHERE }));
      assert.deepEqual([status, headers['content-type'], headers['x-should-retry']], [502, 'application/json', 'false']);
      assert.equal(JSON.parse(text).error.kind, 'network');
    });
  }

  for (const [name, messages, more, message] of BAD_INPUT) {
    test(`chatStreaming rejects ${name}, and sends nothing`, async () => {
      const { rejected, ...rest } = await run('stream', messages, options([HEALTHY], more));
      assert.deepEqual(rest, {}, 'chatStreaming resolved');
      assert.deepEqual([rejected.isChatError, rejected.kind, rejected.message, rejected.attempts], [true, 'invalidRequest', message, []]);
      assert.deepEqual(await emulator.log(), []);
    });
  }

  test('createFetch answers a streamed request with bad messages with status 400, and sends nothing', async () => {
    for (const messages of ['hi', [], undefined]) {
      const { status, headers, text } = await run('fetch', { messages, stream: true }, options([HEALTHY]));
      assert.deepEqual([status, headers['content-type']], [400, 'application/json']);
      assert.match(JSON.parse(text).error.message, /^`messages` /);
    }
    assert.deepEqual(await emulator.log(), []);
  });

  // A model that is silent before its headers, and one that is silent after them.
  for (const silent of ['slow-headers', 'slow-first-token']) {
    for (const models of [chain(silent), chain('unavailable', 'overloaded', silent)]) {
      const title = `an abort while the last of ${models.length} is silent (${silent})`;
      const abort = async () => {
        // Not the first request that arrives, but the request to the silent model.
        while (asked(await emulator.log()).at(-1)?.[0] !== models.at(-1)) await emulator.log(`arrived&n=${models.length}`);
        await run('abort');
      };

      test(`chatStreaming rejects with the reason of ${title}`, async () => {
        const [{ rejected, ...rest }] = await Promise.all([run('stream', MESSAGES, options(models), true), abort()]);
        assert.deepEqual(rest, {}, 'chatStreaming resolved');
        assert.deepEqual([rejected.isChatError, rejected.kind, rejected.cause], [true, 'aborted', 'enough']);
        assert.deepEqual(rejected.attempts.map(([model]) => model), models);
        await emulator.log(`clientGone&n=${models.length}`);
      });

      test(`createFetch throws the reason of ${title}`, async () => {
        const [seen] = await Promise.all([run('fetch', { messages: MESSAGES, stream: true }, options(models), true), abort()]);
        assert.deepEqual(seen, { rejected: 'enough' });
        await emulator.log(`clientGone&n=${models.length}`);
      });
    }
  }

  for (const [name, models, at] of [
    ['the only model', chain(HEALTHY), 0],
    ['the last of three models', chain('unavailable', 'error-first', HEALTHY), 2],
    ['the model after one whose stream is cut before its first token', chain('cut-40', HEALTHY, 'unavailable'), 1],
  ]) {
    test(`chatStreaming resolves with the model known when ${name} answers`, async () => {
      const seen = await run('stream', MESSAGES, options(models));
      assert.deepEqual([seen.rejected, seen.broke, seen.model], [undefined, undefined, models[at]]);
      assert.equal(seen.attempts, asked(await emulator.log()).length);
      assert.equal(seen.text.trim().split(/\s+/).length, 20);
    });
  }

  for (const models of [chain('error-mid-stream'), chain('unavailable', 'error-mid-stream', HEALTHY)]) {
    const policy = { retry: { base: 1 }, recover: 'error' };
    const writer = 'fault/error-mid-stream';

    test(`chatStreaming resolves, and the reading fails, when a stream of a chain of ${models.length} breaks after its first token`, async () => {
      const { rejected, model, text, broke } = await run('stream', PACED, options(models, { policy }));
      assert.deepEqual([rejected, model], [undefined, writer]);
      assert.ok(text.length > 0);
      assert.deepEqual([broke.isChatError, broke.kind, broke.partial], [true, 'serverError', text]);
    });

    test(`createFetch answers 200 and ends with an error event when a stream of a chain of ${models.length} breaks after its first token`, async () => {
      const { status, headers, text } = await run('fetch', { messages: PACED, stream: true }, options(models, { policy }));
      assert.deepEqual([status, headers['x-failsoft-model']], [200, writer]);
      assert.match(headers['content-type'], /^text\/event-stream/);
      const events = text.trim().split('\n\n').map((event) => event.slice('data: '.length));
      assert.equal(JSON.parse(events.at(-1)).error.kind, 'serverError');
      assert.ok(JSON.parse(events[0]).choices, 'the first event is a chunk');
      assert.ok(!text.includes('[DONE]'));
    });
  }
}
