// failsoft/ai, judged by the AI SDK itself: its streamText, generateText and useChat's transport.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Output, convertToModelMessages, generateText, readUIMessageStream, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { PACKAGE } from '../support/process.mjs';

const load = (name) => import(pathToFileURL(join(PACKAGE, name)));
const { createClient, isChatError } = await load('index.js');
const { createModel, createTransport, toMessages } = await load('ai.js');
const { createFaultyFetch } = await load('testing.js');

/** A client of the models a/a and b/b with their faults. */
function clientWith(options = {}) {
  const fetch = createFaultyFetch(options);
  const client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 }, recover: 'error' } });
  return { client, fetch };
}

/** A client of a model that answers with these messages in turn. */
function clientThatSays(...messages) {
  const requests = [];
  const fetch = async (url, { body }) => {
    requests.push(JSON.parse(body));
    const message = messages.shift();
    return Response.json({ id: 'x', model: 'a/a', created: 1, choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: message.tool_calls ? 'tool_calls' : 'stop' }], usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, completion_tokens_details: { reasoning_tokens: 1 } } });
  };
  return { client: createClient({ baseURL: 'https://models.example/v1', fetch, model: 'a/a' }), requests };
}

const CALL = { content: null, tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }] };
const weather = tool({ description: 'The weather', inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => ({ city, degrees: 7 }) });

test('streamText: the next model answers, and the report is in the metadata', async () => {
  const { client, fetch } = clientWith({ faults: { 'a/a': 'unavailable' } });
  const result = streamText({ model: createModel(client), prompt: 'Hello there!', temperature: 0.5, maxOutputTokens: 50 });
  let text = '';
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, 'b/b says: Hello there!');
  assert.equal(await result.finishReason, 'stop');
  assert.equal((await result.response).modelId, 'b/b');
  assert.equal((await result.usage).inputTokens, 10);
  assert.equal((await result.providerMetadata).failsoft.fallback, true);
  const { model, temperature, max_tokens, max_completion_tokens, messages } = fetch.requests[1].body;
  assert.deepEqual([model, temperature, max_tokens ?? max_completion_tokens, messages], ['b/b', 0.5, 50, [{ role: 'user', content: [{ type: 'text', text: 'Hello there!' }] }]]);
});

test('generateText: a failed call rejects with a ChatError, and is not repeated', async () => {
  const { client, fetch } = clientWith({ faults: { 'a/a': 'unauthorized' } });
  await assert.rejects(generateText({ model: createModel(client), prompt: 'Hello!' }), (error) => isChatError(error) && error.kind === 'unauthorized');
  assert.equal(fetch.requests.length, 1);
});

test('streamText: a stream that breaks off ends with an error', async () => {
  const { client } = clientWith({ faults: { 'a/a': 'cut', 'b/b': 'unavailable' } });
  const errors = [];
  const result = streamText({ model: createModel(client), prompt: 'one two three four five', onError: ({ error }) => errors.push(error) });
  await result.consumeStream();
  assert.deepEqual(errors.map(({ kind }) => kind), ['cut']);
});

for (const [name, run] of [
  ['generateText', async (options) => generateText(options)],
  ['streamText', async (options) => {
    const result = streamText(options);
    return { text: await result.text, steps: await result.steps };
  }],
]) {
  test(`${name}: tools are called, and their results go to the model`, async () => {
    const { client, requests } = clientThatSays(CALL, { content: 'It is 7 degrees.' });
    const { text, steps } = await run({ model: createModel(client), prompt: 'How warm is it?', tools: { weather }, stopWhen: stepCountIs(3) });
    assert.deepEqual([text, steps.length], ['It is 7 degrees.', 2]);
    assert.deepEqual(requests[0].tools[0].function.parameters.properties, { city: { type: 'string' } });
    assert.deepEqual(requests[1].messages.slice(1), [{ role: 'assistant', ...CALL }, { role: 'tool', tool_call_id: 'call-1', content: '{"city":"Oslo","degrees":7}' }]);
  });
}

test('generateText: an object is asked for with its schema', async () => {
  const { client, requests } = clientThatSays({ content: '{"city":"Oslo"}', reasoning: 'Hm.' });
  const result = await generateText({ model: createModel(client), prompt: 'Where?', output: Output.object({ schema: z.object({ city: z.string() }) }) });
  assert.deepEqual(result.output, { city: 'Oslo' });
  assert.equal(requests[0].response_format.json_schema.schema.properties.city.type, 'string');
  assert.equal(result.reasoningText, 'Hm.');
  assert.equal(result.usage.outputTokens, 3);
});

const user = (...parts) => ({ id: '1', role: 'user', parts });

/** The last message that the AI SDK makes of a transport's stream. */
async function read(stream) {
  let last;
  for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message;
  return last;
}

test('a transport streams messages of the user interface, with the model in their metadata', async () => {
  const { client } = clientWith({ faults: { 'a/a': 'unavailable' } });
  const stream = await createTransport(client).sendMessages({ chatId: 'c', trigger: 'submit-message', messages: [user({ type: 'text', text: 'Hello!' })] });
  const message = await read(stream);
  assert.deepEqual(message.parts.filter(({ type }) => type === 'text').map(({ text }) => text), ['b/b says: Hello!']);
  assert.equal(message.metadata.model, 'b/b');
  assert.equal(await createTransport(client).reconnectToStream({ chatId: 'c' }), null);
});

test('a transport sends files, calls and results of the conversation, and gives calls of tools', async () => {
  const { client, requests } = clientThatSays(CALL);
  const image = { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' };
  const before = { id: '0', role: 'assistant', parts: [{ type: 'step-start' }, { type: 'text', text: 'Let me see.' }, { type: 'tool-weather', toolCallId: 'call-0', state: 'output-available', input: { city: 'Rome' }, output: { degrees: 20 } }] };
  const message = await read(await createTransport(client).sendMessages({ messages: [before, user({ type: 'text', text: 'And this?' }, image)] }));
  assert.deepEqual(requests[0].messages, [
    { role: 'assistant', content: 'Let me see.', tool_calls: [{ id: 'call-0', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
    { role: 'tool', tool_call_id: 'call-0', content: '{"degrees":20}' },
    { role: 'user', content: [{ type: 'text', text: 'And this?' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] },
  ]);
  const call = message.parts.find(({ type }) => type === 'tool-weather');
  assert.deepEqual([call.toolCallId, call.input], ['call-1', { city: 'Oslo' }]);
});

test('an answer in several steps is sent as the AI SDK makes it: the calls of each step, then their results', async () => {
  const call = (id, city, output) => ({ type: 'tool-weather', toolCallId: id, state: 'output-available', input: { city }, output });
  const messages = [
    user({ type: 'text', text: 'Compare.' }),
    { id: '1', role: 'assistant', parts: [
      { type: 'step-start' }, { type: 'text', text: 'First.' }, call('a', 'Oslo', 7), call('b', 'Bergen', 9),
      { type: 'step-start' }, call('c', 'Rome', 20),
      { type: 'step-start' }, { type: 'text', text: 'Rome is warmer.' },
    ] },
    user({ type: 'text', text: 'Thanks.' }),
  ];
  const { client, requests } = clientThatSays(CALL);
  await read(await createTransport(client).sendMessages({ messages }));
  const ofAssistant = (list) => list.filter(({ role }) => role !== 'user');
  assert.deepEqual(ofAssistant(requests[0].messages), ofAssistant(toMessages(await convertToModelMessages(messages))));
  assert.deepEqual(requests[0].messages.map(({ role }) => role), ['user', 'assistant', 'tool', 'tool', 'assistant', 'tool', 'assistant', 'user']);
});

test('an abort of the user interface ends the request', async () => {
  const { client } = clientWith({ faults: { 'a/a': 'stalled' } });
  const abort = new AbortController();
  const stream = await createTransport(client).sendMessages({ messages: [user({ type: 'text', text: 'one two three' })], abortSignal: abort.signal });
  const reading = read(stream);
  abort.abort();
  await assert.rejects(reading, (error) => error.kind === 'aborted');
});

test('model messages are translated as the AI SDK makes them', async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const fromUi = await convertToModelMessages([user({ type: 'text', text: 'Look!' }, { type: 'file', mediaType: 'application/pdf', filename: 'a.pdf', url: 'data:application/pdf;base64,AQID' })]);
  assert.deepEqual(toMessages([
    { role: 'system', content: 'Be short.' },
    ...fromUi,
    { role: 'user', content: [{ type: 'image', image: bytes, mediaType: 'image/png' }, { type: 'image', image: new URL('https://a.example/b.png') }, { type: 'file', data: bytes, mediaType: 'audio/wav' }] },
    { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.' }, { type: 'text', text: 'Yes' }, { type: 'text', text: '.' }] },
    { role: 'tool', content: [{ type: 'tool-result', toolCallId: '1', toolName: 'x', output: { type: 'content', value: [{ type: 'text', text: 'a' }, { type: 'file', mediaType: 'image/png' }] } }, { type: 'tool-result', toolCallId: '2', toolName: 'x', output: { type: 'error-text', value: 'no' } }] },
  ]), [
    { role: 'system', content: 'Be short.' },
    { role: 'user', content: [{ type: 'text', text: 'Look!' }, { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AQID' } }] },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AQID' } }, { type: 'image_url', image_url: { url: 'https://a.example/b.png' } }, { type: 'input_audio', input_audio: { data: 'AQID', format: 'wav' } }] },
    { role: 'assistant', content: 'Yes.' },
    { role: 'tool', tool_call_id: '1', content: 'a\n[image/png]' },
    { role: 'tool', tool_call_id: '2', content: 'no' },
  ]);
});
