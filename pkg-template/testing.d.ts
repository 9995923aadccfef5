import type { FetchInit } from './web.js';

/**
 * A model's fault. `network`: no connection. `empty`, `refusal`, `notJson`, `length`: an answer that is none. `cut`: the stream
 * ends in the middle. `errorInStream`: an error in the middle. `silent`, `stalled`: nothing more comes, from the start or from
 * the middle. The others are errors with their status. `none` is an answer.
 */
export type Fault =
  | 'none' | 'rateLimited' | 'serverError' | 'unavailable' | 'unknownModel' | 'unauthorized' | 'paymentRequired' | 'contextLength'
  | 'contentFilter' | 'network' | 'empty' | 'refusal' | 'notJson' | 'length' | 'cut' | 'errorInStream' | 'silent' | 'stalled';

/** The names of all faults, without `none`. */
export const FAULTS: readonly Fault[];

/**
 * What the models of {@link createFaultyFetch} do.
 * @throws {TypeError} for a fault that does not exist.
 */
export interface FaultyFetchOptions {
  /**
   * The fault of each model: always the same, or those of a list in turn and then answers. A model that is not named answers.
   * @default no faults
   * @example { 'a/first': 'unavailable', 'b/second': ['cut', 'none'] }
   */
  faults?: Readonly<Record<string, Fault | readonly Fault[]>>;
  /**
   * The text that a model answers to the last message of the user.
   * @default `MODEL says: PROMPT`
   * @example () => '{"city":"Oslo"}'
   */
  reply?: (prompt: string, model: string) => string;
  /**
   * The milliseconds before each piece of a stream. From 0.
   * @default 0
   * @example 50
   */
  delay?: number;
}

/** A request that the models got. */
export interface FaultyRequest {
  url: string;
  /** The headers, with names in lower case. */
  headers: Record<string, string>;
  /** The body of the chat request. */
  body: { model?: string; models?: string[]; stream?: boolean; messages?: unknown[]; [field: string]: unknown };
}

/** A `fetch` behind which models answer or fail. */
export interface FaultyFetch {
  (url: string, init?: FetchInit): Promise<Response>;
  /** The chat requests so far, in order. */
  readonly requests: FaultyRequest[];
}

/**
 * Makes a `fetch` behind which models answer or fail as you say: to try failsoft without a key, a network and an edge, and to
 * test what your app does when models fail.
 * @throws {TypeError} for a fault that does not exist.
 * @example
 * const fetch = createFaultyFetch({ faults: { 'a/first': 'unavailable' } });
 * const ai = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/first', 'b/second'] });
 * (await ai.chatWithFallback([{ role: 'user', content: 'Hello!' }])).model; // 'b/second'
 */
export function createFaultyFetch(options?: FaultyFetchOptions): FaultyFetch;
