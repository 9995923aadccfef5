import { bind } from './api.js';

// The URL stays a bare literal: that is how bundlers see the file.
const api = /* @__PURE__ */ bind(() => new URL('./failsoft_bg.wasm', import.meta.url));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
