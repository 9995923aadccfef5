import wasm from './failsoft_bg.wasm?module';
import { bind } from './api.js';
import { instantiate } from './load.js';

const api = /* @__PURE__ */ bind(() => instantiate(wasm));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
