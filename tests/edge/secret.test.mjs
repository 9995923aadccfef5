// The upstream's key is only in requests to the upstream, and only the handlers of the Worker can be called from outside.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { WORKER, clientKey } from '../support/edge.mjs';
import { FAULTS } from '../support/faults.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { useEdge, withEdge } from './use-edge.mjs';

const CANARY = 'sk-or-v1-c4n4ry0123456789abcdef';
/** The key, and parts of the key that a shortened form would show. */
const PIECES = [CANARY, CANARY.slice(-12), 'c4n4ry'];
/** Slow faults. Their answers have the same form as those of other faults. */
const SLOW = /^(slow|comments|stall|rate-limited|in-flight)/;

const { emulator, edge } = useEdge((emulator) => ({
  secret: CANARY,
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    routes: { relayed: { models: ['fault/error-mid-stream'], lane: 'relay' } },
    policy: { ...POLICY, retry: { same: 0 } },
  },
}));

function checkFree(where, text) {
  for (const piece of PIECES) assert.ok(!text.includes(piece), `${where} holds ${piece}`);
}

test('no answer, header or log line holds the key, whatever fails', async () => {
  const bodies = FAULTS.filter(({ fault }) => !SLOW.test(fault)).map(({ fault }) => ({ model: `fault/${fault}` }));
  bodies.push({ model: SECOND }, { model: 'route/relayed' }, { model: 'nope' }, {}, { model: SECOND, failsoft: { key: 1 } });
  let asked = 0;
  for (const body of bodies) {
    for (const stream of [false, true]) {
      const answer = await chat(edge, { ...body, stream });
      checkFree(JSON.stringify(body), answer.text + JSON.stringify(answer.headers));
      assert.doesNotMatch(answer.text, /user_id/);
      asked += 1;
    }
  }
  for (const path of ['/healthz', '/v1/models', '/v1/playground', '/v1/nothing']) {
    const answer = await send(edge, path);
    checkFree(path, answer.text + JSON.stringify(answer.headers));
  }
  assert.ok(asked > 80);
  assert.match(edge.said(), /"event":"call"/);
  checkFree('the log', edge.said());
  const chats = (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
  assert.ok(chats.length > 80 && chats.every(({ headers }) => headers.authorization === `Bearer ${CANARY}`));
  for (const { body, path, headers } of await emulator.log()) {
    checkFree('a request without its authorization header', JSON.stringify([body, path, { ...headers, authorization: '' }]));
  }
});

test('the key is not sent to another host, even if the upstream redirects the edge there', async () => {
  const { createServer } = await import('node:http');
  const seen = [];
  const elsewhere = createServer((request, response) => {
    seen.push(request.headers);
    response.end('{}');
  });
  const redirects = createServer((request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.address().port}/` }).end();
  });
  for (const server of [elsewhere, redirects]) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${redirects.address().port}/v1`;
  try {
    await withEdge({ secret: CANARY, failsoft: { upstream: { url }, keys: [clientKey()], models: ['*'] } }, async (redirected) => {
      const answer = await chat(redirected, { model: SECOND });
      assert.ok(answer.status >= 400, String(answer.status));
      assert.deepEqual(seen, []);
    });
  } finally {
    for (const server of [elsewhere, redirects]) await new Promise((resolve) => server.close(resolve));
  }
});

test('only the handlers and the Durable Object classes of the Worker can be called from outside, and no function of the library', async () => {
  const wasm = join(WORKER, 'build/index_bg.wasm');
  registerHooks({
    resolve(specifier, context, next) {
      const known = { 'cloudflare:workers': 'stub:workers', 'cloudflare:sockets': 'stub:sockets', './index_bg.wasm': 'stub:wasm' }[specifier];
      return known ? { url: known, shortCircuit: true } : next(specifier, context);
    },
    load(url, context, next) {
      const source = {
        'stub:sockets': 'export const connect = undefined;',
        'stub:workers': 'export class WorkerEntrypoint {} export class DurableObject {}',
        'stub:wasm': `import { readFileSync } from 'node:fs'; export default new WebAssembly.Module(readFileSync(${JSON.stringify(wasm)}));`,
      }[url];
      return source ? { format: 'module', source, shortCircuit: true } : next(url, context);
    },
  });
  globalThis.addEventListener ??= () => {};
  const { main } = JSON.parse((await readFile(join(WORKER, 'wrangler.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
  const module = await import(pathToFileURL(join(WORKER, main)));
  assert.deepEqual(Object.keys(module), ['Account', 'Breakers', 'Cache', 'Experiments', 'Keys', 'default']);
  const own = (object) => Object.getOwnPropertyNames(object).filter((name) => !['length', 'name', 'prototype'].includes(name)).sort();
  assert.deepEqual(Object.getOwnPropertyNames(module.default.prototype).sort(), ['constructor', 'fetch', 'scheduled']);
  // The two methods of wasm-bindgen affect their own object only, and a class that does not extend DurableObject has no RPC.
  const handlers = { Account: ['alarm', 'fetch'], Breakers: ['fetch'], Cache: ['alarm', 'fetch'], Experiments: ['alarm', 'fetch'], Keys: ['alarm', 'fetch'] };
  for (const [name, names] of Object.entries(handlers)) {
    const object = module[name];
    assert.deepEqual(own(object.prototype), ['__destroy_into_raw', 'constructor', 'free', ...names].sort());
    assert.equal(Object.getPrototypeOf(object), Function.prototype);
    assert.deepEqual(own(object), []);
  }
  assert.deepEqual(own(module.default), []);
});
