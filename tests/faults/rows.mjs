// The table of `cargo xtask faults`: the first model of a chain has the fault, the second one is healthy, and every setting has its
// default. Each call is answered, or fails with the right kind, within a time.
//
//   fault    the first model is `fault/NAME`
//   what     the fault in words
//   kind     why the first attempt failed; null if it did not fail
//   asks     what the request asks for: 'words', 'json' or 'tool'
//   fails    where the call fails, and with which status: { page, edge } for a call that no model answers, or 'reading' for a
//            stream that ends with an error after its beginning
//   asItCame the text of an answer that nobody judges: a rule for whole answers does not see a stream that does not wait
//   whole, streamed    differences for an answer in one piece, and for a stream
//   refused  the model answers with an HTTP error: with the dialect `openrouter`, one request names both models, and OpenRouter
//            asks the second one by itself
//   silent   nothing arrives: another model has to begin within SILENT_MS
//   long     the row takes more than 15 s, so only a long run of the tests has it

export const DIALECTS = ['openai', 'openrouter'];

/** The second model of the chain. It has the words of every other model, and starts over when it should continue a text. */
export const SECOND = 'openai/gpt-4o';

/** The longest time of a call, and the longest time until the first text when the first model is silent, in milliseconds. */
export const LONGEST_MS = 45_000;
export const SILENT_MS = 15_000;
/** Who calls gives up after this time, in milliseconds. */
export const GIVE_UP_MS = 50_000;

const row = (fault, what, kind, more = {}) => ({ fault, what, kind, asks: 'words', ...more });
const refused = (fault, what, kind, more) => row(fault, what, kind, { ...more, refused: true });

export const ROWS = [
  refused('rate-limited-30', '429 that names a wait of 30 s', 'rateLimited'),
  refused('in-flight-budget', '402 that passes by itself', 'inFlightBudget'),
  refused('no-credits', '402: no credits left', 'paymentRequired', { fails: { page: 402, edge: 503 } }),
  refused('unauthorized', '401: the key is refused', 'unauthorized', { fails: { page: 401, edge: 502 } }),
  refused('moderation', '403: moderation', 'contentFilter'),
  refused('not-found', '404: no provider for the model', 'noEndpoint'),
  refused('context-length', '400: the prompt is too long', 'contextLength'),
  refused('server-error', '500', 'serverError'),
  refused('bad-gateway-page', '502 with an HTML page', 'serverError'),
  refused('unavailable', '503', 'unavailable'),
  refused('overloaded', '529', 'unavailable'),
  row('slow-headers', 'no headers', /^(headersTimeout|firstTokenTimeout)$/, { silent: true }),
  row('comments-only', 'keep-alive comments, no token', 'firstTokenTimeout', { silent: true }),
  row('stall-3', 'silence after three words', 'stalled', { long: true }),
  row('reset', 'reset before the answer', 'network'),
  row('reset-mid-body', 'reset in the middle', /^(network|cut|badResponse)$/),
  row('cut', 'the end without a finish reason', /^(network|cut|badResponse)$/),
  row('empty', 'an empty answer', 'empty'),
  row('refusal-text', 'a refusal', 'refusal'),
  row('bad-json', 'broken JSON, JSON was asked for', 'invalidJson', { asks: 'json', streamed: { kind: null, asItCame: '{"answer": "unfin' } }),
  row('malformed-chunk', 'a hole in a tool call', 'badResponse', { asks: 'tool', streamed: { fails: 'reading' } }),
  row('error-mid-stream', 'an error event in the middle', 'serverError'),
  row('error-in-200', 'a 200 with an error body', 'serverError'),
  row('drip', 'a byte at a time, for 20 s', null, { asks: 'slow words', long: true }),
];

const TOOL = { type: 'function', function: { name: 'search', parameters: { type: 'object', properties: { query: { type: 'string' } } } } };
const prompt = (content, more) => ({ messages: [{ role: 'user', content }], ...more });
const REQUESTS = {
  words: prompt('words:40'),
  'slow words': prompt('words:20 pace:1000'),
  json: prompt('words:40', { response_format: { type: 'json_object' } }),
  tool: prompt('use the tool', { tools: [TOOL] }),
};

/** The row as it is for a stream, or for an answer in one piece. */
const inForm = ({ whole, streamed, ...row }, isStreamed) => ({ ...row, ...(isStreamed ? streamed : whole) });

/** A cell of the table: a row in one place (`page` or `edge`), streamed or not, with a dialect of the upstream; and its request. */
export const cell = (row, place, isStreamed, dialect) => ({
  ...inForm(row, isStreamed),
  ...(row.refused && dialect === 'openrouter' ? { kind: null, fails: undefined } : {}),
  place,
  isStreamed,
  dialect,
  request: { ...REQUESTS[row.asks], models: [`fault/${row.fault}`, SECOND] },
});

const CONTENTS = { words: 40, 'slow words': 20 };
/** The n-th word of the emulator's answer to `words:N`. */
const word = (n) => ({ 4: 'héllo', 7: '日本語', 0: '🦀' })[n % 10] ?? `word${n}`;
const words = (count) => Array.from({ length: count }, (_, at) => word(at + 1)).join(' ');

function isAnswer({ asks, asItCame }, { text, calls }) {
  if (asItCame) return text === asItCame;
  if (asks === 'tool') return calls?.length === 1 && calls[0].name === 'search' && JSON.parse(calls[0].arguments).query === 'what was asked for';
  if (asks === 'json') return text === JSON.stringify({ answer: words(40) }).replace('":"', '": "');
  return text === words(CONTENTS[asks]);
}

const isKind = (actual, expected) => (expected instanceof RegExp ? expected.test(actual) : (actual ?? null) === expected);

/**
 * What is wrong with a cell: sentences. `seen` is what the caller saw:
 *
 * - `text`, and `calls` as `{ name, arguments }`: what arrived;
 * - `error`: how the call failed, as `{ kind, status }`; `isReading` if text had arrived before;
 * - `attempts`: those of the report;
 * - `firstMs`, `ms`: the milliseconds until the first text or tool call, and until the end.
 */
export function problems({ kind, fails, silent, place, isStreamed, ...cell }, seen) {
  const found = [];
  const { error, attempts, ms, firstMs } = seen;
  if (!(ms <= LONGEST_MS)) found.push(`it took ${ms} ms`);
  if (silent && !((isStreamed ? firstMs : ms) <= SILENT_MS)) found.push(`the first word came after ${isStreamed ? firstMs : ms} ms`);
  const first = attempts?.[0]?.failure?.kind;
  if (!isKind(first, kind)) found.push(`the first attempt ended with ${first ?? 'no failure'}, not ${kind}`);
  if (!fails && error) found.push(`the call failed: ${JSON.stringify(error)}`);
  if (!fails && !error && !isAnswer(cell, seen)) found.push(`this is not the answer: ${JSON.stringify(seen.text || seen.calls)}`);
  if (fails && !error) found.push('the call did not fail');
  if (fails && error && !isKind(error.kind, kind)) found.push(`the call failed with ${error.kind}, not ${kind}`);
  if (fails === 'reading' && error && !seen.isReading) found.push('the call failed before its first word');
  if (fails?.[place] && error?.status !== fails[place]) found.push(`the status is ${error?.status}, not ${fails[place]}`);
  return found;
}
