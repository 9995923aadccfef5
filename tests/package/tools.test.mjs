// failsoft/tools: functions that a model calls, with validated arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as v from 'valibot';
import { z } from 'zod';

import { PACKAGE } from '../support/process.mjs';

const load = (name) => import(pathToFileURL(join(PACKAGE, name)));
const { createClient } = await load('index.js');
const { runTools, tool } = await load('tools.js');

const MESSAGES = [{ role: 'user', content: 'How warm is it in Oslo?' }];

/** A client of a model that answers with these in turn: texts, or lists of calls [name, arguments]. */
function clientThatSays(...answers) {
  const requests = [];
  const fetch = async (url, { body }) => {
    requests.push(JSON.parse(body));
    const answer = answers.shift();
    const tool_calls = Array.isArray(answer) ? answer.map(([name, text], at) => ({ id: `call-${requests.length}-${at}`, type: 'function', function: { name, arguments: text } })) : undefined;
    const message = tool_calls ? { role: 'assistant', content: null, tool_calls } : { role: 'assistant', content: answer };
    return Response.json({ model: 'a/a', choices: [{ index: 0, message, finish_reason: tool_calls ? 'tool_calls' : 'stop' }] });
  };
  return { client: createClient({ baseURL: 'https://models.example/v1', fetch, model: 'a/a' }), requests };
}

const weather = tool({ name: 'weather', description: 'The weather of a city', input: z.object({ city: z.string().min(2), days: z.coerce.number().default(1) }), run: async ({ city, days }) => ({ city, days, degrees: 7 }) });

test('functions run with validated arguments, and the model gets the results', async () => {
  const { client, requests } = clientThatSays([['weather', '{"city":"Oslo","days":3}'], ['weather', '{"city":"Bergen"}']], 'It is 7 degrees.');
  const made = [];
  const { completion, messages, calls } = await runTools(client, MESSAGES, { tools: [weather], onCall: (call) => made.push(call.name) });
  assert.equal(completion.choices[0].message.content, 'It is 7 degrees.');
  assert.deepEqual(requests[0].tools.map(({ type, function: { name, description, parameters } }) => [type, name, description, Object.keys(parameters.properties)]), [['function', 'weather', 'The weather of a city', ['city', 'days']]]);
  assert.deepEqual(requests[1].messages.slice(2), [
    { role: 'tool', tool_call_id: 'call-1-0', content: '{"city":"Oslo","days":3,"degrees":7}' },
    { role: 'tool', tool_call_id: 'call-1-1', content: '{"city":"Bergen","days":1,"degrees":7}' },
  ]);
  assert.deepEqual([messages.length, made, calls.map(({ turn, input }) => [turn, input.days])], [5, ['weather', 'weather'], [[1, 3], [1, 1]]]);
});

test('the model gets what is wrong with its call, and may correct itself', async () => {
  const broken = tool({ name: 'broken', parameters: { type: 'object', properties: {} }, run: () => { throw new Error('the station is closed'); } });
  const { client, requests } = clientThatSays([['weather', '{"city":"O"}']], [['wether', '{}']], [['broken', '']], 'Sorry.');
  const { calls } = await runTools(client, MESSAGES, { tools: [weather, broken] });
  const errors = requests.slice(1).map(({ messages }) => JSON.parse(messages.at(-1).content).error);
  assert.match(errors[0], /^city: /);
  assert.deepEqual(errors.slice(1), ['there is no function wether', 'the station is closed']);
  assert.deepEqual(calls.map(({ error }) => error instanceof Error), [true, true, true]);
});

test('the last request may call nothing', async () => {
  const { client, requests } = clientThatSays([['weather', '{"city":"Oslo"}']], [['weather', '{"city":"Oslo"}']], 'Enough.');
  const { completion } = await runTools(client, MESSAGES, { tools: [weather], maxTurns: 3 });
  assert.equal(completion.choices[0].message.content, 'Enough.');
  assert.deepEqual(requests.map(({ tool_choice }) => tool_choice), [undefined, undefined, 'none']);
});

test('a call of a tool without a function is the caller\'s', async () => {
  const { client, requests } = clientThatSays([['confirm', '{"really":true}']]);
  const confirm = { type: 'function', function: { name: 'confirm' } };
  const { completion, calls } = await runTools(client, MESSAGES, { tools: [weather, confirm] });
  assert.equal(completion.choices[0].message.tool_calls[0].function.name, 'confirm');
  assert.deepEqual([requests.length, calls], [1, []]);
});

test('a schema without JSON Schema needs parameters, and validates them', async () => {
  for (const input of [{}, { type: 'object' }]) assert.throws(() => tool({ name: 'x', input, run: () => 1 }), /the schema of x gives no JSON Schema/);
  assert.throws(() => tool({ name: 'x', input: v.object({}), run: () => 1 }), /the schema of x gives no JSON Schema/);
  const own = tool({ name: 'own', parameters: { type: 'object', properties: { a: { type: 'number' } } }, validator: v.object({ a: v.number() }), run: ({ a }) => a + 1 });
  const { client, requests } = clientThatSays([['own', '{"a":"1"}'], ['own', '{"a":1}']], 'Done.');
  await runTools(client, MESSAGES, { tools: [own] });
  assert.match(JSON.parse(requests[1].messages.at(-2).content).error, /^a: /);
  assert.equal(requests[1].messages.at(-1).content, '2');
});

test('functions that are called together run at the same time', { timeout: 20_000 }, async () => {
  let begun = 0;
  const bothBegan = Promise.withResolvers();
  const run = async () => {
    begun += 1;
    if (begun === 2) bothBegan.resolve();
    await bothBegan.promise;
    return begun;
  };
  const { client, requests } = clientThatSays([['wait', '{}'], ['wait', '{}']], 'Done.');
  await runTools(client, MESSAGES, { tools: [tool({ name: 'wait', parameters: {}, run })] });
  assert.deepEqual(requests[1].messages.slice(2).map(({ content }) => content), ['2', '2']);
});

test('an abort ends the loop', async () => {
  const abort = new AbortController();
  const stop = tool({ name: 'stop', parameters: {}, run: () => abort.abort() });
  const { client, requests } = clientThatSays([['stop', '{}']], 'No.');
  await assert.rejects(runTools(client, MESSAGES, { tools: [stop], signal: abort.signal }), { name: 'AbortError' });
  assert.equal(requests.length, 1);
});
