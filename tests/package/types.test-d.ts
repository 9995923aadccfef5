import { ChatError, chat, chatStreaming, chatWithFallback, createClient, createFetch, estimateTokens, init, isChatError, parseStream } from 'failsoft';
import type { ChatCompletion, ChatCompletionChunk, ChatStream, Client, Kind, Options, Report } from 'failsoft';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';

const messages = [{ role: 'user' as const, content: 'Hello?' }];
const options: Options = { models: ['a/a', 'b/b'], edge: 'https://edge.example', token: 't', policy: { timeouts: { idle: 5_000 }, empty: 'next' } };

const data: ChatCompletion = await chatWithFallback(messages, options);
const model: string = data.model;
const content: string | null = data.choices[0].message.content;
const tried: number = data.failsoft.attempts.length;
await chat(messages, { model: 'a/a', temperature: 0, body: { anything: 1 }, app: { url: 'u', title: 't' } });

const stream = await chatStreaming(messages, { ...options, signal: new AbortController().signal, onFallback: ({ model, cause }) => void [model, cause?.kind] });
for await (const chunk of stream) {
  const same: ChatCompletionChunk = chunk;
  const text: string | null | undefined = same.choices[0]?.delta.content;
  void text;
}
for await (const text of stream.textStream) text.toUpperCase();
const answering: string = stream.model;
const report: Report = stream.failsoft;
const anyStream: ChatStream = stream;
const response: Response = stream.toResponse({ status: 200 });
const bytes: ReadableStream<Uint8Array> = stream.toReadableStream();
const read: Promise<string> = parseStream(response).text();
{
  await using owned = parseStream(bytes);
  void owned.usage?.cost;
}

const client: Client = createClient({ apiKey: 'k', headers: new Headers() });
const own: typeof fetch = createFetch(client);
const tokens: Promise<number> = estimateTokens(messages);
estimateTokens('text', 'openai/gpt-4o');
await init();

try {
  await client.chat(messages);
} catch (error) {
  if (isChatError(error)) {
    const kind: Kind = error.kind;
    const wait: number | undefined = error.retryAfter;
    const same: ChatError = error;
    void [kind, wait, same.partial];
  }
}

// Messages that are typed for openai, and lists that must not change, are accepted too.
declare const openaiMessages: readonly ChatCompletionMessageParam[];
await chat(openaiMessages, { model: 'a/a' });
await estimateTokens(openaiMessages);

// The model of a response that is not read yet is not known.
// @ts-expect-error
const unknown: string = parseStream(response).model;

// @ts-expect-error An option that does not exist.
await chat(messages, { temperture: 1 });
// @ts-expect-error A message needs a role.
await chat([{ content: 'x' }]);
// @ts-expect-error A policy has its own words.
await chat(messages, { policy: { empty: 'sometimes' } });

void [model, content, tried, read, own, tokens, answering, report, anyStream, unknown];
