// The readers of a stream, each used as its documentation says. A reader returns the length of the text, so that a reader
// that loses events is found.

import { toStream } from './streams.mjs';

const response = (pieces) => new Response(toStream(pieces), { headers: { 'content-type': 'text/event-stream' } });
const MESSAGES = [{ role: 'user', content: 'hello' }];

/** The cost of reading the bytes alone. */
async function readBytes(pieces) {
  const reader = toStream(pieces).getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: length };
    length += value.length;
  }
}

/** The cost of reading the bytes as text. */
async function decodeText(pieces) {
  const reader = toStream(pieces).getReader();
  const decoder = new TextDecoder();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { characters: length };
    length += decoder.decode(value, { stream: true }).length;
  }
}

const ours = ({ parseStream }) => ({
  'failsoft, text': async (pieces) => {
    let length = 0;
    for await (const text of parseStream(toStream(pieces)).textStream) length += text.length;
    return { text: length };
  },
  'failsoft, chunks': async (pieces) => {
    let length = 0;
    for await (const chunk of parseStream(toStream(pieces))) length += chunk.choices[0]?.delta.content?.length ?? 0;
    return { text: length };
  },
});

const parser = ({ createParser }) => async (pieces) => {
  let length = 0;
  const onEvent = ({ data }) => {
    if (data !== '[DONE]') length += JSON.parse(data).choices[0]?.delta.content?.length ?? 0;
  };
  const events = createParser({ onEvent });
  const reader = toStream(pieces).getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: length };
    events.feed(decoder.decode(value, { stream: true }));
  }
};

const openai = (OpenAI) => async (pieces) => {
  const fetch = async () => response(pieces);
  const client = new OpenAI({ apiKey: 'k', baseURL: 'http://127.0.0.1:9/v1', fetch, dangerouslyAllowBrowser: true });
  let length = 0;
  const stream = await client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true });
  for await (const chunk of stream) length += chunk.choices[0]?.delta.content?.length ?? 0;
  return { text: length };
};

const openrouter = ({ OpenRouter, HTTPClient }) => async (pieces) => {
  const httpClient = new HTTPClient({ fetcher: async () => response(pieces) });
  const client = new OpenRouter({ apiKey: 'k', httpClient });
  let length = 0;
  const stream = await client.chat.send({ chatRequest: { model: 'm', messages: MESSAGES, stream: true } });
  for await (const chunk of stream) length += chunk.choices[0]?.delta.content?.length ?? 0;
  return { text: length };
};

const langchain = (ChatOpenAI) => async (pieces) => {
  const fetch = async () => response(pieces);
  const model = new ChatOpenAI({ apiKey: 'k', model: 'm', configuration: { fetch, baseURL: 'http://127.0.0.1:9/v1', dangerouslyAllowBrowser: true } });
  let length = 0;
  for await (const chunk of await model.stream('hello')) length += chunk.content.length;
  return { text: length };
};

const ai = (streamText, createOpenRouter) => async (pieces) => {
  const provider = createOpenRouter({ apiKey: 'k', fetch: async () => response(pieces) });
  let length = 0;
  for await (const text of streamText({ model: provider('m'), messages: MESSAGES }).textStream) length += text.length;
  return { text: length };
};

/**
 * All readers by name, with this host's `failsoft`. The readers in `SLOW` need so much time for an event that they read only a
 * tenth of the events.
 */
export async function readers(failsoft) {
  return {
    'read()': readBytes,
    'read() + TextDecoder': decodeText,
    ...ours(failsoft),
    'eventsource-parser + JSON.parse': parser(await import('eventsource-parser')),
    openai: openai((await import('openai')).default),
    '@openrouter/sdk': openrouter(await openrouterSdk()),
    '@langchain/openai': langchain((await import('@langchain/openai')).ChatOpenAI),
    'ai + @openrouter/ai-sdk-provider': ai((await import('ai')).streamText, (await import('@openrouter/ai-sdk-provider')).createOpenRouter),
  };
}

async function openrouterSdk() {
  const [{ OpenRouter }, { HTTPClient }] = await Promise.all([import('@openrouter/sdk'), import('@openrouter/sdk/lib/http.js')]);
  return { OpenRouter, HTTPClient };
}

export const SLOW = ['@openrouter/sdk', '@langchain/openai', 'ai + @openrouter/ai-sdk-provider'];
