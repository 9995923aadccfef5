// What a page downloads to chat with fallback models and to stream text. Each peer is used as its documentation says,
// bundled, and minified as a page would be; failsoft's entry contains its WebAssembly.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));

/** What each page imports and keeps. */
export const PAGES = {
  'eventsource-parser and fetch by hand': `import { createParser } from 'eventsource-parser'; globalThis.page = { createParser };`,
  'openai 6': `import OpenAI from 'openai-6'; globalThis.page = { OpenAI };`,
  openai: `import OpenAI from 'openai'; globalThis.page = { OpenAI };`,
  '@openrouter/sdk': `import { OpenRouter } from '@openrouter/sdk'; globalThis.page = { OpenRouter };`,
  'ai + @openrouter/ai-sdk-provider': `import { streamText, generateText } from 'ai'; import { createOpenRouter } from '@openrouter/ai-sdk-provider'; globalThis.page = { streamText, generateText, createOpenRouter };`,
  '@langchain/openai': `import { ChatOpenAI } from '@langchain/openai'; globalThis.page = { ChatOpenAI };`,
};

/** How a page is bundled. */
const MINIFIED = {
  bundle: true,
  format: 'esm',
  minify: true,
  write: false,
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"' },
  external: ['node:*', 'fs', 'path', 'crypto'],
};

/** Bundles a page, from its source or a file. */
export async function bundle(source, file) {
  const entry = file ? { entryPoints: [join(HERE, file)] } : { stdin: { contents: source, resolveDir: HERE } };
  const { outputFiles } = await build({ ...MINIFIED, ...entry });
  return Buffer.from(outputFiles[0].contents);
}

/** The size in bytes: minified, with gzip, with brotli. */
export function sizes(file) {
  return { bytes: file.length, gzip: gzipSync(file, { level: 9 }).length, brotli: brotliCompressSync(file).length };
}

/** The sizes of failsoft and of each peer. */
export async function bundles(pkg) {
  const rows = { failsoft: sizes(await readFile(join(pkg, 'index.js'))) };
  for (const [name, source] of Object.entries(PAGES)) rows[name] = sizes(await bundle(source));
  return rows;
}
