import type { Kind } from './error.js';

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
  /** `'hit'` if an edge gave a stored answer, for which nothing was sent. */
  cache?: 'hit';
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
  /**
   * What the request left out of the conversation, because only another vendor can read it: in a report of the edge. `what` is
   * the type of an item of `reasoning_details`, or `reasoning`, `reasoning_content`, `thinking_blocks` or `thought_signature`;
   * `issuer` is the item's `format`, such as `anthropic-claude-v1`, or `unknown`; `count` is the number of items.
   */
  stripped?: { what: string; issuer: string; count: number }[];
  /**
   * The prompt was not read from the cache of the model that answered the conversation before: in a report of the edge. `tokens`
   * of the prompt are in that cache; `cost` is what they cost more in USD than tokens from a cache, at the prices of the model that
   * answered, if these are known.
   */
  lostCache?: { tokens: number; cost?: number };
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
  /** The cost in USD: as the upstream reported it, else computed from the tokens and the prices in the options. */
  cost?: number;
  /**
   * `cost` was computed from the tokens: the upstream reported no cost or, in a report of the edge, less than the prices in its
   * configuration say. Absent otherwise.
   */
  costComputed?: true;
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
