import type { Attempt, Report } from './report.js';

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
