import type { Advice } from './chat.js';
import type { Client } from './index.js';
import type { Message } from './message.js';
import type { Options } from './options.js';

/**
 * A language model of the AI SDK, version 7, whose calls go through a client: for `generateText`, `streamText` and all that takes
 * a model. Its type is that of the package `@ai-sdk/provider`, without needing that package.
 */
export interface FailsoftModel {
  readonly specificationVersion: 'v4';
  readonly provider: string;
  readonly modelId: string;
  supportedUrls: Record<string, RegExp[]>;
  doGenerate(options: any): Promise<any>;
  doStream(options: any): Promise<any>;
}

/**
 * Makes a model of the AI SDK. A failed call rejects with a `ChatError`, which the AI SDK does not repeat. `providerOptions.failsoft`
 * has more options of a call, and `providerMetadata.failsoft` is the report.
 * @param defaults options of each call. With `model`, that model is the first.
 * @example
 * const ai = createClient({ edge, token, models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'] });
 * const { textStream } = streamText({ model: createModel(ai), prompt: 'Hello!' });
 */
export function createModel(client: Client, defaults?: Options): FailsoftModel;

/** A transport of the AI SDK's `useChat`. */
export interface FailsoftTransport {
  sendMessages(options: any): Promise<any>;
  reconnectToStream(options: any): Promise<null>;
}

/**
 * Makes a transport for the AI SDK's `useChat`: the page talks to the edge itself, without a route of your own. The metadata of
 * an answer has its `model`.
 * @param defaults options of each call. `body` of the AI SDK's request adds options.
 * @example
 * const transport = createTransport(createClient({ edge: '/', token, models }));
 * const { messages, sendMessage } = useChat({ transport });
 */
export function createTransport(client: Client, defaults?: Options): FailsoftTransport;

/**
 * What a user can do about the `error` of the AI SDK's `useChat`: a sentence, and whether `regenerate()` may help.
 * @example
 * const { error, regenerate } = useChat({ transport });
 * if (error) show(adviceOf(error).text);
 */
export function adviceOf(error: unknown): Advice;

/**
 * Translates messages of the AI SDK (`ModelMessage[]`), with images, files, calls of functions and their results. Reasoning is
 * left out.
 * @example
 * await ai.chatWithFallback(toMessages(modelMessages));
 */
export function toMessages(messages: readonly { role: 'system' | 'user' | 'assistant' | 'tool'; content: unknown }[]): Message[];
