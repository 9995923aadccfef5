// The SDKs of npm with the fetch of createFetch: their answers, the class and the status of their errors, and the number of
// upstream requests when no model answers. Time is virtual, because some SDKs repeat a call for minutes. The table in
// www/docs/package.md says the same.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { HTTPClient, OpenRouter } from '@openrouter/sdk';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';

import { PACKAGE, ROOT } from '../support/process.mjs';
import { VirtualTime } from '../support/virtual-time.mjs';

const clock = new VirtualTime();
const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const BEGIN = 1_800_000_000_000;
const [FIRST, SECOND] = ['m/one', 'm/two'];
const PROMPT = 'Hello?';
const messages = [{ role: 'user', content: PROMPT }];

/** The requests that failsoft alone makes, when both models of the chain fail with the status. */
const REQUESTS = { 401: 1, 402: 1, 403: 1, 404: 2, 429: 2, 500: 4 };

const OPENAI_ERRORS = {
  401: 'AuthenticationError', 402: 'APIError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError', 500: 'InternalServerError',
};
const readOpenAI = ({ constructor, status }) => [constructor.name, status];

/** What an SDK does with `fetch`: `call` and `stream` give a text; `read` gives the class and the status of an error. */
const SDKS = {
  openai(fetch) {
    const { completions } = new OpenAI({ baseURL: 'https://up.example/v1', apiKey: 'k', fetch }).chat;
    return {
      call: async () => (await completions.create({ model: FIRST, messages })).choices[0].message.content,
      stream: async () => textOf(await completions.create({ model: FIRST, messages, stream: true }), ({ choices }) => choices[0]?.delta.content),
      read: readOpenAI,
      errors: OPENAI_ERRORS,
    };
  },
  LangChain(fetch) {
    const chat = new ChatOpenAI({ model: FIRST, apiKey: 'k', configuration: { baseURL: 'https://up.example/v1', fetch } });
    return {
      call: async () => (await chat.invoke(PROMPT)).content,
      stream: async () => textOf(await chat.stream(PROMPT), ({ content }) => content),
      read: readOpenAI,
      errors: OPENAI_ERRORS,
    };
  },
  'the AI SDK'(fetch) {
    const model = createOpenAICompatible({ name: 'failsoft', baseURL: 'https://up.example/v1', apiKey: 'k', fetch })(FIRST);
    const repeated = 'RetryError of APICallError';
    return {
      call: async () => (await generateText({ model, prompt: PROMPT })).text,
      stream: async () => textOf(streamText({ model, prompt: PROMPT, onError() {} }).fullStream, ({ type, text, error }) => {
        if (type === 'error') throw error;
        return type === 'text-delta' ? text : '';
      }),
      read: ({ constructor, statusCode, lastError }) => (lastError ? [`${constructor.name} of ${lastError.constructor.name}`, lastError.statusCode] : [constructor.name, statusCode]),
      errors: { 401: 'APICallError', 402: 'APICallError', 403: 'APICallError', 404: 'APICallError', 429: repeated, 500: repeated },
    };
  },
  '@openrouter/sdk'(fetch) {
    const { chat } = new OpenRouter({ apiKey: 'k', httpClient: new HTTPClient({ fetcher: fetch }) });
    const chatRequest = { model: FIRST, messages };
    return {
      call: async () => (await chat.send({ chatRequest })).choices[0].message.content,
      stream: async () => textOf(await chat.send({ chatRequest: { ...chatRequest, stream: true } }), ({ choices, error }) => {
        if (error) throw Object.assign(new Error(error.message), { statusCode: error.code });
        return choices[0]?.delta.content;
      }),
      read: ({ constructor, statusCode }) => [constructor.name, statusCode],
      errors: {
        401: 'UnauthorizedResponseError', 402: 'PaymentRequiredResponseError', 403: 'ForbiddenResponseError',
        404: 'NotFoundResponseError', 429: 'TooManyRequestsResponseError', 500: 'InternalServerResponseError',
      },
    };
  },
};

async function textOf(pieces, read) {
  let text = '';
  for await (const piece of pieces) text += read(piece) ?? '';
  return text;
}

/** An SDK over a chain of two models, whose upstream answers with `respond`; and the models that the upstream was asked for. */
function sdkWith(name, respond) {
  const asked = [];
  const upstream = async (url, { body }) => {
    const request = JSON.parse(body);
    asked.push(request.model);
    return respond(request);
  };
  const client = createClient({ models: [SECOND], dialect: 'openai', fetch: upstream });
  return { ...SDKS[name](createFetch(client)), asked };
}

const refuse = (status, headers) => () => Response.json({ error: { message: 'it failed', code: 'the_code' } }, { status, headers });

/** How `run` ends, and how many seconds that took. */
async function outcome(run) {
  clock.restart(BEGIN);
  const error = await clock.run(run().then((text) => assert.fail(`it answered ${text}`), (error) => error));
  return { error, seconds: (clock.now - BEGIN) / 1_000 };
}

for (const name of Object.keys(SDKS)) {
  for (const form of ['call', 'stream']) {
    for (const [status, requests] of Object.entries(REQUESTS)) {
      test(`${name}, ${form}: after ${status}, its own error has the status, and the upstream gets the requests of one call`, async () => {
        const { asked, read, errors, ...sdk } = sdkWith(name, refuse(Number(status)));
        const { error, seconds } = await outcome(sdk[form]);
        assert.deepEqual(read(error), [errors[status], Number(status)], error.stack);
        assert.match(error.message, /it failed/);
        // @openrouter/sdk repeats a 5xx for an hour; meanwhile, the models are asked again now and then.
        const calls = 1 + Math.floor(seconds / 130);
        assert.ok(asked.length >= requests && asked.length <= requests * calls, `${asked.length} requests in ${seconds} s`);
        assert.ok(calls === 1 || (name === '@openrouter/sdk' && status === '500'), `${seconds} s`);
      });
    }
  }
}

// ---- answers

const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, prompt_tokens_details: { cached_tokens: null }, completion_tokens_details: null };
/** Chunks as several vendors send them. */
const STREAMS = {
  'only what a chunk needs': [{ choices: [{ delta: { content: 'Hello ' } }] }, { choices: [{ delta: { content: 'world.' } }] }, { choices: [{ delta: {}, finish_reason: 'stop' }] }],
  'null in every field': ['Hello ', 'world.', null].map((content) => ({
    id: null, object: 'chat.completion.chunk', created: null, model: null, system_fingerprint: null, service_tier: null, usage: content === null ? USAGE : null,
    choices: [{ index: 0, delta: { role: content === null ? null : 'assistant', content, refusal: null, tool_calls: null, audio: null, reasoning: null, reasoning_details: null, function_call: null }, logprobs: null, finish_reason: content === null ? 'stop' : null }],
  })),
  'usage in a chunk of its own': [
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello world.' }, finish_reason: null }], usage: null },
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null },
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [], usage: USAGE },
  ],
};

const sse = (events) => new Response(events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } });

for (const name of Object.keys(SDKS)) {
  for (const form of ['call', 'stream']) {
    for (const [what, chunks] of Object.entries(STREAMS)) {
      test(`${name}, ${form}: it accepts an answer with ${what}`, async () => {
        const sdk = sdkWith(name, () => sse([...chunks, '[DONE]']));
        clock.restart(BEGIN);
        assert.equal(await clock.run(sdk[form]()), 'Hello world.');
      });
    }
  }

  test(`${name}: it accepts a completion that was not streamed`, async () => {
    const message = { role: 'assistant', content: 'Hello world.', refusal: null, tool_calls: null, function_call: null, reasoning: null, audio: null };
    const completion = { id: 'a', object: 'chat.completion', created: 1, model: FIRST, choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }], usage: USAGE };
    clock.restart(BEGIN);
    assert.equal(await clock.run(sdkWith(name, () => Response.json(completion)).call()), 'Hello world.');
  });

  test(`${name}: a stream that breaks and cannot go on ends with an error that has the message`, async () => {
    const chunk = { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] };
    const { error } = await outcome(sdkWith(name, ({ messages }) => (messages.length > 1 ? refuse(500)() : sse([chunk, { error: { message: 'it broke', code: 502 } }]))).stream);
    assert.match(String(error.message ?? error), /it (broke|failed)/);
  });
}

test('the table of the documentation has the classes and the statuses', async () => {
  const page = await readFile(join(ROOT, 'www/docs/package.md'), 'utf8');
  for (const sdk of Object.values(SDKS)) {
    for (const error of Object.values(sdk(fetch).errors)) assert.ok(page.includes(`\`${error.split(' ')[0]}\``), error);
  }
});
