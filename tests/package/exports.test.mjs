// The WebAssembly exports the API of the package and does its I/O; the JavaScript beside it does neither.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { join } from 'node:path';
import { parse } from 'acorn';

import { PACKAGE } from '../support/process.mjs';

const FUNCTIONS = ['chat', 'chatStreaming', 'chatWithFallback', 'createClient', 'createFetch', 'estimateTokens', 'parseStream'];
const METHODS = [
  'chatstream_cancel', 'chatstream_failsoft', 'chatstream_finalCompletion', 'chatstream_isOver', 'chatstream_next', 'chatstream_usage',
  'client_chat', 'client_chatStreaming', 'client_chatWithFallback',
];

test('the WebAssembly exports the functions of the package', async () => {
  const module = new WebAssembly.Module(await readFile(join(PACKAGE, 'failsoft_bg.wasm')));
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  // What wasm-bindgen adds: the memory, its own functions, and those that call closures (xtask/src/package/names.rs).
  const own = names.filter((name) => name !== 'memory' && !/^(__|c\d+$)/.test(name));
  assert.deepEqual(own.sort(), [...FUNCTIONS, ...METHODS].sort());
});

/** Calls that are I/O, by the name of the global function, class or method. */
const GLOBALS = ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'XMLHttpRequest', 'EventSource', 'AbortController', 'Request'];
const METHODS_OF_BODIES = ['getReader', 'read', 'text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData', 'pipeTo', 'pipeThrough', 'tee'];
/** Words of a decision about a retry: a status, a header or a wait. */
const DECISIONS = ['status', 'statusText', 'retryAfter', 'retry-after', 'Retry-After', 'backoff', 'retry'];

/** What `source` does of all that, outside the functions that wasm-bindgen makes for the imports of the WebAssembly. */
function violations(source) {
  const found = [];
  const visit = (node) => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node?.type !== 'string') return;
    const isImport = node.type === 'Property' && node.value.type === 'FunctionExpression' && /^(w\d+|__wb\w+)$/.test(node.key.name);
    if (isImport) return;
    if (node.type === 'CallExpression' || node.type === 'NewExpression') {
      const { callee } = node;
      if (callee.type === 'Identifier' && GLOBALS.includes(callee.name)) found.push(callee.name);
      if (callee.type === 'MemberExpression' && METHODS_OF_BODIES.includes(callee.property.name)) found.push(`.${callee.property.name}`);
      if (callee.type === 'MemberExpression' && callee.object.name === 'globalThis') found.push(`globalThis.${callee.property.name}`);
    }
    if (node.type === 'MemberExpression' && DECISIONS.includes(node.property.name ?? node.property.value)) found.push(`.${node.property.name ?? node.property.value}`);
    if (node.type === 'Literal' && DECISIONS.includes(node.value)) found.push(JSON.stringify(node.value));
    Object.values(node).forEach(visit);
  };
  visit(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }));
  return found;
}

/** What the entries with a separate file do to get this file: the loader of wasm-bindgen sends one request. */
const DOWNLOAD = ['.status', '.statusText', '.arrayBuffer', 'fetch'];
const ENTRIES = { 'index.js': [], 'index.cjs': [], 'workerd.js': [], 'edge-light.js': [], 'slim.js': DOWNLOAD, 'slim-node.js': DOWNLOAD };

for (const [entry, allowed] of Object.entries(ENTRIES)) {
  test(`${entry} is ES2022, as the README says of the browsers that can run it`, async () => {
    parse(await readFile(join(PACKAGE, entry), 'utf8'), { ecmaVersion: 2022, sourceType: 'module' });
  });

  test(`the JavaScript of ${entry} sends nothing${allowed.length > 0 ? ' but a request for its WebAssembly' : ''}, reads no body of a call, sets no timer and decides about no retry`, async () => {
    assert.deepEqual(violations(await readFile(join(PACKAGE, entry), 'utf8')), allowed);
  });
}

test('the check finds what it looks for', () => {
  const cases = {
    'await fetch(url)': ['fetch'],
    'globalThis.fetch(url)': ['globalThis.fetch'],
    'setTimeout(done, 5)': ['setTimeout'],
    'const reader = response.body.getReader(); reader.read()': ['.getReader', '.read'],
    'new AbortController()': ['AbortController'],
    'if (response.status === 429) again()': ['.status'],
    "headers.get('retry-after')": ['"retry-after"'],
    'const imports = { w12: function () { return fetch(url); } }': [],
    'const own = { send: function () { return fetch(url); } }': ['fetch'],
  };
  for (const [source, expected] of Object.entries(cases)) assert.deepEqual(violations(source), expected, source);
});
