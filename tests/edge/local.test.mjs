// The edge under `wrangler dev` on the developer's machine: with the playground, without keys, and only for this machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startWrangler } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { SECOND, chat, send, textOf } from './harness.mjs';
import { setUp, useEdge } from './use-edge.mjs';

const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
  + "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const { emulator, edge } = useEdge((emulator) => ({
  start: startWrangler,
  failsoft: {
    access: 'loopback',
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: undefined,
    models: undefined,
    origins: ['http://localhost:5173'],
    emulator: `${emulator.origin}/emulator`,
  },
}));
let host;

setUp(() => {
  ({ host } = new URL(edge.origin));
});

const ask = (body, headers = {}) => chat(edge, body, { key: null, headers });

test('a call needs no key, streamed or in one piece, for any model', async () => {
  const answer = await ask({ models: ['fault/overloaded', SECOND] });
  assert.match(textOf(answer), /^word1 /);
  assert.equal(answer.headers['x-failsoft-model'], SECOND);
  const stream = await ask({ models: ['fault/empty', SECOND], stream: true });
  assert.ok(stream.events.done && stream.events.text === textOf(answer));
});

test('the edge is ready, with a new database', async () => {
  const answer = await send(edge, '/healthz', { key: null });
  assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, { ok: true }]);
});

test('an error event of a stream reaches a client of `wrangler dev` too', async () => {
  const { events } = await ask({ models: ['fault/cut-1500', SECOND], stream: true, failsoft: { recover: 'error' } });
  assert.equal(events.error.error.kind, 'cut');
  assert.equal(events.done, false);
});

for (const [name, headers, allowed] of [
  ['a program', {}, true],
  ['its own page', { origin: () => `http://${host}`, 'sec-fetch-site': 'same-origin' }, true],
  ['localhost', { host: () => `localhost:${host.split(':')[1]}` }, true],
  ['a page that the owner named', { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' }, true],
  ['another page', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, false],
  ['a page without an origin', { origin: 'null' }, false],
  ['a page on another port', { origin: 'http://127.0.0.1:1' }, false],
  ['a name that was pointed here', { host: 'evil.example' }, false],
  ['such a name with its page', { host: 'evil.example', origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' }, false],
  ['a form of another page', { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }, false],
  ['another machine', { 'cf-connecting-ip': '203.0.113.7' }, false],
]) {
  test(`the edge ${allowed ? 'answers' : 'refuses, and sends nothing for,'} ${name}`, async () => {
    const concrete = Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, value instanceof Function ? value() : value]));
    const answer = await ask({ model: SECOND }, concrete);
    assert.equal(answer.status, allowed ? 200 : 403, answer.text);
    assert.equal(asked(await emulator.log()).length, allowed ? 1 : 0);
    if (!allowed) assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });
}

test('the playground has a Content-Security-Policy that allows its own files and nothing else', async () => {
  const page = await send(edge, '/', { key: null });
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.equal(page.headers['content-security-policy'], CSP);
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  const script = await send(edge, '/app.js', { key: null });
  assert.match(script.headers['content-type'], /javascript/);
  assert.equal(script.headers['content-security-policy'], CSP);
});

test('a path without a file answers 404 and names the path of the API', async () => {
  for (const path of ['/nothing', '/v1/audio/speech', '/_headers']) {
    const answer = await send(edge, path, { key: null });
    assert.equal(answer.status, 404);
    assert.match(JSON.parse(answer.text).error.message, /\/v1\/chat\/completions/);
  }
});

test('the playground gets the faults and the models that it can offer', async () => {
  const playground = JSON.parse((await send(edge, '/v1/playground', { key: null })).text);
  assert.equal(playground.emulator, true);
  assert.ok(playground.faults.some(({ name }) => name === 'rate-limited'));
  const ids = JSON.parse((await send(edge, '/v1/models', { key: null })).text).data.map(({ id }) => id);
  assert.ok(ids.includes(SECOND) && ids.includes('fault/empty'));
  assert.equal((await send(edge, '/v1/playground', { key: null, headers: { host: 'evil.example' } })).status, 403);
});
