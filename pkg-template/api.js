import { Client } from './failsoft_bg.js';
import { encode } from './bytes.js';
import { Call } from './call.js';
import { misuse } from './error.js';
import { fetchOf } from './fetch.js';
import { load } from './load.js';
import { given, handedOf, hostOf, merge, toJson } from './option.js';
import { ChatStream } from './stream.js';
import { warner } from './warn.js';

/** The functions of the package, given what gives its WebAssembly. */
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
    estimateTokens: async (text, model = 'gpt') => (await ready(), Client.estimateTokens(encode(toJson(text)), encode(model))),
    init: ready,
  };
}

function clientOf(defaults, ready) {
  const warn = warner();
  let memory;
  /** Begins a call; gives it at the commit point, or at its end. */
  const call = async (ask, options) => {
    const merged = merge(defaults, options);
    await ready();
    memory ??= new Client();
    const host = hostOf(merged);
    const begun = new Call(memory, handedOf(ask, merged), host, warn(host.onFallback));
    await begun.start();
    return begun;
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

function parse(given, ready) {
  const response = responseOf(given);
  let call;
  const begin = async () => {
    await ready();
    return (call ??= new Call(new Client(), '{"ask":"parse"}', { fetch: () => response }));
  };
  return new ChatStream(undefined, begin, response.body);
}

/** As much of a response as the core looks at. */
function responseOf(given) {
  const bare = typeof given?.getReader === 'function';
  if (!bare && typeof given?.headers?.get !== 'function') throw misuse('parseStream takes a Response or a ReadableStream');
  const { body, status = 200, headers } = bare ? { body: given } : given;
  if (given.bodyUsed || body?.locked) throw misuse('the body of this response is being read already');
  const type = headers?.get('content-type');
  const seen = new Headers(headers);
  // Hand-made responses have no type or a wrong one; only JSON is believed.
  if (status < 400 && !type?.includes('json')) seen.set('content-type', 'text/event-stream');
  return { status, headers: seen, body, text: () => given.text() };
}
