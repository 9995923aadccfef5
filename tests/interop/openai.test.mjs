// The openai package of npm with the edge as its base URL, and a client key.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { APIError, BadRequestError, RateLimitError } from 'openai';

import { setUp, useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';
import { asked } from '../support/process.mjs';

const MESSAGES = [{ role: 'user', content: 'words:20' }];
const SECOND = 'openai/gpt-4o';

const { emulator, edge } = useEdge({
  failsoft: {
    policy: { timeouts: TIMEOUTS, retry: { base: 10 }, breaker: { failures: 0 } },
    routes: {
      support: { models: ['fault/unavailable', SECOND] },
      limited: { models: ['fault/rate-limited-30'] },
    },
  },
});
let openai, text;

setUp(async () => {
  openai = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY });
  const { choices } = await openai.chat.completions.create({ model: SECOND, messages: MESSAGES });
  text = choices[0].message.content;
});

test('a completion falls back, and names the model that answered', async () => {
  const { data, response } = await openai.chat.completions.create({ model: 'route/support', messages: MESSAGES }).withResponse();
  assert.equal(data.choices[0].message.content, text);
  assert.equal(data.model, SECOND);
  assert.equal(response.headers.get('x-failsoft-model'), SECOND);
  assert.equal(response.headers.get('x-failsoft-attempts'), '2');
  assert.equal(data.failsoft.attempts[0].failure.kind, 'unavailable');
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable'], [SECOND]]);
});

test('a stream falls back before its first word', async () => {
  const stream = await openai.chat.completions.create({ model: 'route/support', messages: MESSAGES, stream: true });
  let read = '';
  for await (const chunk of stream) {
    assert.equal(chunk.model, SECOND);
    read += chunk.choices[0].delta.content ?? '';
  }
  assert.equal(read, text);
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable'], [SECOND]]);
});

test('a stream has its usage only if the client asks for usage', async () => {
  const ask = { model: 'route/support', messages: MESSAGES, stream: true };
  const usages = async (options) => {
    const chunks = [];
    for await (const chunk of await openai.chat.completions.create({ ...ask, ...options })) chunks.push(chunk);
    return chunks.filter(({ usage, choices }) => usage && choices.length === 0);
  };
  assert.equal((await usages({})).length, 0);
  const [usage] = await usages({ stream_options: { include_usage: true } });
  assert.ok(usage.usage.completion_tokens > 0);
  assert.equal(usage.failsoft.attempts.length, 2);
});

test('the field `models` of the request is the chain', async () => {
  const data = await openai.chat.completions.create({ models: ['fault/empty', SECOND], model: undefined, messages: MESSAGES });
  assert.equal(data.choices[0].message.content, text);
  assert.deepEqual(asked(await emulator.log()), [['fault/empty'], ['fault/empty'], [SECOND]]);
});

test('streamed tool calls arrive whole', async () => {
  const tools = [{ type: 'function', function: { name: 'search', parameters: { type: 'object', properties: { query: { type: 'string' } } } } }];
  const messages = [{ role: 'user', content: 'use the tool' }];
  const runner = openai.chat.completions.stream({ model: 'route/support', messages, tools });
  const { choices } = await runner.finalChatCompletion();
  const [call] = choices[0].message.tool_calls;
  assert.equal(call.function.name, 'search');
  assert.equal(typeof JSON.parse(call.function.arguments).query, 'string');
});

test('a stream that is cut ends with an error for the reader', async () => {
  const stream = await openai.chat.completions.create({ model: 'fault/cut-1500', messages: MESSAGES, stream: true });
  let read = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) read += chunk.choices[0]?.delta.content ?? '';
  }, APIError);
  assert.ok(read.length > 0 && text.startsWith(read));
});

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'in one piece';

  test(`when the chain is exhausted, create() rejects with the status, and the SDK does not ask again: ${how}`, async () => {
    await assert.rejects(openai.chat.completions.create({ model: 'route/limited', messages: MESSAGES, stream }), (error) => {
      assert.ok(error instanceof RateLimitError);
      assert.equal(error.headers.get('retry-after'), '30');
      return true;
    });
    assert.deepEqual(asked(await emulator.log()), [['fault/rate-limited-30']]);
  });

  test(`the caller's own mistake reaches the caller: ${how}`, async () => {
    await assert.rejects(openai.chat.completions.create({ model: 'fault/bad-request', messages: MESSAGES, stream }), BadRequestError);
    assert.deepEqual(asked(await emulator.log()), [['fault/bad-request']]);
  });
}

test('a client that leaves the loop stops the upstream', async () => {
  const stream = await openai.chat.completions.create({ model: 'fault/never-ending', messages: MESSAGES, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  const log = await emulator.log('clientGone');
  assert.equal(log.findLast(({ method }) => method === 'POST').outcome, 'clientGone');
});

test('the SDK lists the models of the client key', async () => {
  const ids = [];
  for await (const model of openai.models.list()) ids.push(model.id);
  assert.ok(ids.includes('route/support'));
});
