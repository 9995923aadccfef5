import type { ChatCompletion } from './completion.js';
import type { ChatError } from './error.js';
import type { ParsedOf, ResponseFormat } from './format.js';
import type { Message } from './message.js';
import type { Options } from './options.js';
import type { Report } from './report.js';
import type { ChatStream } from './stream.js';
import type { Fetch } from './web.js';

export { ChatStream } from './stream.js';
export { ChatError, type Kind } from './error.js';
export type { Options, UpstreamOptions, ModelInfo } from './options.js';
export type { RequestFields } from './request.js';
export type { Tool, FunctionTool, CustomTool, ServerTool, ToolChoice } from './tool.js';
export type { ResponseFormat, SchemaFormat, StandardSchema, ParsedOf } from './format.js';
export type { Policy, Rule, Soft } from './policy.js';
export type { Fallback, Report, Attempt, Failure } from './report.js';
export type {
  Message, InstructionMessage, UserMessage, AssistantMessage, ToolMessage, FunctionMessage, ContentPart, ToolCall, CustomToolCall,
} from './message.js';
export type { AnswerMessage, ChatCompletion, ChatCompletionChunk, Choice, FinishReason, Usage } from './completion.js';

/**
 * Sends messages to one model, without fallback. The model is `options.model`, or the first of `options.models`. After a
 * temporary failure, the same model is asked once more (`policy.retry`).
 * @returns OpenAI's completion object, with a report in `failsoft`.
 * @throws {ChatError} if the model did not answer, or if an argument is wrong (kind `invalidRequest`).
 * @example
 * const data = await chat([{ role: 'user', content: 'Hello!' }], { model: 'openai/gpt-4o', edge, token });
 */
export function chat<Format extends ResponseFormat | undefined = undefined>(
  messages: readonly Message[],
  options?: Options<Format>,
): Promise<ChatCompletion<ParsedOf<Format>>>;

/**
 * Sends messages to the models of `options.models` in order, until one gives an answer that passes the policy's rules.
 * @returns OpenAI's completion object. `model` names the model that answered, `failsoft` reports what happened.
 * @throws {ChatError} if no model answered, or if an argument is wrong (kind `invalidRequest`).
 * @example
 * const { model, choices } = await chatWithFallback(messages, { models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'], edge, token });
 */
export function chatWithFallback<Format extends ResponseFormat | undefined = undefined>(
  messages: readonly Message[],
  options?: Options<Format>,
): Promise<ChatCompletion<ParsedOf<Format>>>;

/**
 * Does the same as {@link chatWithFallback}, and streams the answer.
 *
 * The promise settles at the commit point: the first text, the first tool call, or the first reasoning if the request asks
 * for reasoning. Before the commit point, another model can take over, and the reader sees nothing of the failed answer.
 * So the promise resolves with `model` known, or it rejects. `policy.holdChars`, `buffer` and `judge` delay the commit point,
 * so that rules can check more of the answer. A stream that breaks later throws while it is read, unless another model can
 * continue it (`policy.recover`).
 * @throws {ChatError} if no model answered, or if an argument is wrong (kind `invalidRequest`).
 * @example
 * const stream = await chatStreaming(messages, { models, edge, token });
 * for await (const text of stream.textStream) console.log(text);
 */
export function chatStreaming<Format extends ResponseFormat | undefined = undefined>(
  messages: readonly Message[],
  options?: Options<Format>,
): Promise<ChatStream<ParsedOf<Format>> & { readonly model: string; readonly failsoft: Report }>;

/**
 * Reads a response that you fetched yourself: a `Response`, or its body. A body without a content type is read as
 * server-sent events. There is no retry, no fallback, no rule for answers and no timeout.
 *
 * Reading throws a {@link ChatError} if the status is 400 or more, if the body is an error, or if the stream ends too early.
 * @throws {ChatError} at once, if the argument is something else, or if something reads the body already (kind
 * `invalidRequest`).
 * @example
 * const text = await parseStream(await fetch(url, init)).text();
 */
export function parseStream(response: Response | ReadableStream<Uint8Array | string>): ChatStream;

/**
 * Makes a client: the functions above, with default options.
 *
 * An option of a call replaces the default. `policy`, `body` and `headers` are merged by name. A call with a `model` of its
 * own and without `models` asks that model first and then the client's `models`.
 *
 * A client remembers which models failed recently (`policy.breaker`), and what it learned about models. The functions
 * without a client remember nothing. Create one client and keep it.
 * @throws {ChatError} if `defaults` is not an object. A wrong default makes each call reject.
 * @example
 * const ai = createClient({ edge: 'https://edge.example.com', token, models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'] });
 */
export function createClient(defaults?: Options): Client;

/**
 * Makes a `fetch` for an SDK (openai, @langchain/openai, ai, @openrouter/sdk). Each `POST` to a URL whose path ends with
 * `/chat/completions` goes through the client. With an `edge`, `/responses`, `/messages`, `/messages/count_tokens` and `/embeddings`
 * go to the edge as they are, with `token`. Every other request passes untouched; for a `POST`, one warning says that it
 * has no fallback.
 *
 * - The model of the request is asked first, then the client's `models`.
 * - The address and the key are the client's if the client has `edge`, `baseURL` or `upstreams`. Otherwise both are the SDK's,
 *   with the query of its URL and its own header for the key. A client's `apiKey` alone is for OpenRouter's address only.
 * - A call that fails gives a response with the HTTP status of the upstream, its code and its Retry-After, also for a stream
 *   that fails before its commit point. So the SDK throws its own error class. Where no upstream sent a status, the kind of
 *   the failure decides. Below `/api/v1`, an SDK that is not OpenAI's gets OpenRouter's shape, which @openrouter/sdk requires.
 * - The header `x-should-retry: false` tells the SDK that failsoft has retried already. The openai package obeys it. A call
 *   that another SDK repeats after a 408, 409, 429 or 5xx gets the same failure from memory for a short time.
 * - A stream that breaks after its commit point ends with an event that has an `error`.
 * - An abort rejects with the signal's reason, like the web's `fetch`.
 * - A successful response has the headers `x-failsoft-model` and `x-failsoft-attempts`.
 * - On a host without WebAssembly, every request passes untouched, and one warning says so.
 * @throws {ChatError} if the argument is not a client.
 * @example
 * const openai = new OpenAI({ apiKey, baseURL, fetch: createFetch(ai) });
 */
export function createFetch(client: Client): Fetch;

/**
 * Estimates how many tokens a text or a list of messages has for a model.
 *
 * The package contains no vocabulary. For prose, code and JSON, the estimate is within 10 % on average, and is seldom
 * more than 15 % too low.
 * @param model decides which family of tokenizers is estimated. @default 'gpt'
 * @throws {ChatError} if JSON cannot carry the messages (kind `invalidRequest`).
 * @example
 * if ((await estimateTokens(messages)) > 100_000) shorten(messages);
 */
export function estimateTokens(text: string | readonly Message[], model?: string): Promise<number>;

/**
 * Compiles the WebAssembly. Without this call, the first call of another function does so. Nothing is downloaded,
 * except by `failsoft/slim`.
 * @throws {ChatError} of the kind `wasmUnavailable`, for instance if the page's Content-Security-Policy lacks
 * `'wasm-unsafe-eval'`, or if the host has no WebAssembly. The next call tries again.
 * @example
 * await init(); // for instance while the page is idle
 */
export function init(): Promise<void>;

/**
 * Returns true for every {@link ChatError}, also for one from another copy of this package.
 * @example
 * if (isChatError(error)) show(error.kind, error.partial);
 */
export function isChatError(error: unknown): error is ChatError;

/** The functions of a client. Their contracts are those of the functions with the same names. */
export interface Client {
  chat: typeof chat;
  chatWithFallback: typeof chatWithFallback;
  chatStreaming: typeof chatStreaming;
  parseStream: typeof parseStream;
}
