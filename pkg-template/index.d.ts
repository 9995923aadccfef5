/**
 * Sends messages to one model, without fallback. The model is `options.model`, or the first of `options.models`. After a
 * temporary failure, the same model is asked once more (`policy.retry`).
 * @returns OpenAI's completion object, with a report in `failsoft`.
 * @throws {ChatError} if the model did not answer, or if an argument is wrong (kind `invalidRequest`).
 */
export function chat(messages: readonly Message[], options?: Options): Promise<ChatCompletion>;

/**
 * Sends messages to the models of `options.models` in order, until one gives an answer that passes the policy's rules.
 * @returns OpenAI's completion object. `model` names the model that answered, `failsoft` reports what happened.
 * @throws {ChatError} if no model answered, or if an argument is wrong (kind `invalidRequest`).
 */
export function chatWithFallback(messages: readonly Message[], options?: Options): Promise<ChatCompletion>;

/**
 * Does the same as {@link chatWithFallback}, and streams the answer.
 *
 * The promise settles at the commit point: the first text, the first tool call, or the first reasoning if the request asks
 * for reasoning. Before the commit point, another model can take over, and the reader sees nothing of the failed answer.
 * So the promise resolves with `model` known, or it rejects. `policy.holdChars`, `buffer` and `judge` delay the commit point,
 * so that rules can check more of the answer. A stream that breaks later throws while it is read, unless another model can
 * continue it (`policy.recover`).
 * @throws {ChatError} if no model answered, or if an argument is wrong (kind `invalidRequest`).
 */
export function chatStreaming(
  messages: readonly Message[],
  options?: Options,
): Promise<ChatStream & { readonly model: string; readonly failsoft: Report }>;

/**
 * Reads a response that you fetched yourself: a `Response`, or its body. A body without a content type is read as
 * server-sent events. There is no retry, no fallback, no rule for answers and no timeout.
 *
 * Reading throws a {@link ChatError} if the status is 400 or more, if the body is an error, or if the stream ends too early.
 * @throws {ChatError} at once, if the argument is something else, or if something reads the body already (kind
 * `invalidRequest`).
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
 */
export function createClient(defaults?: Options): Client;

/**
 * Makes a `fetch` for an SDK (openai, @langchain/openai, ai). Each `POST` to a URL that ends with `/chat/completions` goes
 * through the client. Every other request passes untouched.
 *
 * - The model of the request is asked first, then the client's `models`.
 * - The address and the key are the client's if the client has `edge`, `baseURL`, `apiKey` or `upstreams`. Otherwise both
 *   are the SDK's.
 * - A call that fails gives a response with the HTTP status of the upstream, its code and its Retry-After, also for a stream
 *   that fails before its commit point. So the SDK throws its own error class. Where no upstream sent a status, the kind of
 *   the failure decides. The header `x-should-retry: false` stops retries of the SDK, because failsoft has retried already.
 * - A stream that breaks after its commit point ends with an event that has an `error`.
 * - An abort rejects with the signal's reason, like the web's `fetch`.
 * - A successful response has the headers `x-failsoft-model` and `x-failsoft-attempts`.
 * @throws {ChatError} if the argument is not a client.
 */
export function createFetch(client: Client): typeof fetch;

/**
 * Estimates how many tokens a text or a list of messages has for a model.
 *
 * The package contains no vocabulary. For prose, code and JSON, the estimate is within 10 % on average, and is seldom
 * more than 15 % too low.
 * @param model decides which family of tokenizers is estimated. @default 'gpt'
 * @throws {ChatError} if JSON cannot carry the messages (kind `invalidRequest`).
 */
export function estimateTokens(text: string | readonly Message[], model?: string): Promise<number>;

/**
 * Compiles the WebAssembly. Without this call, the first call of another function does so. Nothing is downloaded.
 * @throws {ChatError} of the kind `wasmUnavailable`, for instance if the page's Content-Security-Policy lacks
 * `'wasm-unsafe-eval'`. The next call tries again.
 */
export function init(): Promise<void>;

/** Returns true for every {@link ChatError}, also for one from another copy of this package. */
export function isChatError(error: unknown): error is ChatError;

/** The functions of a client. Their contracts are those of the functions with the same names. */
export interface Client {
  chat: typeof chat;
  chatWithFallback: typeof chatWithFallback;
  chatStreaming: typeof chatStreaming;
  parseStream: typeof parseStream;
}

/**
 * A streamed answer.
 *
 * A stream has one reader: the first of `for await`, `textStream`, `text()`, `finalCompletion()`, `toReadableStream()` and
 * `toResponse()` that begins. A second reader gets a {@link ChatError}. The network is read only as fast as the reader reads.
 *
 * Reading throws a {@link ChatError} if the stream breaks. A loop that ends without an error has read a whole
 * answer, unless `cancel` was called.
 */
export class ChatStream implements AsyncIterable<ChatCompletionChunk>, AsyncDisposable {
  private constructor();
  /** The model that answers. `undefined` only in a stream of {@link parseStream}, before something was read. */
  readonly model: string | undefined;
  /** The requests that were sent so far, in order. The list is complete when the stream has ended. */
  readonly attempts: Attempt[];
  /** The report so far. `undefined` only in a stream of {@link parseStream}, before something was read. */
  readonly failsoft: Report | undefined;
  /** The token counts. Known when the stream has ended without an error, if the upstream sent them. */
  readonly usage: Usage | undefined;
  /** The text of the first choice. Each string is the new text of one chunk of the network, and is never empty. */
  readonly textStream: AsyncIterable<string>;
  /** Gives OpenAI's chunk objects, as they came. A loop that ends early closes the connection. */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk, undefined>;
  /** Reads to the end, unless that was done, and gives the text of the first choice. */
  text(): Promise<string>;
  /**
   * Reads to the end, unless that was done, and gives the completion that the chunks add up to.
   * @throws {ChatError} if the stream broke or was cancelled.
   */
  finalCompletion(): Promise<ChatCompletion>;
  /** Gives each chunk as one line of JSON, for `ChatCompletionStream.fromReadableStream` of the openai package. */
  toReadableStream(): ReadableStream<Uint8Array>;
  /**
   * Gives a response with server-sent events. The last event is `[DONE]`, or an event with an `error` if the stream broke.
   * @param init other headers and another status. @default status 200
   */
  toResponse(init?: ResponseInit): Response;
  /** Closes the connection. A reader that waits sees the end of the stream, and no error. */
  cancel(): Promise<void>;
  /** Does the same as `cancel`, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The error of a call, or of reading a stream. It describes the last failure of the chain; `attempts` has all failures.
 *
 * `stack` begins where your code called the package. The message names the option that is wrong, or repeats what the
 * upstream said. The message of a `network` error names the host. In a page, it also names the possible reasons: CORS,
 * no network, mixed content, `connect-src`, or a host where nothing listens.
 */
export class ChatError extends Error {
  private constructor();
  readonly name: 'ChatError';
  /** Which failure this is. */
  readonly kind: Kind;
  /** The HTTP status of the upstream's response, or the status inside a response with status 200. */
  readonly status?: number;
  /** The upstream's own error code. */
  readonly code?: string;
  /** How long to wait before the next request, in milliseconds, from 0 to 86,400,000. */
  readonly retryAfter?: number;
  /** The provider behind the model, if the upstream names it. */
  readonly provider?: string;
  /** The requests that were sent, in order, each with its failure. Empty if nothing was sent. */
  readonly attempts: Attempt[];
  /** The text that came before a stream broke. */
  readonly partial?: string;
  /** The report. Absent if an argument was wrong. */
  readonly failsoft?: Report;
  /** For `aborted`, the reason of the signal. For `network`, what `fetch` or the reader of the body threw. */
  readonly cause?: unknown;
}

/**
 * Why a request, or the whole call, failed.
 *
 * - `rateLimited`: too many requests for this model or with this key
 * - `inFlightBudget`: running requests hold the rest of the balance
 * - `serverError`: the upstream failed; the same request may work on a second try
 * - `unavailable`: the model is overloaded or down
 * - `network`: no connection was made, or the connection broke
 * - `badResponse`: the upstream reported success, but its body is not an answer
 * - `headersTimeout`: no response headers came in time
 * - `firstTokenTimeout`: no text, reasoning or tool call came in time
 * - `stalled`: the stream sent nothing more, or only keep-alive comments
 * - `timeout`: the call used all of its time
 * - `unknownModel`: no model has this id, or no longer
 * - `noEndpoint`: no provider serves this model for this request
 * - `contextLength`: the prompt and the output do not fit the model's context window
 * - `contentFilter`: a content filter stopped the request or the answer
 * - `unauthorized`: the upstream does not accept the key
 * - `paymentRequired`: the account or the key has no credit left
 * - `forbidden`: a permission, a guardrail or the region forbids this to the key
 * - `invalidRequest`: the request is not valid, whichever model receives it
 * - `cut`: the answer ended before it was complete
 * - `empty`: the answer is empty
 * - `reasoningOnly`: the answer has reasoning and nothing else
 * - `refusal`: the model declined to answer
 * - `length`: the answer reached the output limit
 * - `invalidJson`: the request asked for JSON, but the answer is not JSON
 * - `schemaMismatch`: the answer does not match the schema of the request
 * - `tooShort`: the answer is shorter than the policy requires
 * - `pattern`: the answer contains a text that the policy forbids
 * - `belowThreshold`: the judge scored the answer below the threshold
 * - `superseded`: another model answered first
 * - `tooExpensive`: every model of the chain may cost more than the policy allows
 * - `circuitOpen`: every model of the chain failed recently and has to rest
 * - `aborted`: the caller aborted the call
 * - `wasmUnavailable`: the WebAssembly could not be loaded
 *
 * A wrong option and a wrong use of this package's objects are `invalidRequest`, too. The page "Failures and policy" of the
 * documentation says which failures are followed by a retry, and which by another model.
 */
export type Kind =
  | 'rateLimited' | 'inFlightBudget' | 'serverError' | 'unavailable' | 'network' | 'badResponse'
  | 'headersTimeout' | 'firstTokenTimeout' | 'stalled' | 'timeout'
  | 'unknownModel' | 'noEndpoint' | 'contextLength' | 'contentFilter'
  | 'unauthorized' | 'paymentRequired' | 'forbidden' | 'invalidRequest'
  | 'cut' | 'empty' | 'reasoningOnly' | 'refusal' | 'length' | 'invalidJson' | 'schemaMismatch' | 'tooShort' | 'pattern'
  | 'belowThreshold' | 'superseded' | 'tooExpensive'
  | 'circuitOpen' | 'aborted' | 'wasmUnavailable';

/**
 * The options of a call: the fields of the chat request, and the options of this package. An unknown name is an error that
 * names the right spelling.
 */
export interface Options extends RequestFields {
  /**
   * The origin of your failsoft edge, such as `https://edge.example.com`; `/` is this page's own origin. The edge has the
   * provider's key. It gets the chain and the policy, and performs the fallback.
   */
  edge?: string;
  /** A client key of the edge. A provider's key is refused here. */
  token?: string;
  /**
   * The base URL of the upstream, without `/chat/completions`. A URL that begins with `/` is on this page's own origin.
   * @default 'https://openrouter.ai/api/v1'
   */
  baseURL?: string;
  /** The protocol of the upstream. @default 'openrouter' for openrouter.ai and its subdomains, otherwise 'openai' */
  dialect?: 'openrouter' | 'openai';
  /**
   * The key of the upstream, sent as `Authorization: Bearer`. OpenRouter needs one. In a page, a key that looks like a
   * provider's secret is refused, unless `dangerouslyAllowBrowser` is true.
   */
  apiKey?: string;
  /**
   * Several upstreams, in order: first all models of the first upstream, then those of the next. Cannot be used with `edge`,
   * `token`, `baseURL`, `apiKey` or `dialect`.
   */
  upstreams?: UpstreamOptions[];
  /** Allows a secret key in a page. Use this only for a key that belongs to the visitor. @default false */
  dangerouslyAllowBrowser?: boolean;
  /** More headers for each request. They replace headers of the client with the same names. */
  headers?: HeadersInit;
  /** Ends the call with a {@link ChatError} of the kind `aborted`, and closes the connection. */
  signal?: AbortSignal | null;
  /** When the call retries, falls back and gives up. */
  policy?: Policy;
  /** How your app appears in OpenRouter's dashboard and rankings. */
  app?: { url?: string; title?: string };
  /** The part of your app that makes the call, for the ledger of the edge. Sent as the header `x-feature`. */
  feature?: string;
  /** Sends the requests. @default globalThis.fetch */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /**
   * Called when a call has succeeded with another model than the first of the chain; for a stream, at its end. An error that
   * the callback throws goes to the console.
   */
  onFallback?: (info: Fallback) => void;
  /**
   * Called for each request that has ended, in order. A failed request is reported before the next one is sent. An error that
   * the callback throws goes to the console.
   */
  onAttempt?: (attempt: Attempt) => void;
  /**
   * Fields of the chat request that this package does not know. They are sent unchecked, and replace options with the same
   * names.
   */
  body?: Record<string, unknown>;
}

/** One of several upstreams. It has its own address and key; the other fields add to the options of the call. */
export interface UpstreamOptions {
  /** The base URL, without `/chat/completions`. @default 'https://openrouter.ai/api/v1' */
  baseURL?: string;
  /** The key, sent as `Authorization: Bearer`. OpenRouter needs one. */
  apiKey?: string;
  /** The protocol. @default 'openrouter' for openrouter.ai and its subdomains, otherwise 'openai' */
  dialect?: 'openrouter' | 'openai';
  /** More headers. They replace headers of the call with the same names. */
  headers?: HeadersInit;
  /** How your app appears in OpenRouter's dashboard and rankings. @default the option `app` of the call */
  app?: { url?: string; title?: string };
  /** The models that this upstream is asked for, in order: ids, or ids with model info. @default the `models` of the call */
  models?: (string | ModelInfo)[];
}

/** What is known about a model. OpenRouter publishes this itself; other upstreams do not. */
export interface ModelInfo {
  id: string;
  /** The size of the context window in tokens: prompt and answer together. From 1 to 1,000,000,000. */
  contextLength?: number;
  /** The most tokens of an answer. From 1 to 1,000,000,000. */
  maxOutput?: number;
  /** The price of a million prompt tokens in USD. From 0 to 1,000,000. */
  prompt?: number;
  /** The price of a million output tokens in USD. From 0 to 1,000,000. */
  completion?: number;
}

/** The fields of OpenAI's and OpenRouter's chat request, under the names that they have there. */
export interface RequestFields {
  /** One model. Ignored if the request also has `models`. */
  model?: string;
  /** The chain: the ids of the models, in order of preference. From 1 to 32. */
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

/**
 * When a call retries, falls back and gives up. Each edge serves the JSON Schema of a policy at `/schema/policy.schema.json`.
 * Times are whole numbers of milliseconds. An unknown field or a value out of range is an error that names the field.
 */
export interface Policy {
  /** The URL or path of the JSON Schema, for editors. The value has no effect. */
  $schema?: string;
  /** The most requests of a call: retries, fallbacks and judges together. From 1 to 32. @default 8 */
  attempts?: number;
  /** Four clocks. The first three run for each attempt, `total` runs for the whole call. */
  timeouts?: {
    /** From sending to the response headers; for streams and with `assemble` only. From 1 to 600,000. @default 30000 */
    headers?: number;
    /** From sending to the first text, reasoning or tool call. From 1 to 600,000. @default 60000 */
    firstToken?: number;
    /** Between two events of a stream. Keep-alive comments are not events. From 1 to 600,000. @default 30000 */
    idle?: number;
    /** The whole call. From 1 to 3,600,000. @default 600000 */
    total?: number;
  };
  /** How often the same model is asked again, and how long the call waits before that. */
  retry?: {
    /** The most times that the same model is asked again. From 0 to 10. @default 1 */
    same?: number;
    /**
     * The longest wait that a failure may ask for. If a failure asks for more, the next model takes over. From 0 to 60,000.
     * @default 2000
     */
    maxWait?: number;
    /** The longest first random pause. It doubles with each retry of a model. From 0 to 60,000. @default 500 */
    base?: number;
    /** The longest random pause of all. From 0 to 60,000. @default 5000 */
    cap?: number;
  };
  /** After a content filter or a moderation: the next model, or an error. @default 'next' */
  onContentFilter?: 'next' | 'fail';
  /** After an answer without content. @default 'retry' */
  empty?: Rule;
  /** After an answer that has reasoning and nothing else. Some models answer like this on purpose. @default 'retry' */
  reasoningOnly?: Rule;
  /** After an answer that begins like a refusal, or that has text in the field `refusal`. @default 'next' */
  refusal?: Rule<{
    /**
     * How refusals begin, in lower case and with straight quotes. An empty list stands for the built-in phrases of nine
     * languages. @default []
     */
    phrases?: string[];
  }>;
  /** After an answer that is not JSON, although the request asks for JSON. @default 'next' */
  invalidJson?: Rule<{
    /** Takes JSON out of a Markdown fence or out of the text around it. Has no effect on streams. @default false */
    repair?: boolean;
  }>;
  /** After JSON that does not match `response_format.json_schema` (OpenAI's strict subset). @default 'next' */
  schemaMismatch?: Rule;
  /** After an answer that reached the output limit. @default 'accept' */
  length?: Rule;
  /** After an answer that has fewer than `chars` characters. @default 'next' */
  tooShort?: Rule<{
    /** The fewest characters of an answer; 0 turns the rule off. From 0 to 100,000. @default 0 */
    chars?: number;
  }>;
  /** After an answer that contains one of `literals`. @default 'next' */
  pattern?: Rule<{
    /** Texts that no answer may contain. An empty list turns the rule off. @default [] */
    literals?: string[];
  }>;
  /**
   * Holds a stream until it has this many characters, so that rules can check its beginning. An error together with `buffer`
   * or `judge`. From 0 to 100,000. @default 0
   */
  holdChars?: number;
  /** Holds a stream until it is whole, so that every rule can check it. @default false */
  buffer?: boolean;
  /**
   * After a stream that breaks after its commit point. `continue`: a model continues the text; where no model can do that, as
   * `restart`. `restart`: a model answers again, and the stream goes on if that answer begins with the same text. `error`:
   * the stream ends with an error. Streams with tool calls or JSON always end with an error. @default 'continue'
   */
  recover?: 'continue' | 'restart' | 'error';
  /**
   * If the new answer does not begin with the same text, sends the chunk `{object: 'failsoft.restart', choices: []}`, and
   * then the new answer from its beginning. The reader must forget the text so far. @default false
   */
  restartEvent?: boolean;
  /** Asks a second model when the first is slow. The first of the two that answers wins. @default no second model */
  hedge?: {
    /**
     * Milliseconds without a first token after which the second model is asked, if `maxCostUsd` can pay for both. Must be
     * less than `timeouts.firstToken` and `timeouts.total`. From 1 to 600,000.
     */
    after: number;
  };
  /**
   * A model that scores every answer from 0 to 100. Below the threshold the next model answers. If no answer passes, the best
   * one is returned. Streams are held until they are whole. Each score is one of the call's `attempts`. @default no judge
   */
  judge?: {
    /** The id of the model that scores, on the upstream of the answer. */
    model: string;
    /** The lowest score that passes. From 1 to 100. @default 50 */
    threshold?: number;
    /** What the judge should look at, in words. @default 'Is it correct, complete and to the point?' */
    criteria?: string;
    /** The time for one score. From 1 to 600,000. @default 10000 */
    timeout?: number;
    /** After an answer below the threshold: the next model, or an error. @default 'next' */
    action?: 'next' | 'fail';
    /** Whether an answer passes that the judge could not score. @default 'accept' */
    onError?: 'accept' | 'reject';
    /** The most that one score may cost in USD, if the price is known. From 0 to 1,000,000. @default no limit */
    maxCostUsd?: number;
  };
  /**
   * The most that the call may cost in USD, all attempts and judges together. No request is sent that could exceed the limit,
   * and the output is shortened to fit. An attempt counts as the most that it can cost, until it is refused or reports its
   * cost. So set `max_tokens` too; otherwise, one lost answer leaves nothing for the next model. A model without a known
   * price is left out. From 0 to 1,000,000. @default no limit
   */
  maxCostUsd?: number;
  /** Leaves out models that cost more, in USD for a million tokens. */
  maxPrice?: {
    /** The highest price of a million prompt tokens. From 0 to 1,000,000. @default no limit */
    prompt?: number;
    /** The highest price of a million output tokens. From 0 to 1,000,000. @default no limit */
    completion?: number;
  };
  /**
   * Streams from the upstream also for `chat` and `chatWithFallback`, and assembles the completion. So a silent model is
   * noticed early, and an abort stops the bill. If false, `timeouts.total` is the only clock of these functions.
   * @default true
   */
  assemble?: boolean;
  /** When a client leaves out a model that keeps failing, and for how long. */
  breaker?: {
    /** The failures in a row after which a model is left out; 0 turns breakers off. From 0 to 100. @default 3 */
    failures?: number;
    /** Milliseconds until one call asks the model again. From 1 to 3,600,000. @default 20000 */
    cooldown?: number;
  };
}

/** A rule for answers: its action, or an object with the action and the rule's own fields. */
export type Rule<Fields = unknown> = Soft | ({ action?: Soft } & Fields);

/**
 * What follows after an answer that fails a rule. `retry` asks the same model once more, then the next. `next` asks the next
 * model. `fail` ends the call with an error. `accept` turns the rule off.
 *
 * If no answer passes every rule, the call returns the best one that has content, with `accepted: false` in its report.
 */
export type Soft = 'retry' | 'next' | 'fail' | 'accept';

/** What `onFallback` gets. */
export interface Fallback {
  /** The first model that was asked. */
  requested?: string;
  /** The model that answered. */
  model?: string;
  /** Why the first request failed. Absent if it did not fail: the first model was left out, or OpenRouter fell back. */
  cause?: Failure;
  /** The requests that were sent, in order. */
  attempts: Attempt[];
}

/** What happened in a call. */
export interface Report {
  /** The model that answered, as the answer names it. Absent until a model has answered. */
  model?: string;
  /** True if another model than the first of the chain answered. */
  fallback: boolean;
  /** True if the answer passed every rule. If false, it is the best of the answers that did not. */
  accepted: boolean;
  /** The requests that were sent, in order. */
  attempts: Attempt[];
  /** The models that left the chain, each with the reason as a sentence. */
  dropped?: { model: string; reason: string }[];
  /** What you should know about the call, in sentences. */
  warnings?: string[];
  /** The sum of the known costs of all requests, in USD. */
  cost?: number;
  /** The ids of generations that may have cost money and did not report how much. */
  unsettled?: string[];
}

/** One request to an upstream. */
export interface Attempt {
  /** The models that the request named, in order. OpenRouter tries up to three by itself. */
  models: string[];
  /** The model that answered, as the answer names it. */
  model?: string;
  /** The provider behind the model. */
  provider?: string;
  /** True if the answer names a model that the request did not name. Otherwise absent, like `judge` and `hedge`. */
  unmatched?: boolean;
  /** True if the request scored the answer of another request. */
  judge?: boolean;
  /** The score, from 0 to 100, if this is the request of a judge that gave one. */
  score?: number;
  /** Present if the request went on with the answer of a stream that broke. */
  recovery?: 'continue' | 'restart';
  /** True if the request was sent beside another one that was slow. */
  hedge?: boolean;
  /** Why the request failed. Absent if its answer passed. */
  failure?: Failure;
  /** What OpenRouter tried inside this request, if OpenRouter reports that. */
  inside?: { provider?: string; model?: string; status?: number }[];
  /** When the request was sent, in milliseconds since the call began. */
  started: number;
  /** Milliseconds from sending to the first text, reasoning or tool call. */
  firstToken?: number;
  /** Milliseconds from sending to the end of the request. Absent while the request runs. */
  duration?: number;
  /** OpenRouter's id of the generation. */
  generationId?: string;
  /** The tokens of the prompt, as the upstream counted them. */
  promptTokens?: number;
  /** The tokens of the answer, as the upstream counted them. */
  completionTokens?: number;
  /** The cost in USD, as the upstream reported it. */
  cost?: number;
}

/** Why one request failed. */
export interface Failure {
  /** Which failure this is. */
  kind: Kind;
  /** The HTTP status of the response, or the status inside a response with status 200. */
  status?: number;
  /** The upstream's own error code. */
  code?: string;
  /** The upstream's message, or a sentence of this package. The message may quote the request. */
  message: string;
  /** How long to wait before the next request, in milliseconds, from 0 to 86,400,000. */
  retryAfter?: number;
  /** The provider behind the model, if the upstream names it. */
  provider?: string;
}

/** A message of a chat request, as OpenAI defines it. A message of the openai package's types fits, too. */
export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | (string & {});
  content?: string | ContentPart[] | null;
  name?: string;
  tool_calls?: (ToolCall | CustomToolCall)[];
  tool_call_id?: string;
  // With `unknown`, TypeScript would refuse the interfaces of other packages, which have no index signature.
  [field: string]: any;
}

/** A part of a message: text, an image, a file or audio. */
export interface ContentPart {
  type: string;
  text?: string;
  [field: string]: any;
}

/** A call of a function that the request offers in `tools`. */
export interface ToolCall {
  id: string;
  type: 'function';
  /** `arguments` is JSON text. A model may write JSON that is not valid. */
  function: { name: string; arguments: string };
}

/** A call of one of OpenAI's custom tools. */
export interface CustomToolCall {
  id: string;
  type: 'custom';
  custom: { name: string; input: string };
}

/** Why a model stopped. Words of other providers are translated to these; `native_finish_reason` keeps the original word. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' | 'error';

/** OpenAI's completion object, with a report. */
export interface ChatCompletion {
  id?: string;
  object: 'chat.completion';
  /** When the completion was made, in seconds of the UNIX epoch. */
  created?: number;
  /** The model that answered. */
  model: string;
  /** The provider behind the model, as OpenRouter names it. */
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
  /** What happened in the call. */
  failsoft: Report;
  [field: string]: unknown;
}

/** OpenAI's chunk object. */
export interface ChatCompletionChunk {
  id?: string;
  /** `failsoft.restart` only with `policy.restartEvent`: the reader must forget the text so far. */
  object?: 'chat.completion.chunk' | 'failsoft.restart';
  /** When the completion was made, in seconds of the UNIX epoch. */
  created?: number;
  model?: string;
  /** The provider behind the model, as OpenRouter names it. */
  provider?: string;
  /** Empty in the chunk with the usage, so read `choices[0]?.delta.content`. */
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

/** The token counts of an answer. */
export interface Usage {
  /** The tokens of the prompt. */
  prompt_tokens: number;
  /** The tokens of the answer, with its reasoning. */
  completion_tokens: number;
  /** The sum of both. */
  total_tokens: number;
  /** The cost in USD, if the upstream reports it. */
  cost?: number;
  [field: string]: unknown;
}
