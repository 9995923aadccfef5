// The small entries, as programs use them.

import { generateText, streamText, type ModelMessage } from 'ai';
import { useChat as useSdkChat } from '@ai-sdk/react';
import { z } from 'zod';

import { createClient } from 'failsoft';
import { adviceOf, createModel, createTransport, toMessages } from 'failsoft/ai';
import { createChat } from 'failsoft/chat';
import { FailsoftChat } from 'failsoft/element';
import { useChat } from 'failsoft/react';
import { createClient as createSlimClient, init, type Client } from 'failsoft/slim';
import { createFaultyFetch, type Fault } from 'failsoft/testing';
import { runTools, tool } from 'failsoft/tools';

const faults: Record<string, Fault> = { 'a/a': 'unavailable' };
const fetch = createFaultyFetch({ faults, reply: (prompt, model) => `${model}: ${prompt}`, delay: 5 });
const client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'] });
const slim: Client = createSlimClient({ edge: '/', models: ['a/a'] });
createChat({ client: slim });
await init();
const sent: string | undefined = fetch.requests[0]?.body.model;
// @ts-expect-error A fault that does not exist.
createFaultyFetch({ faults: { 'a/a': 'unavailible' } });

const chat = createChat({ client, messages: [{ role: 'system', content: 'Be kind.' }], temperature: 0.5 });
const leave: () => void = chat.subscribe(({ messages, status, error }) => void [messages.length, status === 'ready', error?.advice.text]);
await chat.send('Hello!');
// @ts-expect-error The conversation has a signal of its own.
createChat({ client, signal: new AbortController().signal });

function Chat(): string {
  const { messages, status, model, send, stop } = useChat({ client, onFinish: (message, report) => void [message.content, report?.cost] });
  void [send, stop, model];
  return status === 'streaming' ? '…' : String(messages.at(-1)?.content);
}

// The AI SDK takes the model and the transport.
declare const modelMessages: ModelMessage[];
const { textStream } = streamText({ model: createModel(client, { temperature: 0 }), messages: modelMessages });
await generateText({ model: createModel(client), prompt: 'Hello!' });
const { sendMessage, error } = useSdkChat({ transport: createTransport(client) });
const advice: string | undefined = error && adviceOf(error).text;
await client.chatWithFallback(toMessages(modelMessages));

const weather = tool({ name: 'weather', input: z.object({ city: z.string() }), run: ({ city }) => city.toUpperCase() });
const { completion, calls } = await runTools(client, [], { tools: [weather], response_format: z.object({ degrees: z.number() }) });
const degrees: number | undefined = completion.choices[0]!.message.parsed?.degrees;
// @ts-expect-error The schema has no such field.
tool({ name: 'weather', input: z.object({ city: z.string() }), run: ({ town }) => town });
// @ts-expect-error A function needs what runs.
tool({ name: 'weather', input: z.object({ city: z.string() }) });

void [sent, leave, Chat, textStream, sendMessage, advice, calls, degrees];

// The element is one of the page's, with its own members and events.
const element = document.createElement('failsoft-chat');
element.client = client;
element.options = { temperature: 0.2 };
element.words = { send: 'Senden', advice: ({ kind, advice }) => `${kind}: ${advice.text}` };
element.addEventListener('failsoft-answer', ({ detail: { message, report } }) => void [message.content, report?.cost]);
element.addEventListener('failsoft-error', ({ detail }) => void [detail.kind, detail.advice.canRetry]);
document.body.append(element, new FailsoftChat());
const question: Promise<void> = element.chat.send('Hello!');
// @ts-expect-error The element has its own functions for these.
element.options = { onFinish: () => {} };
void question;
