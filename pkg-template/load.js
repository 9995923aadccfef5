import { initSync } from './failsoft_bg.js';
import { ChatError } from './error.js';

/** @type {Promise<void> | undefined} One for all who ask: WebAssembly is instantiated once. */
let loading;
let memory;
let bytes = new Uint8Array();

/** The memory of the WebAssembly, as it is now: it moves when it grows. */
export const heap = () => (bytes.length ? bytes : (bytes = new Uint8Array(memory.buffer)));

/** Loads the WebAssembly that `source` gives: its bytes, or a module. After a failure the next call tries again. */
export function load(source) {
  loading ??= instantiate(source).catch((cause) => {
    loading = undefined;
    const blocked = /unsafe-eval|Content.Security.Policy|CSP/i.test(cause?.message);
    const message = blocked ? forbidden : `the WebAssembly of failsoft could not be loaded: ${cause?.message}`;
    throw new ChatError({ kind: 'wasmUnavailable', message }, { cause });
  });
  return loading;
}

async function instantiate(source) {
  const given = source();
  try {
    // A millisecond at once is less than being told from another thread.
    ({ memory } = initSync({ module: given }));
  } catch (error) {
    // Chromium before 115 refuses that for more than 4 KB.
    if (!(error instanceof RangeError)) throw error;
    ({ memory } = initSync({ module: await WebAssembly.compile(given) }));
  }
}

const forbidden =
  "this page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";

/** The bytes of `binary`, a character for each, as the build writes them into the script (xtask/src/package/literal.rs). */
export const bytesOf = (binary) => Uint8Array.fromBase64?.(btoa(binary)) ?? Uint8Array.from(binary, (character) => character.charCodeAt());
