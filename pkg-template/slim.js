import { bind } from './api.js';
import { startFrom } from './separate.js';

// Bundlers that know this form copy the file, and put its new address here.
const address = () => new URL('./failsoft_bg.wasm', import.meta.url);
const api = /* @__PURE__ */ bind(() => startFrom(address()));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
