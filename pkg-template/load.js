import { initSync } from './failsoft_bg.js';
import { ChatError } from './error.js';

/** @type {Promise<void> | undefined} One for all callers: WebAssembly is instantiated once. */
let loading;

/** Loads the WebAssembly that `source` gives: its bytes, or a module. After a failure the next call tries again. */
export function load(source) {
  loading ??= instantiate(source).catch((cause) => {
    loading = undefined;
    const blocked = /unsafe-eval|Content.Security.Policy|CSP/i.test(cause?.message);
    const message = blocked ? forbidden : `the WebAssembly of failsoft could not be loaded: ${cause?.message}`;
    throw new ChatError().fill({ kind: 'wasmUnavailable', message }, cause);
  });
  return loading;
}

async function instantiate(source) {
  const module = source();
  try {
    // To compile at once takes a millisecond; an answer from another thread takes longer.
    initSync({ module });
  } catch (error) {
    // Chromium before 115 refuses that for more than 4 KB.
    if (!(error instanceof RangeError)) throw error;
    initSync({ module: await WebAssembly.compile(module) });
  }
}

const forbidden =
  "this page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";

/** The bytes that `text` stands for, as the build writes them into the script (xtask/src/package/literal.rs). */
export function bytesOf(text) {
  const bytes = new Uint8Array(text.length);
  let [length, shift] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 126) {
      shift += 126;
    } else {
      bytes[length++] = code - 1 + shift;
      shift = 0;
    }
  }
  return bytes.subarray(0, length);
}
