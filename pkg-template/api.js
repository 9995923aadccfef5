import * as wasm from './failsoft_bg.js';
import { misuse } from './error.js';
import { load } from './load.js';
import { ChatStream } from './stream.js';
import { withCaller } from './trace.js';

/** Marks a client of any copy of the package; gives the client in the WebAssembly. */
const CLIENT = Symbol.for('failsoft.client');

/** The functions of the package, given what gives its WebAssembly. */
export function bind(source) {
  const init = () => load(source);
  const parseStream = (response) => parse(response, init);
  return {
    ...functionsOf(async () => (await init(), wasm)),
    parseStream,
    createClient: (defaults) => createClient(defaults, init, parseStream),
    createFetch: (client) => createFetch(client),
    estimateTokens: async (input, model = 'gpt') => (await init(), wasm.estimateTokens(input, model)),
    init,
  };
}

/** The functions that send something; `ready` gives the object of the WebAssembly that has them. */
function functionsOf(ready) {
  return {
    chat: (messages, options) => withCaller(async () => (await ready()).chat(messages, options)),
    chatWithFallback: (messages, options) => withCaller(async () => (await ready()).chatWithFallback(messages, options)),
    chatStreaming: (messages, options) => withCaller(async () => new ChatStream(await (await ready()).chatStreaming(messages, options))),
  };
}

function createClient(defaults = {}, init, parseStream) {
  if (defaults === null || typeof defaults !== 'object' || Array.isArray(defaults)) throw misuse('the options must be an object');
  let client;
  const ready = async () => (await init(), (client ??= wasm.createClient(defaults)));
  return { ...functionsOf(ready), parseStream, [CLIENT]: ready };
}

function createFetch(client) {
  const ready = client?.[CLIENT];
  if (!ready) throw misuse('createFetch takes a client, as createClient makes it');
  let fetch;
  return async (input, init) => (fetch ??= wasm.createFetch(await ready()))(input, init);
}

function parse(response, init) {
  const body = typeof response?.getReader === 'function' ? response : response?.body;
  if (body !== response && typeof response?.headers?.get !== 'function') throw misuse('parseStream takes a Response or a ReadableStream');
  if (response.bodyUsed || body?.locked) throw misuse('the body of this response is being read already');
  return new ChatStream(undefined, async () => (await init(), wasm.parseStream(response)));
}
