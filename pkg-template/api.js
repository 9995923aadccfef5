import { Client, estimateTokens as estimate } from './failsoft_bg.js';
import { load } from './load.js';
import { given, merge, split, toJson } from './option.js';
import { misuse } from './error.js';
import { Source } from './source.js';
import { ChatStream } from './stream.js';
import { fetchOf } from './fetch.js';
import { warner } from './warn.js';

/** The functions of the package, given where its WebAssembly lies. */
export function bind(wasm) {
  const ready = () => load(wasm);
  const createClient = (defaults = {}) => clientOf(given(defaults), ready);
  return {
    createClient,
    createFetch: (client) => fetchOf(client, ready),
    // A function on its own remembers nothing: keys and users of a server must not close models for each other.
    chat: (messages, options) => createClient().chat(messages, options),
    chatWithFallback: (messages, options) => createClient().chatWithFallback(messages, options),
    chatStreaming: (messages, options) => createClient().chatStreaming(messages, options),
    parseStream: (response) => parse(response, ready),
    // Without a model, as OpenAI's count.
    estimateTokens: async (text, model = 'gpt') => (await ready(), estimate(toJson(text), model)),
    init: (input) => load(input ?? wasm),
  };
}

function clientOf(defaults, ready) {
  const warn = warner();
  let memory;
  /** Begins a call; gives its source at the commit point, or at its end. */
  const call = async (ask, options) => {
    const merged = merge(defaults, options);
    await ready();
    memory ??= new Client();
    const { data, host } = split(merged);
    if (ask === 'chat') data.models = undefined;
    const source = open(memory, ask, data, host, warn);
    await source.start();
    return source;
  };
  return {
    chat: async (messages, options) => (await call('chat', { ...headOf(defaults, given(options)), messages })).completion(),
    chatWithFallback: async (messages, options) => (await call('completion', { ...given(options), messages })).completion(),
    chatStreaming: async (messages, options) => new ChatStream(await call('stream', { ...given(options), messages })),
    parseStream: (response) => parse(response, ready),
    /** For `createFetch`. */
    [Symbol.for('failsoft.client')]: { defaults, call },
  };
}

/** The model of a call that asks only one: the call's own, else the head of a chain. */
function headOf(defaults, options) {
  const { model = options.models?.[0] ?? defaults.model ?? defaults.models?.[0] } = options;
  return { ...options, model };
}

function open(memory, ask, options, host, warn) {
  const handed = `{"ask":"${ask}","page":${isPage()},"options":${toJson(options)}}`;
  const { fetch = globalThis.fetch, signal, onAttempt, onFallback } = host;
  if (typeof fetch !== 'function') throw misuse('this host has no `fetch`; give one with the option `fetch`');
  const session = memory.open(handed, fetch, signal, onAttempt && guarded('onAttempt', onAttempt));
  return new Source(session, signal, warn(onFallback && guarded('onFallback', onFallback)));
}

/** What a callback throws is its own affair. */
function guarded(name, callback) {
  const complain = (error) => console.error(`failsoft: ${name} threw`, error);
  return (info) => {
    try {
      const result = callback(info);
      if (typeof result?.then === 'function') result.then(undefined, complain);
    } catch (error) {
      complain(error);
    }
  };
}

/** Whoever opens the developer tools can read what this code knows. */
function isPage() {
  const { window, WorkerGlobalScope, navigator, Deno } = globalThis;
  if (window?.document) return true;
  const worker = typeof WorkerGlobalScope === 'function' && globalThis instanceof WorkerGlobalScope;
  return worker && navigator?.userAgent !== 'Cloudflare-Workers' && Deno === undefined;
}

function parse(given, ready) {
  const response = responseOf(given);
  return new ChatStream(undefined, async () => {
    await ready();
    const source = new Source(new Client().open('{"ask":"parse"}', async () => response));
    await source.start();
    return source;
  });
}

/** As much of a response as the core looks at. */
function responseOf(given) {
  const bare = typeof given?.getReader === 'function';
  if (!bare && typeof given?.headers?.get !== 'function') throw misuse('parseStream takes a Response or a ReadableStream');
  const { body, status = 200, headers } = bare ? { body: given, headers: new Headers() } : given;
  if (given.bodyUsed || body?.locked) throw misuse('the body of this response is being read already');
  const type = headers.get('content-type');
  const seen = new Headers(headers);
  // Hand-made responses have no type or a wrong one; only JSON is believed.
  if (status < 400 && !type?.includes('json')) seen.set('content-type', 'text/event-stream');
  return { status, headers: seen, body, text: () => given.text() };
}
