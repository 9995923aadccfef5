import type { ResponseFormat } from './format.js';
import type { Policy } from './policy.js';
import type { Attempt, Fallback } from './report.js';
import type { RequestFields } from './request.js';
import type { FetchInit, HeadersOf } from './web.js';

/**
 * The options of a call: the fields of the chat request, and the options of this package.
 *
 * `Format` is the type of `response_format`, from which the type of `message.parsed` follows.
 * @throws {ChatError} `invalidRequest`, which names the wrong option, and the right spelling of an unknown one. The promise of the
 * call rejects with it.
 */
export interface Options<Format = ResponseFormat | undefined> extends RequestFields<Format> {
  /**
   * The origin of your failsoft edge, such as `https://edge.example.com`; `/` is this page's own origin. The edge has the
   * provider's key. It gets the chain and the policy, and performs the fallback.
   * @throws {ChatError} `invalidRequest` beside `baseURL`, `apiKey`, `dialect` or `upstreams`.
   * @default no edge: the package itself falls back
   * @example 'https://edge.example.com'
   */
  edge?: string;
  /**
   * A client key of the edge, or a session or a token of your users.
   * @throws {ChatError} `invalidRequest` for a provider's key, and without `edge`.
   * @default none
   * @example 'fs_web_example'
   */
  token?: string;
  /**
   * The base URL of the upstream, without `/chat/completions`. A query stays, such as Azure's `api-version`. A URL that
   * begins with `/` is on this page's own origin.
   * @throws {ChatError} `invalidRequest` for what is no URL.
   * @default 'https://openrouter.ai/api/v1'
   * @example 'https://api.openai.com/v1'
   */
  baseURL?: string;
  /**
   * The protocol of the upstream.
   * @default 'openrouter' for openrouter.ai and its subdomains, otherwise 'openai'
   * @example 'openai'
   */
  dialect?: 'openrouter' | 'openai';
  /**
   * The key of the upstream, sent as `Authorization: Bearer`. OpenRouter needs one.
   * @throws {ChatError} `invalidRequest` in a page, for what looks like a provider's secret, unless
   * `dangerouslyAllowBrowser`.
   * @default none
   * @example process.env.OPENROUTER_API_KEY
   */
  apiKey?: string;
  /**
   * Several upstreams, in order: first all models of the first upstream, then those of the next.
   * @throws {ChatError} `invalidRequest` beside `edge`, `token`, `baseURL`, `apiKey` or `dialect`.
   * @default one upstream, as `baseURL` and `apiKey` say
   * @example [{ apiKey: openrouterKey, models: ['openai/gpt-4o'] }, { baseURL: 'https://api.openai.com/v1', apiKey:
   * openaiKey, models: ['gpt-4o'] }]
   */
  upstreams?: readonly UpstreamOptions[];
  /**
   * Allows a secret key in a page. Use this only for a key that belongs to the visitor.
   * @default false
   * @example true
   */
  dangerouslyAllowBrowser?: boolean;
  /**
   * More headers for each request. They replace headers of the client with the same names.
   * @throws {ChatError} `invalidRequest` for what HTTP cannot carry.
   * @default none
   * @example { 'x-team': 'support' }
   */
  headers?: HeadersOf;
  /**
   * Ends the call with a `ChatError` of the kind `aborted`, and closes the connection.
   * @default none
   * @example AbortSignal.timeout(20_000)
   */
  signal?: AbortSignal | null;
  /**
   * When the call retries, falls back and gives up.
   * @throws {ChatError} `invalidRequest` for an unknown field, and for a value out of range.
   * @default the defaults of {@link Policy}
   * @example { timeouts: { firstToken: 8_000 }, maxCostUsd: 0.05 }
   */
  policy?: Policy;
  /**
   * How your app appears in OpenRouter's dashboard and rankings.
   * @default no name
   * @example { url: 'https://app.example.com', title: 'My app' }
   */
  app?: { url?: string; title?: string };
  /**
   * The part of your app that makes the call, for the ledger of the edge. Sent as the header `x-feature`.
   * @default none
   * @example 'help-page'
   */
  feature?: string;
  /**
   * Sends the requests. `createFaultyFetch` of `failsoft/testing` gives one that needs no network.
   * @default globalThis.fetch
   * @example (url, init) => fetch(url, { ...init, cache: 'no-store' })
   */
  fetch?: (url: string, init: FetchInit) => Promise<Response>;
  /**
   * Called when a call has succeeded with another model than the first of the chain; for a stream, at its end. An error that
   * the callback throws goes to the console.
   * @default none
   * @example ({ requested, model, cause }) => console.warn(`${model} answered for ${requested}: ${cause?.kind}`)
   */
  onFallback?: (info: Fallback) => void;
  /**
   * Called for each request that has ended, in order. A failed request is reported before the next one is sent. An error that
   * the callback throws goes to the console.
   * @default none
   * @example ({ models, failure, duration }) => console.log(models, failure?.kind ?? 'answered', duration)
   */
  onAttempt?: (attempt: Attempt) => void;
  /**
   * Fields of the chat request that this package does not know. They are sent unchecked, and replace options with the same
   * names.
   * @throws {ChatError} `invalidRequest` for what JSON cannot carry.
   * @default none
   * @example { a_new_field: true }
   */
  body?: Record<string, unknown>;
}

/**
 * One of several upstreams. It has its own address and key; the other fields add to the options of the call.
 * @throws {ChatError} `invalidRequest`, which names the wrong field, such as `upstreams[1].baseURL`.
 */
export interface UpstreamOptions {
  /**
   * The base URL, without `/chat/completions`. A query stays.
   * @default 'https://openrouter.ai/api/v1'
   * @example 'https://api.openai.com/v1'
   */
  baseURL?: string;
  /**
   * The key, sent as `Authorization: Bearer`. OpenRouter needs one.
   * @default none
   * @example process.env.OPENAI_API_KEY
   */
  apiKey?: string;
  /**
   * The protocol.
   * @default 'openrouter' for openrouter.ai and its subdomains, otherwise 'openai'
   * @example 'openai'
   */
  dialect?: 'openrouter' | 'openai';
  /**
   * More headers. They replace headers of the call with the same names.
   * @default none
   * @example { 'x-team': 'support' }
   */
  headers?: HeadersOf;
  /**
   * How your app appears in OpenRouter's dashboard and rankings.
   * @default the option `app` of the call
   * @example { title: 'My app' }
   */
  app?: { url?: string; title?: string };
  /**
   * The models that this upstream is asked for, in order: ids, or ids with model info.
   * @default the `models` of the call
   * @example ['gpt-4o', { id: 'gpt-4o-mini', contextLength: 128_000 }]
   */
  models?: readonly (string | ModelInfo)[];
}

/**
 * What is known about a model. OpenRouter publishes this itself; other upstreams do not.
 * @throws {ChatError} `invalidRequest`, which names the wrong field, also for a number out of range.
 */
export interface ModelInfo {
  /** The id of the model at this upstream. @example 'gpt-4o' */
  id: string;
  /**
   * The size of the context window in tokens: prompt and answer together. From 1 to 1,000,000,000.
   * @default not known
   * @example 128_000
   */
  contextLength?: number;
  /**
   * The most tokens of an answer. From 1 to 1,000,000,000.
   * @default not known
   * @example 16_384
   */
  maxOutput?: number;
  /**
   * The most tokens that the model reasons in one answer, beside the answer. Only an edge uses this, for an upstream that
   * bills reasoning beyond the output limit. From 1 to 1,000,000,000.
   * @default not known
   * @example 32_000
   */
  maxReasoning?: number;
  /**
   * The price of a million prompt tokens in USD. From 0 to 1,000,000.
   * @default not known
   * @example 2.5
   */
  prompt?: number;
  /**
   * The price of a million output tokens in USD. From 0 to 1,000,000.
   * @default not known
   * @example 10
   */
  completion?: number;
  /**
   * The price of a million prompt tokens in USD that come from a cache. From 0 to 1,000,000.
   * @default the value of `prompt`
   * @example 1.25
   */
  cachedPrompt?: number;
  /**
   * The price of a million prompt tokens in USD that are written to a cache. Only an edge uses this. From 0 to 1,000,000.
   * @default the value of `prompt`
   * @example 3.75
   */
  cacheWrite?: number;
  /**
   * The same for a cache that lives an hour. Only an edge uses this. From 0 to 1,000,000.
   * @default the value of `cacheWrite`
   * @example 6
   */
  cacheWriteHour?: number;
  /**
   * The price of a million reasoning tokens in USD. From 0 to 1,000,000.
   * @default the value of `completion`
   * @example 10
   */
  reasoning?: number;
}
