import { readFile } from 'node:fs/promises';
import { bind } from './api.js';
import { startFrom } from './separate.js';

// The `fetch` of Node reads no files.
const address = () => new URL('./failsoft_bg.wasm', import.meta.url);
const api = /* @__PURE__ */ bind(() => startFrom(address(), readFile(address())));

export const { chat, chatWithFallback, chatStreaming, parseStream, createClient, createFetch, estimateTokens, init } = api;
export { ChatError, isChatError } from './error.js';
export { ChatStream } from './stream.js';
