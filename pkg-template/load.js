import { __wbg_finalize_init as use, __wbg_get_imports as importsOf } from './failsoft_bg.js';
import { ChatError } from './error.js';

/** @type {Promise<void> | undefined} One for all callers: WebAssembly is instantiated once. */
let loading;

/** Loads the WebAssembly, which `start` instantiates. After a failure the next call tries again. */
export function load(start) {
  loading ??= begin(start).catch((cause) => {
    loading = undefined;
    const known = reasons.find(([pattern]) => pattern.test(cause?.message));
    const message = known ? known[1] : `the WebAssembly of failsoft could not be loaded: ${cause?.message}`;
    throw new ChatError().fill({ kind: 'wasmUnavailable', message }, cause);
  });
  return loading;
}

async function begin(start) {
  if (!hasWebAssembly()) throw new Error('no WebAssembly');
  await start();
}

/** Instantiates `module`: the bytes of the WebAssembly, or a module. */
export async function instantiate(module) {
  const imports = importsOf();
  let instance;
  try {
    // To compile at once takes a millisecond; an answer from another thread takes longer.
    instance = new WebAssembly.Instance(ArrayBuffer.isView(module) ? new WebAssembly.Module(module) : module, imports);
  } catch (error) {
    // In a page, Chromium before 115 refuses both for more than 4 KB.
    if (!(error instanceof RangeError)) throw error;
    ({ instance } = await WebAssembly.instantiate(module, imports));
  }
  use(instance);
}

export const hasWebAssembly = () => Boolean(globalThis.WebAssembly);

/** What the messages of hosts mean, and what helps. */
const reasons = [
  [/^no WebAssembly$/, 'this host has no WebAssembly, which failsoft needs. Hermes (React Native) has none, and Safari has none in Lockdown Mode. There, use an OpenAI SDK with an edge of failsoft as its base URL'],
  [/disallowed by embedder/, "this host does not compile WebAssembly at run time. Let your bundler resolve failsoft with the condition 'workerd' or 'edge-light', so that the compiled module is imported"],
  [/unsafe-eval|Content.Security.Policy|CSP/i, "this page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src"],
];

/** The bytes that `text` stands for, as the build writes them into the script. The build defines `DECODER`: the bytes of decode.wat. */
export function bytesOf(text) {
  const { memory, decode } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(DECODER))).exports;
  new TextEncoder().encodeInto(text, new Uint8Array(memory.buffer, 0x40000));
  return new Uint8Array(memory.buffer, 0x400, decode());
}
