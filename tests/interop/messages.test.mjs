// Anthropic's Messages at the edge, through the clients that speak it: @anthropic-ai/sdk and the AI SDK. A fallback stands in
// each call.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic, { APIError, AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError, RateLimitError } from '@anthropic-ai/sdk';

import { setUp, useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';
import { asked } from '../support/process.mjs';
import { checkTexts, checkTools } from './ai-sdk.mjs';

const SECOND = 'openai/gpt-4o';
const PROMPT = 'words:20';
const MODEL = 'route/support';

const { emulator, edge } = useEdge({
  failsoft: {
    policy: { timeouts: TIMEOUTS, retry: { base: 10 }, breaker: { failures: 0 }, recover: 'error' },
    limits: { images: 1 },
    models: ['fault/*', SECOND],
    routes: {
      support: { models: ['fault/unavailable', SECOND] },
      limited: { models: ['fault/rate-limited-30'] },
    },
  },
});
let anthropic, provider, text;

setUp(async () => {
  anthropic = new Anthropic({ baseURL: edge.origin, apiKey: CLIENT_KEY });
  provider = createAnthropic({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY });
  text = (await anthropic.messages.create(request({ model: SECOND }))).content[0].text;
});

const request = (fields) => ({ model: MODEL, max_tokens: 2_000, messages: [{ role: 'user', content: PROMPT }], ...fields });
const SEARCH = { name: 'search', description: 'searches', input_schema: { type: 'object', properties: { query: { type: 'string' } } } };
const CALL = { messages: [{ role: 'user', content: 'use the tool' }], tools: [SEARCH] };
const fellBack = async () => assert.deepEqual(asked(await emulator.log()).slice(0, 2), [['fault/unavailable'], [SECOND]]);

test('create() gives the message of the model that took over, its usage, the report and the id of the request', async () => {
  const { data, response, request_id } = await anthropic.messages.create(request({ system: 'Be brief.' })).withResponse();
  assert.deepEqual(data.content, [{ type: 'text', text }]);
  assert.deepEqual([data.type, data.role, data.model, data.stop_reason, data.stop_sequence], ['message', 'assistant', SECOND, 'end_turn', null]);
  assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
  assert.equal(data.failsoft.attempts[0].failure.kind, 'unavailable');
  assert.equal(response.headers.get('x-failsoft-model'), SECOND);
  assert.equal(request_id, response.headers.get('x-request-id'));
  const { body } = (await emulator.log()).at(-1);
  assert.deepEqual(body.messages.map(({ role }) => role), ['system', 'user']);
  await fellBack();
});

test('a client key is accepted as a token, too', async () => {
  const client = new Anthropic({ baseURL: edge.origin, apiKey: null, authToken: CLIENT_KEY });
  assert.equal((await client.messages.create(request({}))).content[0].text, text);
});

test('a raw stream has every event in order', async () => {
  const events = [];
  for await (const event of await anthropic.messages.create(request({ stream: true }))) events.push(event);
  const [start, block] = events;
  assert.deepEqual([start.type, block.type, block.index], ['message_start', 'content_block_start', 0]);
  assert.ok(start.message.usage.input_tokens > 0);
  assert.equal(events.filter(({ type }) => type === 'content_block_delta').map(({ delta }) => delta.text).join(''), text);
  assert.deepEqual(events.slice(-3).map(({ type }) => type), ['content_block_stop', 'message_delta', 'message_stop']);
  const { delta, usage, failsoft } = events.at(-2);
  assert.equal(delta.stop_reason, 'end_turn');
  assert.ok(usage.output_tokens > 0);
  assert.equal(failsoft.attempts.length, 2);
  await fellBack();
});

test('the stream helper assembles the message', async () => {
  const stream = anthropic.messages.stream(request({}));
  let read = '';
  stream.on('text', (delta) => { read += delta; });
  const message = await stream.finalMessage();
  assert.deepEqual([read, message.content[0].text, message.stop_reason], [text, text, 'end_turn']);
});

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'in one piece';
  const create = (fields) => (stream ? anthropic.messages.stream(request(fields)).finalMessage() : anthropic.messages.create(request(fields)));

  test(`a tool is called, and its result goes back: ${how}`, async () => {
    const first = await create(CALL);
    assert.equal(first.stop_reason, 'tool_use');
    const [call] = first.content;
    assert.deepEqual([call.type, call.name, typeof call.input.query], ['tool_use', 'search', 'string']);
    const result = { type: 'tool_result', tool_use_id: call.id, content: [{ type: 'text', text: 'found' }] };
    const messages = [...CALL.messages, { role: 'assistant', content: first.content }, { role: 'user', content: [result, { type: 'text', text: 'thank you' }] }];
    const second = await create({ messages, tools: [SEARCH], tool_choice: { type: 'auto' } });
    assert.match(second.content[0].text, /thank you/);
    const { body } = (await emulator.log()).at(-1);
    assert.deepEqual(body.messages.map(({ role }) => role), ['user', 'assistant', 'tool', 'user']);
    assert.deepEqual([body.messages[2].tool_call_id, body.tool_choice], [call.id, 'auto']);
  });

  test(`thinking comes before the text: ${how}`, async () => {
    const message = await create({ thinking: { type: 'enabled', budget_tokens: 1_024 } });
    assert.deepEqual(message.content.map(({ type }) => type), ['thinking', 'text']);
    assert.ok(message.content[0].thinking.length > 0);
  });

  test(`errors have the classes of Anthropic: ${how}`, async () => {
    const rejects = (promise, kind, status, type) => assert.rejects(promise, (error) => {
      assert.ok(error instanceof kind, error);
      assert.deepEqual([error.status, error.error.error.type, error.requestID], [status, type, error.error.request_id]);
      return true;
    });
    await assert.rejects(create({ model: 'route/limited' }), (error) => error instanceof RateLimitError && error.headers.get('retry-after') === '30');
    assert.deepEqual(asked(await emulator.log()), [['fault/rate-limited-30']]);
    await rejects(create({ model: 'fault/bad-request' }), BadRequestError, 400, 'invalid_request_error');
    await rejects(create({ model: 'route/none' }), NotFoundError, 404, 'not_found_error');
    await rejects(create({ model: 'other/model' }), PermissionDeniedError, 403, 'permission_error');
    await rejects(create({ max_tokens: 0 }), BadRequestError, 400, 'invalid_request_error');
    const stranger = new Anthropic({ baseURL: edge.origin, apiKey: 'fs_unknown', maxRetries: 0 });
    await rejects(stranger.messages.create(request({ stream })), AuthenticationError, 401, 'authentication_error');
    await rejects(create({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }), BadRequestError, 400, 'invalid_request_error');
  });
}

test('images reach the upstream', async () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'AA==' };
  await anthropic.messages.create(request({ messages: [{ role: 'user', content: [{ type: 'image', source }, { type: 'text', text: 'look' }] }] }));
  const { body } = (await emulator.log()).at(-1);
  assert.equal(body.messages[0].content[0].image_url.url, 'data:image/png;base64,AA==');
});

test('tokens are counted, and nothing is sent', async () => {
  const { input_tokens: tokens } = await anthropic.messages.countTokens({ model: MODEL, messages: request({}).messages, tools: [SEARCH] });
  assert.ok(tokens > 10 && tokens < 200, `${tokens}`);
  await assert.rejects(anthropic.messages.countTokens({ model: 'other/model', messages: request({}).messages }), PermissionDeniedError);
  assert.deepEqual(await emulator.log(), []);
});

test('a client that leaves the loop stops the upstream', async () => {
  for await (const event of await anthropic.messages.create(request({ model: 'fault/never-ending', stream: true }))) {
    if (event.type === 'content_block_delta') break;
  }
  const log = await emulator.log('clientGone');
  assert.equal(log.findLast(({ method }) => method === 'POST').outcome, 'clientGone');
});

test('a stream that is cut ends with an error for the reader', async () => {
  const stream = anthropic.messages.stream(request({ model: 'fault/cut-1500' }));
  let read = '';
  stream.on('text', (delta) => { read += delta; });
  await assert.rejects(stream.finalMessage(), APIError);
  assert.ok(read.length > 0 && text.startsWith(read));
});

test('an endpoint that is missing has an error of the right class', async () => {
  await assert.rejects(anthropic.messages.batches.list(), (error) => error instanceof NotFoundError && /no batches/.test(error.message));
});

// ---- the AI SDK

test('the AI SDK generates and streams, and its errors have the status', () => checkTexts({
  model: provider(MODEL), limited: provider('route/limited'), prompt: PROMPT, text, afterFirst: fellBack,
}));

test('the AI SDK calls tools, streamed and not', () => checkTools({ model: provider(MODEL), input: SEARCH.input_schema }));
