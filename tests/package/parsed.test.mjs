// `response_format` with a validator gives `parsed`, or the error of an answer that the validator refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { zodResponseFormat } from 'openai/helpers/zod';
import * as v from 'valibot';
import { z } from 'zod';

import { PACKAGE } from '../support/process.mjs';

const { chat, chatStreaming, chatWithFallback, createClient, createFetch, parseStream } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const MESSAGES = [{ role: 'user', content: 'Where?' }];
const City = z.object({ city: z.string().refine((city) => city !== 'Nowhere', 'no such city'), people: z.number().transform(String).optional() });
/** openai's helper refuses optional fields and transformations. */
const Strict = z.object({ city: z.string().refine((city) => city !== 'Nowhere', 'no such city') });
const SCHEMA = { name: 'city', schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } };

/** Options of calls that get the texts of `answers` in turn, each without the fields that OpenAI always sends; `requests` has the bodies. */
function upstream(...answers) {
  const requests = [];
  const fetch = async (url, { body }) => {
    requests.push(JSON.parse(body));
    const message = answers.shift();
    return Response.json({ model: requests.at(-1).model, choices: [{ message: typeof message === 'string' ? { content: message } : message, finish_reason: 'stop' }] });
  };
  return { requests, options: { baseURL: 'https://up.example/v1', fetch } };
}

const FORMATS = {
  'a schema of zod': City,
  'zodResponseFormat': zodResponseFormat(Strict, 'city'),
  'a validator of zod': { type: 'json_schema', json_schema: SCHEMA, validator: City },
  'a validator of valibot that works later': { type: 'json_schema', json_schema: SCHEMA, validator: v.objectAsync({ city: v.pipeAsync(v.string(), v.checkAsync(async (city) => city !== 'Nowhere', 'no such city')) }) },
};

for (const [name, response_format] of Object.entries(FORMATS)) {
  const call = {
    chat: async (options) => (await chat(MESSAGES, options)).choices[0].message,
    chatWithFallback: async (options) => (await chatWithFallback(MESSAGES, options)).choices[0].message,
    chatStreaming: async (options) => (await (await chatStreaming(MESSAGES, options)).finalCompletion()).choices[0].message,
    'a client with the format': async ({ response_format, ...options }) => (await createClient({ response_format }).chat(MESSAGES, options)).choices[0].message,
  };
  for (const [from, send] of Object.entries(call)) {
    test(`${name}: ${from} gives what the validator gives, and sends a JSON Schema`, async () => {
      const { requests, options } = upstream('{"city":"Oslo"}');
      assert.deepEqual((await send({ ...options, model: 'a/a', response_format })).parsed, { city: 'Oslo' });
      assert.equal(requests.length, 1);
      const { type, json_schema, ...rest } = requests[0].response_format;
      assert.deepEqual([type, rest], ['json_schema', {}]);
      assert.equal(json_schema.schema.properties.city.type, 'string');
    });

    test(`${name}: ${from} rejects an answer that the validator refuses`, async () => {
      const { options } = upstream('{"city":"Nowhere"}');
      await assert.rejects(send({ ...options, model: 'a/a', response_format }), (error) => {
        assert.equal(error.kind, 'schemaMismatch');
        assert.match(error.message, /^the validator refuses the answer: .*no such city/s);
        assert.equal(error.partial, '{"city":"Nowhere"}');
        assert.equal(error.attempts.length, 1);
        return true;
      });
    });
  }
}

test('an answer that the JSON Schema refuses is followed by the next model', async () => {
  const { requests, options } = upstream('{"town":"Oslo"}', '{"city":"Bergen"}');
  const { model, choices } = await chatWithFallback(MESSAGES, { ...options, models: ['a/a', 'b/b'], response_format: City });
  assert.deepEqual([model, choices[0].message.parsed], ['b/b', { city: 'Bergen' }]);
  assert.deepEqual(requests.map(({ model }) => model), ['a/a', 'b/b']);
});

test('a validator may change the value', async () => {
  const { options } = upstream('{"city":"Oslo","people":700000}');
  const { choices } = await chat(MESSAGES, { ...options, model: 'a/a', response_format: { type: 'json_object', validator: City } });
  assert.deepEqual(choices[0].message.parsed, { city: 'Oslo', people: '700000' });
});

test('an answer that is a call of a function is not validated', async () => {
  const call = { id: '1', type: 'function', function: { name: 'look', arguments: '{}' } };
  const { options } = upstream({ content: null, tool_calls: [call] });
  const { message } = (await chat(MESSAGES, { ...options, model: 'a/a', response_format: City })).choices[0];
  assert.ok(!('parsed' in message));
  assert.deepEqual(message.tool_calls, [call]);
});

test('the format of a call replaces the format of its client, with its validator', async () => {
  const { options } = upstream('{"city":"Nowhere"}');
  const client = createClient({ ...options, model: 'a/a', response_format: City });
  const { message } = (await client.chat(MESSAGES, { response_format: { type: 'json_object' } })).choices[0];
  assert.ok(!('parsed' in message));
});

test('a client with a schema of zod serves an SDK', async () => {
  const { requests, options } = upstream('{"city":"Oslo"}');
  const fetch = createFetch(createClient({ ...options, response_format: City }));
  const response = await fetch('https://up.example/v1/chat/completions', { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) });
  assert.equal((await response.json()).choices[0].message.content, '{"city":"Oslo"}');
  assert.equal(requests.length, 1);
});

for (const [what, schema, strict] of [
  ['whose fields are all required', z.object({ at: z.object({ city: z.string() }) }), true],
  ['with an optional field inside', z.object({ at: z.object({ city: z.string().optional() }) }), false],
  ['that allows other fields', z.looseObject({ city: z.string() }), false],
]) {
  test(`a schema ${what} is ${strict ? '' : 'not '}strict`, async () => {
    const { requests, options } = upstream('{"city":"Oslo","at":{"city":"Oslo"}}');
    await chat(MESSAGES, { ...options, model: 'a/a', response_format: schema });
    const { json_schema } = requests[0].response_format;
    assert.equal(json_schema.strict, strict);
    if (strict) assert.deepEqual([json_schema.schema.additionalProperties, json_schema.schema.properties.at.additionalProperties], [false, false]);
  });
}

test('a schema that gives no JSON Schema is a wrong option, which names the remedy', async () => {
  await assert.rejects(chat(MESSAGES, { model: 'a/a', response_format: v.object({ city: v.string() }) }), ({ kind, message }) => {
    assert.equal(kind, 'invalidRequest');
    assert.match(message, /valibot gives no JSON Schema; use \{ type: 'json_schema', json_schema, validator \}/);
    return true;
  });
});

test('a completion has the fields that openai declares, whatever the upstream leaves out', async () => {
  const { options } = upstream('yes');
  const before = Math.floor(Date.now() / 1000);
  const direct = await chat(MESSAGES, { ...options, model: 'a/a' });
  const chunk = 'data: {"model":"a/a","choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  const read = await parseStream(new Response(chunk)).finalCompletion();
  for (const completion of [direct, read]) {
    assert.equal(completion.id, '');
    assert.equal(completion.object, 'chat.completion');
    assert.ok(completion.created >= before);
    const [{ index, logprobs, finish_reason, message }] = completion.choices;
    assert.deepEqual([index, logprobs, finish_reason], [0, null, 'stop']);
    assert.deepEqual([message.role, message.content, message.refusal], ['assistant', 'yes', null]);
  }
});
