import type { Policy } from './policy.js';
import type { Attempt, Fallback } from './report.js';

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
   * The base URL of the upstream, without `/chat/completions`. A query stays, such as Azure's `api-version`. A URL that begins
   * with `/` is on this page's own origin.
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
  /** Ends the call with a `ChatError` of the kind `aborted`, and closes the connection. */
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
  /** The base URL, without `/chat/completions`. A query stays. @default 'https://openrouter.ai/api/v1' */
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
  /**
   * The most tokens that the model reasons in one answer, beside the answer. Only an edge uses this, for an upstream that bills
   * reasoning beyond the output limit. From 1 to 1,000,000,000.
   */
  maxReasoning?: number;
  /** The price of a million prompt tokens in USD. From 0 to 1,000,000. */
  prompt?: number;
  /** The price of a million output tokens in USD. From 0 to 1,000,000. */
  completion?: number;
  /** The price of a million prompt tokens in USD that come from a cache. From 0 to 1,000,000. @default the value of `prompt` */
  cachedPrompt?: number;
  /** The price of a million reasoning tokens in USD. From 0 to 1,000,000. @default the value of `completion` */
  reasoning?: number;
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
