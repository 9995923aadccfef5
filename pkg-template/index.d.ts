/** Sends messages to one model. There is no fallback; a passing failure is tried once more. */
export function chat(messages: Message[], options?: Options): Promise<ChatCompletion>;

/**
 * Sends messages to the first of `options.models`, and to the next ones if it fails or answers with nothing useful.
 * @returns OpenAI's completion object. `model` is the one that answered; `failsoft` says what happened.
 * @throws {ChatError} when no model answered.
 */
export function chatWithFallback(messages: Message[], options?: Options): Promise<ChatCompletion>;

/**
 * As {@link chatWithFallback}, streamed. Settles with the first text, tool call or reasoning that was asked for: until
 * then another model may take over without anybody noticing, and from then on {@link ChatStream.model} is known.
 * @throws {ChatError} when no model answered.
 */
export function chatStreaming(messages: Message[], options?: Options): Promise<ChatStream>;

/**
 * The reader alone, for a response that something else has fetched. A stream without `content-type` is read as
 * server-sent events. A status of 400 and more, or an error as JSON, is thrown as {@link ChatError} while reading.
 */
export function parseStream(response: Response | ReadableStream<Uint8Array | string>): ChatStream;

/** The functions above with defaults of their own. A client remembers which models failed lately, and facts about models. */
export function createClient(defaults?: Options): Client;

/**
 * A `fetch` for SDKs that take one (openai, @langchain/openai, ai): chat completions go through `client`, all else is
 * passed on untouched. The request's `model` comes first, the client's `models` follow. Address and key are the
 * client's if it names `edge`, `baseURL` or `apiKey`, else the SDK's.
 */
export function createFetch(client: Client): typeof fetch;

/**
 * The tokens of a text or of messages as `model` counts them, without one as OpenAI's models do. An estimate, for no
 * vocabulary is shipped: for prose, code and JSON within 10 % on average, and seldom more than 15 % too low.
 */
export function estimateTokens(text: string | Message[], model?: string): Promise<number>;

/**
 * Compiles the WebAssembly ahead of the first call, which otherwise does it; there is nothing to fetch.
 * @throws {ChatError} of kind `wasmUnavailable`.
 */
export function init(): Promise<void>;

/** True for every {@link ChatError}, also of another copy of this package. */
export function isChatError(error: unknown): error is ChatError;

export interface Client {
  chat: typeof chat;
  chatWithFallback: typeof chatWithFallback;
  chatStreaming: typeof chatStreaming;
  parseStream: typeof parseStream;
}

/**
 * A streamed answer. It has one reader: the first of `for await`, `textStream`, `text()`, `finalCompletion()`,
 * `toReadableStream()` and `toResponse()` to begin; a second one throws. Nothing is fetched that nobody reads.
 */
export class ChatStream implements AsyncIterable<ChatCompletionChunk>, AsyncDisposable {
  private constructor();
  /** The model that answers. Of a `parseStream`, known once something was read. */
  readonly model: string | undefined;
  /** Every request that was sent, in order; complete once the stream has ended. */
  readonly attempts: Attempt[];
  /** What happened so far. */
  readonly failsoft: Report | undefined;
  /** Known once the stream has ended, if the upstream said it. */
  readonly usage: Usage | undefined;
  /** The text of the first choice: one string for what each chunk of the network brought, never an empty one. */
  readonly textStream: AsyncIterable<string>;
  /** OpenAI's chunks as they came. Leaving the loop aborts the request. The chunk with the usage has no choices. */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk, undefined>;
  /** Reads to the end, unless that was done; the text of the first choice. */
  text(): Promise<string>;
  /** Reads to the end, unless that was done; the completion that the chunks add up to. */
  finalCompletion(): Promise<ChatCompletion>;
  /** A line of JSON for each chunk, as `ChatCompletionStream.fromReadableStream` of the openai package reads it. */
  toReadableStream(): ReadableStream<Uint8Array>;
  /** Server-sent events, ending in `[DONE]`, or in an event with an `error` if the stream broke. */
  toResponse(init?: ResponseInit): Response;
  /** Closes the connection; whoever reads sees the end. */
  cancel(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Why a call, or reading a stream, failed: the last failure of the chain. */
export class ChatError extends Error {
  private constructor();
  readonly name: 'ChatError';
  readonly kind: Kind;
  /** The HTTP status that the upstream sent, or named inside a 200. */
  readonly status?: number;
  /** The upstream's own code. */
  readonly code?: string;
  /** How long the upstream asks to wait, in milliseconds. */
  readonly retryAfter?: number;
  /** The provider behind the model, where it was named. */
  readonly provider?: string;
  /** Every request that was sent, in order, each with its failure. */
  readonly attempts: Attempt[];
  /** What was said before a stream broke. */
  readonly partial?: string;
  /** What happened. */
  readonly failsoft?: Report;
  /** The signal's reason of an `aborted` call; what `fetch` threw for `network`. */
  readonly cause?: unknown;
}

/**
 * Why a request, or the whole call, failed.
 *
 * - `rateLimited`: too many requests (429)
 * - `inFlightBudget`: running requests hold the rest of the balance
 * - `serverError`: the upstream failed (5xx, 408); the same request may work on a second try
 * - `unavailable`: the model is overloaded or down (503, 504, 529)
 * - `network`: no connection was made, or the connection broke
 * - `badResponse`: a success whose body is not an answer
 * - `headersTimeout`, `firstTokenTimeout`, `stalled`, `timeout`: a clock of `policy.timeouts` ran out
 * - `unknownModel`, `noEndpoint`, `contextLength`, `contentFilter`: this model cannot answer this request
 * - `unauthorized`, `paymentRequired`, `forbidden`: the key, its credit or its permissions
 * - `invalidRequest`: the request, an option, or the way that an object is used
 * - `cut`: the answer ended before it was complete
 * - `empty`, `reasoningOnly`, `refusal`, `length`, `invalidJson`, `schemaMismatch`, `tooShort`, `pattern`, `belowThreshold`:
 *   the answer did not pass a rule of the policy
 * - `superseded`: another model answered first; older versions report this as `outrun`
 * - `tooExpensive`: every model of the chain may cost more than the policy allows
 * - `circuitOpen`: every model of the chain failed recently and has to rest; see `retryAfter`
 * - `aborted`: by `signal`
 * - `wasmUnavailable`: the WebAssembly did not load
 */
export type Kind =
  | 'rateLimited' | 'inFlightBudget' | 'serverError' | 'unavailable' | 'network' | 'badResponse'
  | 'headersTimeout' | 'firstTokenTimeout' | 'stalled' | 'timeout'
  | 'unknownModel' | 'noEndpoint' | 'contextLength' | 'contentFilter'
  | 'unauthorized' | 'paymentRequired' | 'forbidden' | 'invalidRequest'
  | 'cut' | 'empty' | 'reasoningOnly' | 'refusal' | 'length' | 'invalidJson' | 'schemaMismatch' | 'tooShort' | 'pattern'
  | 'belowThreshold' | 'superseded' | 'tooExpensive'
  | 'circuitOpen' | 'aborted' | 'wasmUnavailable';

/** The options of a call: fields of the chat request, beside where to and how. An unknown name is an error. */
export interface Options extends RequestFields {
  /** An edge of failsoft's own, by its origin. It holds the provider's key; the chain and the policy travel to it. */
  edge?: string;
  /** The client key of the edge. A provider's key is refused. */
  token?: string;
  /** The upstream's base URL, without `/chat/completions`. @default 'https://openrouter.ai/api/v1' */
  baseURL?: string;
  /** What the upstream speaks. @default 'openrouter' for openrouter.ai, else 'openai' */
  dialect?: 'openrouter' | 'openai';
  /** Sent as `Authorization: Bearer`. In a page, what looks like a provider's secret is refused; see below. */
  apiKey?: string;
  /** Several upstreams, in order: the chain goes over the models of the first, then over those of the next. In place of
   * `baseURL`, `apiKey` and `dialect`. */
  upstreams?: UpstreamOptions[];
  /** Allows a secret key in a page: for keys that the visitor brings. @default false */
  dangerouslyAllowBrowser?: boolean;
  /** More headers for every request; over a client's own, name by name. */
  headers?: HeadersInit;
  /** Ends the call with a ChatError of kind `aborted`, and closes its connection. */
  signal?: AbortSignal | null;
  policy?: Policy;
  /** Attribution in OpenRouter's dashboard. */
  app?: { url?: string; title?: string };
  /** What of the app asks, for the books of an edge: sent as `x-feature`. */
  feature?: string;
  /** @default globalThis.fetch */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Called when another model than the first one answered. */
  onFallback?: (info: Fallback) => void;
  /** Called for every request that has ended, in order. */
  onAttempt?: (attempt: Attempt) => void;
  /** Fields for the upstream that nobody here knows, passed through unchecked. */
  body?: Record<string, unknown>;
}

/** One of several upstreams. */
export interface UpstreamOptions {
  /** Without `/chat/completions`. @default 'https://openrouter.ai/api/v1' */
  baseURL?: string;
  apiKey?: string;
  /** @default 'openrouter' for openrouter.ai, else 'openai' */
  dialect?: 'openrouter' | 'openai';
  /** Over those of the call, name by name. */
  headers?: HeadersInit;
  app?: { url?: string; title?: string };
  /** The models to ask there, in order, and what is known of them. @default the call's own `models` */
  models?: (string | ModelFacts)[];
}

/** What an upstream does not tell of a model by itself. */
export interface ModelFacts {
  id: string;
  /** Tokens of prompt and answer together. */
  contextLength?: number;
  /** Tokens of an answer. */
  maxOutput?: number;
  /** USD for a million tokens of the prompt. */
  prompt?: number;
  /** USD for a million tokens of the answer. */
  completion?: number;
}

/** The fields of OpenAI's and OpenRouter's chat request, by the names they have there. */
export interface RequestFields {
  /** One model. With `models` beside it, `models` decides. */
  model?: string;
  /** The chain, in order of preference; at most 32. */
  models?: string[];
  audio?: object | null;
  cache_control?: object | null;
  debug?: object | null;
  frequency_penalty?: number | null;
  function_call?: string | object | null;
  functions?: unknown[];
  image_config?: object | null;
  include_reasoning?: boolean;
  logit_bias?: Record<string, number> | null;
  logprobs?: boolean | null;
  max_completion_tokens?: number | null;
  max_tokens?: number | null;
  metadata?: Record<string, string> | null;
  min_p?: number | null;
  modalities?: string[] | null;
  moderation?: object | null;
  n?: number | null;
  parallel_tool_calls?: boolean;
  plugins?: unknown[];
  prediction?: object | null;
  presence_penalty?: number | null;
  preset?: string;
  prompt_cache_key?: string | null;
  prompt_cache_options?: object | null;
  prompt_cache_retention?: string | null;
  provider?: object | null;
  reasoning?: object | null;
  reasoning_effort?: string | null;
  repetition_penalty?: number | null;
  response_format?: object;
  route?: string | null;
  safety_identifier?: string | null;
  seed?: number | null;
  service_tier?: string | null;
  session_id?: string;
  stop?: string | string[] | null;
  stop_server_tools_when?: unknown[] | null;
  store?: boolean | null;
  stream_options?: object | null;
  temperature?: number | null;
  tool_choice?: string | object | null;
  tools?: unknown[];
  top_a?: number | null;
  top_k?: number | null;
  top_logprobs?: number | null;
  top_p?: number | null;
  trace?: object;
  transforms?: string[];
  usage?: object;
  user?: string;
  verbosity?: string | null;
  web_search_options?: object | null;
}

/** What a call may do before it gives up. Its JSON Schema is `schema/policy.schema.json` on every edge. */
export interface Policy {
  /** The URL or path of the JSON Schema, for editors. The value has no effect. */
  $schema?: string;
  /** Requests at most, retries and fallbacks together; 1 to 32. @default 8 */
  attempts?: number;
  /** Milliseconds; 1 to 600,000, `total` to 3,600,000. */
  timeouts?: {
    /** From sending to the response headers of a stream. @default 30000 */
    headers?: number;
    /** From sending to the first text, reasoning or tool call. @default 60000 */
    firstToken?: number;
    /** Between events of a stream; keep-alive comments do not count. @default 30000 */
    idle?: number;
    /** The whole call. @default 600000 */
    total?: number;
  };
  retry?: {
    /** How often the same model is asked again; 0 to 10. @default 1 */
    same?: number;
    /** The longest wait, in milliseconds, that an upstream may name for the same model to be asked again. @default 2000 */
    maxWait?: number;
    /** The bound of the first random pause, in milliseconds; it doubles. @default 500 */
    base?: number;
    /** The bound of every random pause, in milliseconds. @default 5000 */
    cap?: number;
  };
  /** After a content filter or moderation. @default 'next' */
  onContentFilter?: 'next' | 'fail';
  /** After an answer without content. @default 'retry' */
  empty?: Rule;
  /** After an answer that is reasoning and nothing else; some models do so on purpose. @default 'retry' */
  reasoningOnly?: Rule;
  /** After an answer that declines. `phrases`: how refusals begin, in place of the built-in ones of nine languages. @default 'next' */
  refusal?: Rule<{ phrases?: string[] }>;
  /** After an answer that is no JSON though JSON was asked for. `repair`: JSON inside a fence or between prose is taken out
   * of it; not of streams. @default 'next' */
  invalidJson?: Rule<{ repair?: boolean }>;
  /** After JSON that is not what `response_format.json_schema` describes (OpenAI's strict subset). @default 'next' */
  schemaMismatch?: Rule;
  /** After an answer that hit the output limit. @default 'accept' */
  length?: Rule;
  /** After an answer of fewer `chars`; 0 to 100,000. @default no bound */
  tooShort?: Rule<{ chars?: number }>;
  /** After an answer that holds one of `literals`. @default none */
  pattern?: Rule<{ literals?: string[] }>;
  /** A stream is held until it has so many characters, for the rules that can tell by its beginning; 0 to 100,000. @default 0 */
  holdChars?: number;
  /** A stream is held until it is whole, and every rule runs. @default false */
  buffer?: boolean;
  /** After a stream that breaks when some of it was read: a model continues it; a model is asked again and joined where it
   * comes by what was said; an error. @default 'continue' */
  recover?: 'continue' | 'restart' | 'error';
  /** Where no answer can be joined, the stream starts over after a chunk `{object: 'failsoft.restart'}`. @default false */
  restartEvent?: boolean;
  /** A second model is asked too when the first has been silent for so many milliseconds; the first to answer wins. With
   * `maxCostUsd`, where that can pay for both. @default off */
  hedge?: { after: number };
  /** A model scores every answer; below the threshold the next one answers, and the best is returned. Streams are buffered. @default off */
  judge?: {
    model: string;
    /** From 1 to 100. @default 50 */
    threshold?: number;
    /** What the score is about. @default 'Is it correct, complete and to the point?' */
    criteria?: string;
    /** Milliseconds. @default 10000 */
    timeout?: number;
    /** After an answer below the threshold. @default 'next' */
    action?: 'next' | 'fail';
    /** Of an answer that could not be scored. @default 'accept' */
    onError?: 'accept' | 'reject';
    /** What one score may cost, where the price is known. @default no bound */
    maxCostUsd?: number;
  };
  /** What the call may cost, all attempts together: none goes beyond, and the output is limited to it. An attempt counts at
   * the most that it can cost until it is refused or has told its cost, so set `max_tokens` too, or a lost first answer
   * leaves nothing for another. A model without a known price is left out. @default no bound */
  maxCostUsd?: number;
  /** What a model may cost, in USD for a million tokens. @default no bound */
  maxPrice?: { prompt?: number; completion?: number };
  /** Streams from upstream also where a whole answer is asked for: silence is noticed early, an abort stops the bill. @default true */
  assemble?: boolean;
  breaker?: {
    /** Failures in a row after which a client leaves a model alone; 0 to 100, 0 never does. @default 3 */
    failures?: number;
    /** Milliseconds until one call tries it again. @default 20000 */
    cooldown?: number;
  };
}

/** A rule: what follows, alone or beside what else the rule is made of. */
export type Rule<Fields = unknown> = Soft | ({ action?: Soft } & Fields);

/** The same model once more and then the next · the next model · an error · nothing: the rule is off. */
export type Soft = 'retry' | 'next' | 'fail' | 'accept';

export interface Fallback {
  /** The first model of the chain. */
  requested?: string;
  /** The model that answered. */
  model?: string;
  /** Why the first request failed; absent where OpenRouter fell back by itself. */
  cause?: Failure;
  attempts: Attempt[];
}

/** What happened in a call. */
export interface Report {
  /** The model that answered, in the answer's own words. */
  model?: string;
  /** Another model than the first of the chain answered. */
  fallback: boolean;
  /** The answer passed every rule. False: it is the best of answers that did not. */
  accepted: boolean;
  attempts: Attempt[];
  /** Models that were not asked, or not again, and why. */
  dropped?: { model: string; reason: string }[];
  /** What somebody should look at. */
  warnings?: string[];
  /** The sum of all known costs, in USD. */
  cost?: number;
  /** Ids of generations that may have cost money and did not say how much. */
  unsettled?: string[];
}

/** One request. */
export interface Attempt {
  /** The models that it named: OpenRouter tries up to three by itself. */
  models: string[];
  /** The model that answered. */
  model?: string;
  provider?: string;
  /** The answer names a model that is none of those asked for. */
  unmatched?: boolean;
  /** It scored the answer of another request. */
  judge?: boolean;
  /** From 0 to 100, of a judge that gave one. */
  score?: number;
  /** It went on from an answer that broke. */
  recovery?: 'continue' | 'restart';
  /** It was sent beside another that had been silent for long. */
  hedge?: boolean;
  failure?: Failure;
  /** What OpenRouter tried inside this request, as it says. */
  inside?: { provider?: string; model?: string; status?: number }[];
  /** Milliseconds since the call began. */
  started: number;
  /** Milliseconds until the first text, reasoning or tool call. */
  firstToken?: number;
  /** Milliseconds until it ended. */
  duration?: number;
  generationId?: string;
  /** What the upstream counted of the prompt. */
  promptTokens?: number;
  /** What the upstream counted of the answer. */
  completionTokens?: number;
  /** In USD. */
  cost?: number;
}

export interface Failure {
  kind: Kind;
  status?: number;
  code?: string;
  message: string;
  /** Milliseconds. */
  retryAfter?: number;
  provider?: string;
}

export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | (string & {});
  content?: string | ContentPart[] | null;
  name?: string;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  [field: string]: unknown;
}

export interface ContentPart {
  type: string;
  text?: string;
  [field: string]: unknown;
}

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' | 'error';

/** OpenAI's completion object. */
export interface ChatCompletion {
  id?: string;
  object: 'chat.completion';
  created?: number;
  /** The model that answered. */
  model: string;
  provider?: string;
  choices: {
    index: number;
    message: {
      role: 'assistant';
      content: string | null;
      refusal?: string | null;
      reasoning?: string;
      reasoning_details?: unknown[];
      tool_calls?: ToolCall[];
      images?: unknown[];
      audio?: unknown;
    };
    finish_reason: FinishReason | null;
    native_finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: Usage;
  /** What happened. */
  failsoft: Report;
  [field: string]: unknown;
}

/** OpenAI's chunk object. */
export interface ChatCompletionChunk {
  id?: string;
  object?: 'chat.completion.chunk';
  created?: number;
  model?: string;
  provider?: string;
  /** Empty in the chunk that carries the usage: read `choices[0]?.delta.content`. */
  choices: {
    index: number;
    delta: {
      role?: string;
      content?: string | null;
      refusal?: string | null;
      reasoning?: string | null;
      reasoning_details?: unknown[];
      tool_calls?: { index: number; id?: string; type?: 'function'; function?: { name?: string; arguments?: string } }[];
      [field: string]: unknown;
    };
    finish_reason?: FinishReason | null;
    native_finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: Usage | null;
  [field: string]: unknown;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** In USD, where the upstream says it. */
  cost?: number;
  [field: string]: unknown;
}
