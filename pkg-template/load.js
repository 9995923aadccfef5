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

/** The bytes that `text` stands for, as the build writes them into the script. The build defines `DECODER`: the bytes of decode.wat. */
export function bytesOf(text) {
  const { memory, decode } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(DECODER))).exports;
  new TextEncoder().encodeInto(text, new Uint8Array(memory.buffer, 0x40000));
  return new Uint8Array(memory.buffer, 0x400, decode());
}
