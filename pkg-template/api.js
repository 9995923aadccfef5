import { chat, chatStreaming, chatWithFallback, createClient, createFetch, estimateTokens, parseStream } from './failsoft_bg.js';
import { ChatError, misuse } from './error.js';
import { hasWebAssembly, load } from './load.js';
import { ChatStream } from './stream.js';

/** Marks a client of any copy of the package; gives a `fetch` through the client. */
const CLIENT = Symbol.for('failsoft.client');

/** The functions of the package, given what gives its WebAssembly. Each makes its error when it is called, for the stack. */
export function bind(source) {
  const init = () => load(source);
  const parse = (response) => new ChatStream(undefined, opener(response, init, new ChatError(parse)));
  const client = (defaults = {}) => clientOf(defaults, init, parse);
  const estimate = async (input, model) => (await init(), estimateTokens(input, model ?? 'gpt'));
  const functions = functionsOf(async () => (await init(), { chat, chatStreaming, chatWithFallback }));
  return { ...functions, parseStream: parse, createClient: client, createFetch: fetchOf, estimateTokens: estimate, init };
}

/** The functions that send something; `ready` gives the object of the WebAssembly that has them. */
function functionsOf(ready) {
  const chat = async (messages, options) => {
    const caller = new ChatError(chat);
    const given = copyOf(options);
    return (await ready()).chat(messages, given, caller);
  };
  const chatWithFallback = async (messages, options) => {
    const caller = new ChatError(chatWithFallback);
    const given = copyOf(options);
    return (await ready()).chatWithFallback(messages, given, caller);
  };
  const chatStreaming = async (messages, options) => {
    const caller = new ChatError(chatStreaming);
    const given = copyOf(options);
    return new ChatStream(await (await ready()).chatStreaming(messages, given, caller));
  };
  return { chat, chatWithFallback, chatStreaming };
}

/** The caller may change its options while the WebAssembly loads. */
const copyOf = (options) => (options && typeof options === 'object' && !Array.isArray(options) ? { ...options } : options);

function clientOf(defaults, init, parseStream) {
  if (defaults === null || typeof defaults !== 'object' || Array.isArray(defaults)) throw misuse('the options must be an object', clientOf);
  let client;
  const ready = async () => (await init(), (client ??= createClient(defaults)));
  return { ...functionsOf(ready), parseStream, [CLIENT]: () => sdkFetch(ready, defaults) };
}

/** Where nothing can load, an SDK goes on without failsoft. */
async function sdkFetch(ready, defaults) {
  try {
    return createFetch(await ready());
  } catch (error) {
    if (hasWebAssembly()) throw error;
    console.warn(`failsoft: requests pass through without fallback: ${error.message}`);
    return defaults.fetch ?? globalThis.fetch;
  }
}

function fetchOf(client) {
  const make = client?.[CLIENT];
  if (!make) throw misuse('createFetch takes a client, as createClient makes it', fetchOf);
  let fetch;
  return async (input, init) => (fetch ??= await make())(input, init);
}

/** Checks `response` at once; what this gives opens the stream in the WebAssembly later. */
function opener(response, init, caller) {
  const isStream = typeof response?.getReader === 'function';
  const fail = (message) => {
    throw caller.fill({ kind: 'invalidRequest', message });
  };
  if (!isStream && typeof response?.headers?.get !== 'function') fail('parseStream takes a Response or a ReadableStream');
  if (response.bodyUsed || (isStream ? response : response.body)?.locked) fail('the body of this response is being read already');
  return async () => (await init(), parseStream(response, caller));
}
