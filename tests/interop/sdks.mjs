// The SDKs of npm: what each of them does with a server that speaks OpenAI's chat protocol.

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { HTTPClient, OpenRouter } from '@openrouter/sdk';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';

const OPENAI_ERRORS = { 401: 'AuthenticationError', 402: 'APIError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };
const ofOpenAI = {
  errorOf: (status) => OPENAI_ERRORS[status] ?? 'InternalServerError',
  read: ({ constructor, status }) => [constructor.name, status],
};

const OPENROUTER_ERRORS = {
  401: 'Unauthorized', 402: 'PaymentRequired', 403: 'Forbidden', 404: 'NotFound', 429: 'TooManyRequests', 500: 'InternalServer', 502: 'BadGateway', 503: 'ServiceUnavailable',
};

async function textOf(pieces, read) {
  let text = '';
  for await (const piece of pieces) text += read(piece) ?? '';
  return text;
}

const addressOf = ({ origin, ...server }) => ({ baseURL: `${origin}/v1`, ...server });

/** The AI SDK with a model of one of its providers. */
const aiSdk = (model, prompt) => ({
  call: async () => (await generateText({ model, prompt })).text,
  stream: async () => textOf(streamText({ model, prompt, onError() {} }).fullStream, ({ type, text, error }) => {
    if (type === 'error') throw error;
    return type === 'text-delta' ? text : '';
  }),
  errorOf: (status) => (status === 429 || status >= 500 ? 'RetryError of APICallError' : 'APICallError'),
  repeats: (status) => (status === 429 || status >= 500 ? 2 : 0),
  read: ({ constructor, statusCode, lastError }) => (lastError ? [`${constructor.name} of ${lastError.constructor.name}`, lastError.statusCode] : [constructor.name, statusCode]),
});

/**
 * Each SDK as a function of `{ fetch, origin, apiKey, model, prompt }`. In its result, `call` and `stream` give a text, `errorOf` is the
 * class of the error for a status, `repeats` is how often a request is sent again after a status although `x-should-retry` is false, and
 * `read` gives the class and the status of an error.
 */
export const SDKS = {
  openai({ fetch, origin, apiKey, model, prompt }) {
    const { completions } = new OpenAI({ baseURL: `${origin}/v1`, apiKey, fetch }).chat;
    const messages = [{ role: 'user', content: prompt }];
    return {
      ...ofOpenAI,
      repeats: () => 0,
      call: async () => (await completions.create({ model, messages })).choices[0].message.content,
      stream: async () => textOf(await completions.create({ model, messages, stream: true }), ({ choices }) => choices[0]?.delta.content),
    };
  },
  LangChain({ fetch, origin, apiKey, model, prompt }) {
    const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL: `${origin}/v1`, fetch } });
    return {
      ...ofOpenAI,
      repeats: (status) => (status >= 500 ? 6 : 0),
      call: async () => (await chat.invoke(prompt)).content,
      stream: async () => textOf(await chat.stream(prompt), ({ content }) => content),
    };
  },
  'the AI SDK': ({ model, prompt, ...server }) => aiSdk(createOpenAICompatible({ name: 'failsoft', ...addressOf(server) })(model), prompt),
  'the AI SDK with @ai-sdk/openai': ({ model, prompt, ...server }) => aiSdk(createOpenAI(addressOf(server)).chat(model), prompt),
  '@openrouter/sdk'({ fetch, origin, apiKey, model, prompt }) {
    const { chat } = new OpenRouter({ apiKey, serverURL: `${origin}/api/v1`, httpClient: new HTTPClient({ fetcher: fetch }) });
    const chatRequest = { model, messages: [{ role: 'user', content: prompt }] };
    return {
      call: async () => (await chat.send({ chatRequest })).choices[0].message.content,
      stream: async () => textOf(await chat.send({ chatRequest: { ...chatRequest, stream: true } }), ({ choices, error }) => {
        if (error) throw Object.assign(new Error(error.message), { statusCode: error.code });
        return choices[0]?.delta.content;
      }),
      errorOf: (status) => `${OPENROUTER_ERRORS[status]}ResponseError`,
      repeats: (status) => (status >= 500 ? Infinity : 0),
      read: ({ constructor, statusCode }) => [constructor.name, statusCode],
    };
  },
};
