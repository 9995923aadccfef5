// Not `instanceof`: two copies of the package may live in one page.
const brand = Symbol.for('failsoft.ChatError');

/** Rust gives the fields; see `src/browser/error.rs`. */
export class ChatError extends Error {
  constructor({ message, ...fields }, cause) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, fields, { attempts: fields.failsoft?.attempts ?? [] });
    Object.defineProperty(this, brand, { value: true });
  }
}
Object.defineProperty(ChatError.prototype, 'name', { value: 'ChatError', configurable: true, writable: true });

export const isChatError = (error) => error?.[brand] === true;

/** The error of a wrong use that must be thrown before the WebAssembly is there. */
export const misuse = (message) => new ChatError({ kind: 'invalidRequest', message });
