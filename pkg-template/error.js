// Not `instanceof`: two copies of the package may live in one page.
const brand = Symbol.for('failsoft.ChatError');

export class ChatError extends Error {
  /** @param http how an OpenAI client is told: `{status, error}`. */
  constructor({ kind, message, status, code, retryAfter, provider }, { report, partial, http = {}, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, { kind, status, code, retryAfter, provider, partial, attempts: report?.attempts ?? [], failsoft: report });
    Object.defineProperty(this, brand, { value: http });
  }
}
Object.defineProperty(ChatError.prototype, 'name', { value: 'ChatError', configurable: true, writable: true });

export const isChatError = (error) => error?.[brand] !== undefined;

/** The error that an option, or the use of an object, deserves. */
export const misuse = (message) => new ChatError({ kind: 'invalidRequest', message });

/** The response that tells an OpenAI client of `error`. */
export function responseOf(error) {
  const { retryAfter } = error;
  const headers = new Headers({
    'content-type': 'application/json',
    // Retries and fallbacks were ours; a client's own would multiply them.
    'x-should-retry': 'false',
  });
  if (retryAfter !== undefined) {
    headers.set('retry-after-ms', retryAfter);
    headers.set('retry-after', Math.ceil(retryAfter / 1000));
  }
  return new Response(envelopeOf(error), { status: error[brand].status ?? 400, headers });
}

/** OpenAI's JSON for `error`. */
export function envelopeOf(error) {
  const told = { message: error.message, type: 'invalid_request_error', param: null, code: error.kind };
  return JSON.stringify({ error: error[brand].error ?? told });
}
