import { initSync } from './failsoft_bg.js';
import { ChatError } from './error.js';

/** @type {Promise<void> | undefined} One for all who ask: WebAssembly is instantiated once. */
let loading;
let memory;
let bytes = new Uint8Array();

/** The memory of the WebAssembly, as it is now: it moves when it grows. */
export const heap = () => (bytes.length ? bytes : (bytes = new Uint8Array(memory.buffer)));

/** Loads the WebAssembly from `source`, or from what it gives; after a failure the next call tries again. */
export function load(source) {
  loading ??= instantiate(source).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function instantiate(source) {
  try {
    const given = await (typeof source === 'function' ? source() : source);
    ({ memory } = initSync({ module: await compile(given) }));
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    const blocked = /unsafe-eval|Content.Security.Policy|CSP/i.test(cause?.message);
    throw unavailable(blocked ? forbidden : `the WebAssembly of failsoft could not be loaded: ${cause?.message}`, cause);
  }
}

const forbidden =
  "this page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";

const unavailable = (message, cause) => new ChatError({ kind: 'wasmUnavailable', message }, { cause });

async function compile(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === 'string' || source instanceof URL) source = await fetch(source);
  if (!(typeof Response === 'function' && source instanceof Response)) return WebAssembly.compile(source);
  const type = source.headers.get('content-type');
  if (!source.ok) throw unavailable(`${source.url} answered with status ${source.status}; ${advice}`);
  if (type?.startsWith('application/wasm') && WebAssembly.compileStreaming) return WebAssembly.compileStreaming(source);
  const bytes = new Uint8Array(await source.arrayBuffer());
  if (bytes[0] !== 0 || bytes[1] !== 0x61) throw unavailable(`${source.url} is ${type}, not WebAssembly; ${advice}`);
  return WebAssembly.compile(bytes);
}

const advice = 'serve failsoft_bg.wasm there, or hand its URL or bytes to init()';
