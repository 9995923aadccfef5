import { readFile } from 'node:fs/promises';
import { bind } from './api.js';

const api = /* @__PURE__ */ bind(() => readFile(new URL('./failsoft_bg.wasm', import.meta.url)));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
