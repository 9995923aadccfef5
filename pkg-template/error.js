// Not `instanceof`: two copies of the package may live in one page.
const brand = Symbol.for('failsoft.ChatError');

export class ChatError extends Error {
  /** @param from the function of the package that is called: the stack begins with its caller, also when the call fails later. */
  constructor(from) {
    super();
    Error.captureStackTrace?.(this, from);
    Object.defineProperty(this, brand, { value: true });
  }

  /** Sets what went wrong. Rust gives the fields (src/browser/error.rs). */
  fill({ message, ...fields }, cause) {
    const hidden = (value) => ({ value, configurable: true, writable: true });
    Object.defineProperty(this, 'message', hidden(message));
    if (cause !== undefined) Object.defineProperty(this, 'cause', hidden(cause));
    return Object.assign(this, fields, { attempts: fields.failsoft?.attempts ?? [] });
  }
}
// Also of the class itself, whose name the build shortens: Node prints both.
for (const object of [ChatError, ChatError.prototype]) Object.defineProperty(object, 'name', { value: 'ChatError', configurable: true, writable: true });

export const isChatError = (error) => error?.[brand] === true;

/** The error of a wrong use that must be thrown before the WebAssembly is there. */
export const misuse = (message, from) => new ChatError(from).fill({ kind: 'invalidRequest', message });

/** Checks that the host has the global class `name`: else the error would be about a name in this file. */
export const need = (name) => {
  if (!globalThis[name]) throw misuse(`this host has no \`${name}\`, which failsoft needs here; set \`globalThis.${name}\``);
};
