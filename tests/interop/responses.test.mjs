// OpenAI's Responses at the edge, through the clients whose default they are: openai, the AI SDK, the Agents SDK and
// OpenRouter's callModel. A fallback stands in each call.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { Agent, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import { OpenRouter } from '@openrouter/sdk';
import { generateText, jsonSchema, Output } from 'ai';
import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

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
    routes: {
      support: { models: ['fault/unavailable', SECOND] },
      limited: { models: ['fault/rate-limited-30'] },
    },
  },
});
let openai, provider, text;

setUp(async () => {
  setTracingDisabled(true);
  openai = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY });
  provider = createOpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY });
  text = (await openai.responses.create({ model: SECOND, input: PROMPT })).output_text;
});

const SEARCH = { type: 'function', name: 'search', parameters: { type: 'object', properties: { query: { type: 'string' } } }, strict: false };
const fellBack = async () => assert.deepEqual(asked(await emulator.log()).slice(0, 2), [['fault/unavailable'], [SECOND]]);

test('create() gives the text of the model that took over, its usage and the report', async () => {
  const { data, response } = await openai.responses.create({ model: MODEL, input: PROMPT, instructions: 'Be brief.' }).withResponse();
  assert.equal(data.output_text, text);
  assert.deepEqual([data.status, data.model, data.error, data.store], ['completed', SECOND, null, false]);
  assert.equal(data.instructions, 'Be brief.');
  assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
  assert.equal(data.usage.total_tokens, data.usage.input_tokens + data.usage.output_tokens);
  assert.equal(data.failsoft.attempts[0].failure.kind, 'unavailable');
  assert.equal(response.headers.get('x-failsoft-model'), SECOND);
  await fellBack();
});

test('a stream has every event in order, and its last event has the usage and the report', async () => {
  const events = [];
  for await (const event of await openai.responses.create({ model: MODEL, input: PROMPT, stream: true })) events.push(event);
  assert.deepEqual(events.map(({ sequence_number }) => sequence_number), events.map((_, at) => at));
  const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
  assert.equal(deltas.map(({ delta }) => delta).join(''), text);
  assert.deepEqual(events.slice(0, 4).map(({ type }) => type), ['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added']);
  const { type, response } = events.at(-1);
  assert.equal(type, 'response.completed');
  assert.ok(response.usage.output_tokens > 0);
  assert.equal(response.failsoft.attempts.length, 2);
  await fellBack();
});

test('stream() assembles the response from its events, with tool calls', async () => {
  const stream = openai.responses.stream({ model: MODEL, input: 'use the tool', tools: [SEARCH] });
  const response = await stream.finalResponse();
  const [call] = response.output.filter(({ type }) => type === 'function_call');
  assert.deepEqual([call.name, typeof JSON.parse(call.arguments).query, call.status], ['search', 'string', 'completed']);
  await fellBack();
});

test('the conversation of a tool call goes on, with reasoning', async () => {
  const first = await openai.responses.create({ model: MODEL, input: 'use the tool', tools: [SEARCH], reasoning: { effort: 'low' }, include: ['reasoning.encrypted_content'] });
  const [reasoning, call] = first.output;
  assert.deepEqual([reasoning.type, call.type], ['reasoning', 'function_call']);
  const result = { type: 'function_call_output', call_id: call.call_id, output: 'found' };
  const input = [{ role: 'user', content: 'use the tool' }, ...first.output, result, { role: 'user', content: 'thank you' }];
  const second = await openai.responses.create({ model: MODEL, input, tools: [SEARCH] });
  assert.match(second.output_text, /thank you/);
  const { body } = (await emulator.log()).at(-1);
  assert.deepEqual(body.messages.map(({ role }) => role), ['user', 'assistant', 'tool', 'user']);
  assert.equal(body.messages[2].tool_call_id, body.messages[1].tool_calls[0].id);
});

test('parse() reads the structured answer', async () => {
  const format = zodTextFormat(z.object({ answer: z.string() }), 'reply');
  const response = await openai.responses.parse({ model: MODEL, input: PROMPT, text: { format } });
  assert.equal(response.output_parsed.answer, text);
  const { body } = (await emulator.log()).at(-1);
  assert.equal(body.response_format.json_schema.name, 'reply');
});

test('images reach the upstream', async () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' };
  await openai.responses.create({ model: SECOND, input: [{ role: 'user', content: [{ type: 'input_text', text: 'look' }, image] }] });
  const { body } = (await emulator.log()).at(-1);
  assert.equal(body.messages[0].content[1].image_url.url, image.image_url);
});

test('a client that leaves the loop stops the upstream', async () => {
  for await (const event of await openai.responses.create({ model: 'fault/never-ending', input: PROMPT, stream: true })) {
    if (event.type === 'response.output_text.delta') break;
  }
  const log = await emulator.log('clientGone');
  assert.equal(log.findLast(({ method }) => method === 'POST').outcome, 'clientGone');
});

test('a stream that is cut ends as failed, with the text so far, and the SDK raises an error', async () => {
  const events = [];
  const read = async () => {
    for await (const event of await openai.responses.create({ model: 'fault/cut-1500', input: PROMPT, stream: true })) events.push(event);
  };
  await assert.rejects(read(), APIError);
  const { type, response } = events.at(-1);
  assert.deepEqual([type, response.status, response.error.kind], ['response.failed', 'failed', 'cut']);
  const sofar = response.output[0].content[0].text;
  assert.ok(sofar.length > 0 && text.startsWith(sofar));
});

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'in one piece';
  const create = (fields) => openai.responses.create({ model: SECOND, input: PROMPT, stream, ...fields });

  test(`errors have the classes of OpenAI: ${how}`, async () => {
    await assert.rejects(create({ model: 'route/limited' }), (error) => error instanceof RateLimitError && error.headers.get('retry-after') === '30');
    assert.deepEqual(asked(await emulator.log()), [['fault/rate-limited-30']]);
    await assert.rejects(create({ model: 'fault/bad-request' }), BadRequestError);
    await assert.rejects(create({ model: 'route/none' }), NotFoundError);
    const stranger = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: 'fs_unknown', maxRetries: 0 });
    await assert.rejects(stranger.responses.create({ model: SECOND, input: PROMPT, stream }), AuthenticationError);
  });

  test(`what needs stored state or a tool of a vendor is refused, and the message says what to send: ${how}`, async () => {
    for (const [fields, param, advice] of [
      [{ previous_response_id: 'resp_1' }, 'previous_response_id', /whole conversation in `input`/],
      [{ background: true }, 'background', /stream: true/],
      [{ tools: [{ type: 'web_search' }] }, 'tools[0].type', /"function"/],
      [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0]', /store: false/],
    ]) {
      await assert.rejects(create(fields), (error) => error instanceof BadRequestError && error.param === param && advice.test(error.message));
    }
    assert.deepEqual(asked(await emulator.log()), []);
  });
}

test('the endpoints of stored responses say why they are missing', async () => {
  await assert.rejects(openai.responses.retrieve('resp_1'), (error) => error instanceof NotFoundError && /not stored/.test(error.message));
});

// ---- the AI SDK, whose OpenAI provider speaks Responses by default

test('the AI SDK generates and streams, and its errors have the status', () => checkTexts({
  model: provider(MODEL), limited: provider('route/limited'), prompt: PROMPT, text, afterFirst: fellBack,
}));

test('the AI SDK calls tools in several steps', () => checkTools({ model: provider(MODEL), input: SEARCH.parameters, providerOptions: { openai: { store: false } } }));

test('the AI SDK reads a structured answer', async () => {
  const schema = jsonSchema({ type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false });
  const { output } = await generateText({ model: provider(MODEL), prompt: PROMPT, output: Output.object({ schema }) });
  assert.equal(output.answer, text);
});

// ---- the Agents SDK

test('an agent of the Agents SDK runs its tool and answers, streamed and not', async () => {
  const ran = [];
  const search = tool({ name: 'search', description: 'searches', parameters: z.object({ query: z.string() }), execute: async ({ query }) => { ran.push(query); return 'thank you'; } });
  const agent = new Agent({
    name: 'helper', instructions: 'Help.', model: new OpenAIResponsesModel(openai, MODEL), tools: [search],
    toolUseBehavior: 'stop_on_first_tool', modelSettings: { store: false },
  });
  const answered = await run(agent, 'use the tool');
  assert.deepEqual([answered.finalOutput, ran.length], ['thank you', 1]);
  const streamed = await run(agent, 'use the tool', { stream: true });
  for await (const _ of streamed) { /* the events go into the result */ }
  await streamed.completed;
  assert.deepEqual([streamed.finalOutput, ran.length, streamed.error], ['thank you', 2, null]);
  const plain = new Agent({ name: 'plain', model: new OpenAIResponsesModel(openai, MODEL) });
  assert.equal((await run(plain, PROMPT)).finalOutput, text);
  await assert.rejects(run(plain.clone({ model: new OpenAIResponsesModel(openai, 'route/limited') }), PROMPT), APIError);
});

// ---- @openrouter/sdk

test("OpenRouter's callModel gives text and a stream of text", async () => {
  const router = new OpenRouter({ serverURL: `${edge.origin}/api/v1`, apiKey: CLIENT_KEY });
  assert.equal(await router.callModel({ model: MODEL, input: PROMPT }).getText(), text);
  await fellBack();
  let read = '';
  for await (const delta of router.callModel({ model: MODEL, input: PROMPT }).getTextStream()) read += delta;
  assert.equal(read, text);
});
