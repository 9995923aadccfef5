import { bind } from './api.js';
import { bytesOf, instantiate } from './load.js';

// The build puts the WebAssembly here. In a file of its own it would be one more request, that can fail just when a model
// does, and that every bundler and every server has to be told about.
const api = /* @__PURE__ */ bind(() => instantiate(bytesOf('failsoft_bg.wasm')));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
