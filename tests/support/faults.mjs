// The result of each fault of the emulator when it is the first model of a chain, the second model is healthy, and each model
// is requested separately. The table is the contract for both the page and the edge.
//
//   kind      why the first attempt failed; null if it did not fail
//   again     how often the same model is tried again
//   then      'next': the second model answers · 'fine': the first one does · 'final': the caller gets the error
//   streamed  the differences for a stream: 'broken' is an error after the reader received text,
//             with the policy `recover: "error"`
//   whole     the differences for an answer that the upstream sends in one piece: the policy `assemble: false`, or the
//             lanes relay and lean
//   text      for 'fine': the text of the answer as a function of the healthy answer's text, where it differs

/** Timeouts that are short enough for a test, and long enough for a busy machine. */
export const TIMEOUTS = { headers: 3000, firstToken: 4000, idle: 3000 };

const http = (fault, kind, again, then = 'next') => ({ fault, kind, again, then });
const broken = (fault, kind, again = 0, whole = {}) => ({
  fault,
  kind,
  again,
  then: 'next',
  streamed: { kind, again: 0, then: 'broken' },
  whole,
});
const words = (text) => text.split(/(?=\s)/);
const fine = (fault, more = {}) => ({ fault, kind: null, again: 0, then: 'fine', ...more });

/** A body in one piece that is cut short: the connection or the JSON shows the cut. */
const cutShort = { kind: /^(network|badResponse)$/, again: 1, then: 'next' };

export const FAULTS = [
  http('rate-limited', 'rateLimited', 0),
  http('rate-limited-1', 'rateLimited', 1),
  http('rate-limited-30', 'rateLimited', 0),
  http('rate-limited-legacy-1', 'rateLimited', 1),
  http('rate-limited-date-1', 'rateLimited', 1),
  http('rate-limited-once', 'rateLimited', 1, 'fine'),
  http('in-flight-budget', 'inFlightBudget', 1),
  http('no-credits', 'paymentRequired', 0, 'final'),
  http('key-limit', 'paymentRequired', 0, 'final'),
  http('guardrail', 'forbidden', 0, 'final'),
  http('unauthorized', 'unauthorized', 0, 'final'),
  http('bad-request', 'invalidRequest', 0, 'final'),
  http('precondition', 'invalidRequest', 0, 'final'),
  http('too-large', 'invalidRequest', 0, 'final'),
  http('unprocessable', 'invalidRequest', 0, 'final'),
  http('moderation', 'contentFilter', 0),
  http('content-policy', 'contentFilter', 0),
  http('context-length', 'contextLength', 0),
  http('not-found', 'noEndpoint', 0),
  http('deprecated', 'unknownModel', 0),
  http('unknown-model', 'unknownModel', 0),
  http('timeout-408', 'serverError', 1),
  http('server-error', 'serverError', 1),
  http('server-error-once', 'serverError', 1, 'fine'),
  http('bad-gateway', 'serverError', 1),
  http('bad-gateway-page', 'serverError', 1),
  http('cloudflare-524', 'serverError', 1),
  http('string-code', 'serverError', 1),
  http('unavailable', 'unavailable', 0),
  http('unavailable-not-retryable', 'noEndpoint', 0),
  http('gateway-timeout', 'unavailable', 0),
  http('overloaded', 'unavailable', 0),
  http('challenge-page', 'unavailable', 0),
  http('quoted-no-money', 'paymentRequired', 0, 'final'),
  http('quoted-bad-key', 'unauthorized', 0, 'final'),
  http('quoted-model-asks', 'noEndpoint', 0),
  http('quoted-broken-call', 'serverError', 1),
  http('quoted-not-loaded', 'unavailable', 0),
  http('quoted-safety', 'contentFilter', 0),
  http('reset', 'network', 1),
  http('reset-after-headers', /^(network|cut)$/, 1),
  http('malformed-body', 'badResponse', 1),
  http('empty', 'empty', 1),
  http('empty-once', 'empty', 1, 'fine'),
  http('whitespace', 'empty', 1),
  http('reasoning-only', 'reasoningOnly', 1),
  http('refusal', 'refusal', 0),
  http('refusal-text', 'refusal', 0),
  http('content-filter', 'contentFilter', 0),
  http('slow-headers', 'headersTimeout', 0),
  // An answer in one piece has its head when it is written. Of a body, the edge sees only the end.
  { ...http('slow-first-token', 'firstTokenTimeout', 0), whole: { kind: 'headersTimeout' } },
  { ...http('comments-only', 'firstTokenTimeout', 0), whole: { kind: 'headersTimeout' } },
  broken('stall-3', 'stalled', 0, { kind: 'firstTokenTimeout' }),
  broken('stall-comments-3', 'stalled', 0, { kind: 'firstTokenTimeout' }),
  broken('reset-mid-body-1500', /^(network|cut)$/, 1, { ...cutShort, fault: 'reset-mid-body-40' }),
  broken('cut-1500', 'cut', 1, { ...cutShort, fault: 'cut-40' }),
  broken('cut-hard-1500', /^(network|cut)$/, 1, { ...cutShort, fault: 'cut-hard-40' }),
  broken('cut-mid-event', 'cut', 1, cutShort),
  broken('cut-mid-character', 'cut', 1, cutShort),
  broken('error-mid-stream', 'serverError', 1),
  broken('error-mid-stream-empty-choices', 'serverError', 1),
  broken('error-in-choice', 'serverError', 1),
  http('error-first', 'serverError', 1),
  http('error-in-200', 'serverError', 1),
  fine('cut-after-finish'),
  fine('missing-done'),
  fine('drip'),
  // Each word fills a chunk of 65 KiB.
  fine('large-events', { text: (healthy) => words(healthy).map((word) => word.repeat(Math.ceil(66_560 / Buffer.byteLength(word)))).join('') }),
  fine('crlf'),
  fine('cr'),
  fine('bom'),
  fine('multi-line-data'),
  fine('length', { text: (healthy) => words(healthy).slice(0, 10).join('') }),
  fine('sse-when-json'),
  fine('json-when-stream'),
  fine('no-model-field'),
  fine('no-cost'),
  fine('model-alias'),
  // The streams of vendors, which send the healthy answer if it is in one piece.
  fine('finish-always'),
  fine('finish-empty'),
  fine('finish-in-capitals'),
  fine('finish-twice'),
  broken('finish-abort', 'serverError', 1, { kind: null, again: 0, then: 'fine' }),
  broken('no-finish', 'cut', 1, { kind: null, again: 0, then: 'fine' }),
  fine('content-parts'),
  fine('growing-message'),
  { ...http('error-by-name', 'serverError', 1), whole: { kind: null, again: 0, then: 'fine' } },
  fine('one-line-feed'),
  fine('no-space'),
  fine('named-events'),
  fine('called-json'),
  fine('malformed-chunk', { text: (healthy) => words(healthy).toSpliced(10, 1).join(''), warning: /unreadable event/, whole: { kind: 'badResponse', again: 1, then: 'next' } }),
];

/** The expectation of a row: as it is, for a stream ('streamed'), or for an answer that the upstream sends in one piece ('whole'). */
export function expectation({ fault, kind, again, then, text, warning, ...differences }, how) {
  return { fault, kind, again, then, text, warning, ...differences[how] };
}

/** Whether `actual` is the kind that a row expects. */
export function isKind(actual, expected) {
  return expected instanceof RegExp ? expected.test(actual) : actual === expected;
}
