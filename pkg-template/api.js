import { chat, chatStreaming, chatWithFallback, createClient, createFetch, estimateTokens, parseStream } from './failsoft_bg.js';
import { ChatError, misuse } from './error.js';
import { finish, readOptions } from './format.js';
import { hasWebAssembly, load } from './load.js';
import { ChatStream } from './stream.js';

/** Marks a client of any copy of the package; gives a `fetch` through the client. */
const CLIENT = Symbol.for('failsoft.client');

/** The functions of the package, given what instantiates its WebAssembly. Each makes its error when it is called, for the stack. */
export function bind(start) {
  const init = () => load(start);
  const parse = (response) => new ChatStream(undefined, opener(response, init, new ChatError(parse)));
  const client = (defaults = {}) => clientOf(defaults, init, parse);
  const estimate = async (input, model) => (await init(), estimateTokens(input, model ?? 'gpt'));
  const functions = functionsOf(async () => (await init(), { chat, chatStreaming, chatWithFallback }));
  return { ...functions, parseStream: parse, createClient: client, createFetch: fetchOf, estimateTokens: estimate, init };
}

/** The functions that send something; `ready` gives the object of the WebAssembly that has them. `defaults` are a client's. */
function functionsOf(ready, defaults) {
  const send = async (from, name, messages, options) => {
    const caller = new ChatError(from);
    const [given, validate = options?.response_format ? undefined : defaults?.[1]] = readOptions(options);
    return [await (await ready())[name](messages, given, caller), validate, caller];
  };
  const chat = async (...given) => finish(...(await send(chat, 'chat', ...given)));
  const chatWithFallback = async (...given) => finish(...(await send(chatWithFallback, 'chatWithFallback', ...given)));
  const chatStreaming = async (...given) => {
    const [inner, ...rest] = await send(chatStreaming, 'chatStreaming', ...given);
    return new ChatStream(inner, undefined, rest);
  };
  return { chat, chatWithFallback, chatStreaming };
}

function clientOf(defaults, init, parseStream) {
  if (defaults === null || typeof defaults !== 'object' || Array.isArray(defaults)) throw misuse('the options must be an object', clientOf);
  const own = readOptions(defaults);
  let client;
  const ready = async () => (await init(), (client ??= createClient(own[0])));
  return { ...functionsOf(ready, own), parseStream, [CLIENT]: () => sdkFetch(ready, defaults) };
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
