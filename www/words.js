// Texts for what a report contains.

/** For each kind of failure: what happened, and what the visitor can do if no model answered. */
const KINDS = {
  rateLimited: ['Rate-limited', 'Wait a little, or add a model of another provider.'],
  inFlightBudget: ['Balance held by running requests', 'Wait until they end, or set max_tokens so that each of them holds less.'],
  serverError: ['Server error', 'This often passes: send again, or add a model to the chain.'],
  unavailable: ['Overloaded or down', 'Add a model of another provider.'],
  network: ['Connection lost', 'Check that the edge and its upstream are running and can be reached.'],
  badResponse: ['Answer was unreadable', 'Send again, or add a model to the chain.'],
  headersTimeout: ['No response in time', 'Add a model to the chain, or allow more time: policy.timeouts.headers.'],
  firstTokenTimeout: ['No text in time', 'Add a model to the chain, or allow more time: policy.timeouts.firstToken.'],
  stalled: ['Went silent', 'Send again, or allow longer silence: policy.timeouts.idle.'],
  timeout: ['Call ran out of time', 'Allow more time: policy.timeouts.total.'],
  unknownModel: ['No such model', 'Check the spelling; the warnings below may name the right id.'],
  noEndpoint: ['No provider serves this model', 'Remove it from the chain, or add another model.'],
  contextLength: ['Prompt too long', 'Shorten the message, or add a model with a larger context window.'],
  contentFilter: ['Stopped by a content filter', 'Rephrase the message, or add another model.'],
  unauthorized: ['Key not accepted', 'Check the key: the edge’s own in its configuration, or the client key of this page.'],
  paymentRequired: ['No credit left', 'Top up the account that the edge pays with, or add a model on another upstream.'],
  forbidden: ['Not allowed', 'Check the permissions and limits of the key.'],
  invalidRequest: ['Invalid request', 'Correct the request as the message says; every other model would refuse it, too.'],
  cut: ['Cut off', 'The text so far is kept. Send again for a complete answer.'],
  empty: ['Empty answer', 'Add a model to the chain.'],
  reasoningOnly: ['Reasoned, but did not answer', 'Raise max_tokens, or add a model to the chain.'],
  refusal: ['Declined to answer', 'Rephrase the message, or add another model.'],
  length: ['Hit the output limit', 'Raise max_tokens, or ask for a shorter answer.'],
  invalidJson: ['Answered with invalid JSON', 'Add another model, or a stricter response_format.'],
  schemaMismatch: ['Answer does not match the schema', 'Add another model, or check the schema in response_format.'],
  tooShort: ['Answer too short', 'Ask for more, or lower policy.tooShort.chars.'],
  pattern: ['Contains a forbidden text', 'Rephrase the message, or check policy.pattern.literals.'],
  belowThreshold: ['Scored too low by the judge', 'Add another model, or lower policy.judge.threshold.'],
  superseded: ['Another model was faster', 'Nothing: the answer came from the other model.'],
  tooExpensive: ['May cost more than allowed', 'Shorten the message, set max_tokens, or raise policy.maxCostUsd or policy.maxPrice.'],
  circuitOpen: ['Every model is skipped', 'Each of them failed recently and is not asked for a while. Wait, or add another model.'],
  aborted: ['Stopped', 'Send again when you like.'],
  wasmUnavailable: ['WebAssembly did not load', 'Reload the page; check that its content security policy allows WebAssembly.'],
};
// The name of `superseded` in reports of older versions.
KINDS.outrun = KINDS.superseded;

/** For statuses that OpenRouter reports of the models inside one request. */
const STATUSES = {
  400: 'request refused', 401: 'key not accepted', 402: 'no credit', 403: 'not allowed', 404: 'not found', 408: 'timed out',
  413: 'too large', 429: 'rate-limited', 500: 'server error', 502: 'bad gateway', 503: 'unavailable', 504: 'timed out',
  524: 'timed out', 529: 'overloaded',
};

export const whatHappened = (kind) => KINDS[kind]?.[0] ?? 'Failed';
export const whatToDo = (kind) => KINDS[kind]?.[1] ?? 'Send again.';
export const statusWords = (status) => STATUSES[status] ?? (status < 400 ? 'answered' : 'failed');

export const count = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;
export const list = new Intl.ListFormat('en');

const small = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', minimumFractionDigits: 0, maximumSignificantDigits: 2 });
const large = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' });
export const usd = (cost) => (cost < 1 ? small : large).format(cost);

/** A time in milliseconds, as text. */
export function time(ms) {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** How many models failed during the call, including those inside one request. */
export function failures(attempts) {
  return attempts.reduce((sum, { failure, inside = [] }) => {
    const failedInside = inside.filter(({ status }) => status >= 400).length;
    const isCounted = inside.length > 0 && inside.at(-1).status >= 400;
    return sum + failedInside + (failure && !isCounted ? 1 : 0);
  }, 0);
}
