// Not `instanceof`: two copies of the package may live in one page.
const brand = Symbol.for('failsoft.ChatError');

export class ChatError extends Error {
  /** @param {{kind: string, message: string, status?: number, code?: string, retryAfter?: number}} failure */
  constructor(failure, { report, partial, http, cause } = {}) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.kind = failure.kind;
    this.status = failure.status;
    this.code = failure.code;
    this.retryAfter = failure.retryAfter;
    this.provider = failure.provider;
    this.partial = partial ?? undefined;
    this.attempts = report?.attempts ?? [];
    this.failsoft = report;
    Object.defineProperty(this, brand, { value: http ?? true });
  }
}
Object.defineProperty(ChatError.prototype, 'name', { value: 'ChatError', configurable: true, writable: true });

export const isChatError = (error) => error?.[brand] !== undefined;

/** The error that an option, or the use of an object, deserves. */
export const misuse = (message, cause) => new ChatError({ kind: 'invalidRequest', message }, { cause });

/** The response that tells an OpenAI client of `error`. */
export function responseOf(error) {
  const http = error[brand];
  const headers = new Headers({
    'content-type': 'application/json',
    // Retries and fallbacks were ours; a client's own would multiply them.
    'x-should-retry': 'false',
  });
  if (error.retryAfter !== undefined) {
    headers.set('retry-after-ms', String(error.retryAfter));
    headers.set('retry-after', String(Math.ceil(error.retryAfter / 1000)));
  }
  return new Response(envelopeOf(error), { status: http.status ?? 400, headers });
}

/** OpenAI's JSON for `error`. */
export function envelopeOf(error) {
  const told = { message: error.message, type: 'invalid_request_error', param: null, code: error.kind };
  return error[brand].body ?? JSON.stringify({ error: told });
}
