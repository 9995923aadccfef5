// One parsed path decides who may ask and what answers: no spelling of a path, host or method reaches an endpoint with the rights of
// another.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { SECOND, send } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const ADMIN = 'admin-0123456789-0123456789-0123456789';
const METRICS = 'metrics-0123456789-0123456789-0123456789';
const EVIL = 'https://evil.example';

const { emulator, edge } = useEdge({
  secrets: { ADMIN_TOKEN: ADMIN, METRICS_TOKEN: METRICS },
  failsoft: { keys: [clientKey()], models: [SECOND], routes: { support: { models: [SECOND] } }, budget: { requests: { day: 1000 } }, origins: [EVIL] },
});

/** Who asks: by the secret that a request carries. */
const CREDENTIALS = { nobody: null, client: CLIENT_KEY, metrics: METRICS, admin: ADMIN };

/** The endpoints: a path, a method, who may ask, and how an answer shows that this endpoint gave it. */
const ENDPOINTS = {
  health: { path: '/healthz', who: ['nobody', 'client', 'metrics', 'admin'], isOf: ({ json }) => json?.ok === true },
  metrics: { path: '/metrics', who: ['metrics'], isOf: ({ text }) => text.startsWith('# ') },
  models: { path: '/v1/models', who: ['client'], isOf: ({ json }) => Array.isArray(json?.data) && json.data.some(({ id }) => id === SECOND) },
  model: { path: `/v1/models/${SECOND}`, who: ['client'], isOf: ({ json }) => (json?.data ?? json)?.id === SECOND },
  usage: { path: '/v1/usage', who: ['client'], isOf: ({ json }) => json !== undefined && 'requests' in json },
  playground: { path: '/v1/playground', who: ['client'], isOf: ({ json }) => json !== undefined && 'emulator' in json },
  keys: { path: '/admin/keys', who: ['admin'], isOf: ({ json }) => json?.object === 'list' && !json.data.some(({ id }) => id === SECOND) },
  pause: { path: '/admin/pause', who: ['admin'], isOf: ({ json }) => json !== undefined && 'paused' in json },
};

/** Sends exactly this request target, which a client library would repair. */
function raw(method, target, { key = null, host = '127.0.0.1', headers = [], body = '' } = {}) {
  const lines = [`${method} ${target} HTTP/1.1`, `host: ${host}`, 'connection: close', `content-length: ${Buffer.byteLength(body)}`, ...headers];
  if (key) lines.push(`authorization: Bearer ${key}`);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(new URL(edge.origin).port), '127.0.0.1', () => socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
    socket.setEncoding('utf8');
    socket.on('data', (piece) => (received += piece));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head, ...rest] = received.split('\r\n\r\n');
      const text = head.includes('chunked') ? rest.join('\r\n\r\n').replaceAll(/^[0-9a-f]+\r\n|\r\n[0-9a-f]+\r\n/g, '') : rest.join('\r\n\r\n');
      let json;
      try {
        json = JSON.parse(text);
      } catch {
        // Not every answer is JSON.
      }
      resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase(), text: text.trim(), json });
    });
  });
}

/** The endpoint whose content an answer has. */
const endpointOf = (answer) => (answer.status === 200 ? Object.keys(ENDPOINTS).filter((name) => ENDPOINTS[name].isOf(answer)) : []);

const encode = (text) => text.replaceAll('/', '%2f');
const full = (text) => text.replaceAll(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);

/** Other spellings of a path, and paths that some readers take for it. */
const spellings = (path) => {
  const [, first, ...rest] = path.split('/');
  const tail = rest.map((part) => `/${part}`).join('');
  return [
    path, `${path}/`, `${path}//`, `/${path}`, `//${path}`, `/.${path}`, `/..${path}`, `/x/..${path}`, `/%2e${path}`, `/%2e%2e${path}`, `/x/%2e%2e${path}`, `/healthz/..${path}`, `/v1/models/../..${path}`,
    `/${first}/.${tail}`, `/${first}//${tail.slice(1)}`, `/${first}/x/..${tail}`, `/${first}/%2e%2e/${first}${tail}`, `/public${path}`, `/api${path}`, `/api/api${path}`, `/API${path}`, `/api/..${path}`,
    encode(path), `/${encode(path.slice(1))}`, `/${first}%2f${rest.join('%2f')}`, `/${first}%5c${rest.join('%5c')}`, `/${first}\\${rest.join('\\')}`, full(path), `${path}%00`, `${path}%20`, `${path};x=y`, `/;x=y${path}`,
    `/${first};/${rest.join('/')}`, `${path}.json`, `${path}?x=/healthz`, `/healthz?x=${path}`, `/healthz/${path}`, `${path}#/healthz`, `${path}%23`, `${path}%3f`, path.toUpperCase(), `/${first.toUpperCase()}${tail}`, `${path}/..`, `${path}/../..${path}`,
    `http://127.0.0.1${path}`, `http://evil.example${path}`, `http://user:pass@127.0.0.1${path}`, `/http://127.0.0.1${path}`,
  ];
};

test('no spelling of a path reaches an endpoint with the rights of another', async () => {
  const reached = new Set();
  for (const { path } of Object.values(ENDPOINTS)) {
    for (const target of spellings(path)) {
      for (const [who, key] of Object.entries(CREDENTIALS)) {
        const answer = await raw('GET', target, { key });
        const where = `${who} at ${target}: ${answer.status} ${answer.text.slice(0, 200)}`;
        assert.ok(answer.status < 500, where);
        const names = endpointOf(answer);
        if (answer.status === 200) assert.equal(names.length, 1, where);
        for (const name of names) assert.ok(ENDPOINTS[name].who.includes(who), where);
        names.forEach((name) => reached.add(`${who} ${name}`));
      }
    }
  }
  const expected = Object.entries(ENDPOINTS).flatMap(([name, { who }]) => who.map((each) => `${each} ${name}`));
  assert.deepEqual([...reached].sort(), expected.sort(), 'every endpoint was reached by those who may, and by nobody else');
});

test('no spelling of a path makes a call or a change without the right secret', async () => {
  const body = JSON.stringify({ model: SECOND, messages: [{ role: 'user', content: 'hi' }] });
  await emulator.clear();
  for (const path of ['/v1/chat/completions', '/v1/responses', '/v1/messages', '/v1/messages/count_tokens', '/v1/session']) {
    for (const target of spellings(path)) {
      for (const key of [null, METRICS, ADMIN]) {
        for (const headers of key ? [[], [`x-api-key: ${key}`]] : [[]]) {
          const answer = await raw('POST', target, { key: headers.length > 0 ? null : key, headers, body });
          assert.ok([400, 401, 404, 405].includes(answer.status), `${target}: ${answer.status} ${answer.text}`);
        }
      }
    }
  }
  assert.deepEqual((await emulator.log()).filter(({ method }) => method === 'POST'), []);
  const made = await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: '{"name":"kept"}' });
  const { id, key: managed } = JSON.parse(made.text);
  for (const path of [`/admin/keys/${id}`, '/admin/keys', '/admin/pause', `/admin/keys/${id}/rotate`]) {
    for (const target of spellings(path)) {
      for (const key of [null, CLIENT_KEY, METRICS, managed]) {
        for (const method of ['POST', 'PATCH', 'DELETE']) {
          const answer = await raw(method, target, { key, body: '{"name":"changed"}' });
          assert.ok([400, 401, 404, 405].includes(answer.status), `${method} ${target}: ${answer.status} ${answer.text}`);
        }
      }
    }
  }
  const { data } = JSON.parse((await send(edge, '/admin/keys', { key: ADMIN })).text);
  assert.deepEqual(data.map(({ name, revokedAt, rotatedAt }) => [name, revokedAt, rotatedAt]), [['kept', undefined, undefined]]);
  assert.equal(JSON.parse((await send(edge, '/admin/pause', { key: ADMIN })).text).paused, false);
});

test('a page of another origin reads no answer of /admin, however its path is spelt', async () => {
  for (const path of ['/admin/keys', '/admin/pause', '/admin/nothing']) {
    for (const target of spellings(path)) {
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await raw(method, target, { key: ADMIN, headers: [`origin: ${EVIL}`, 'access-control-request-method: GET'] });
        const isReadable = answer.head.includes('access-control-allow-origin');
        const isAdmins = endpointOf(answer).some((name) => ['keys', 'pause'].includes(name)) || /"(origin_not_allowed|invalid_admin_token)"/.test(answer.text);
        assert.ok(!(isReadable && isAdmins), `${method} ${target}: ${answer.text}`);
        assert.ok(!endpointOf(answer).includes('keys') && !endpointOf(answer).includes('pause'), `${method} ${target}`);
      }
    }
  }
});

test('no header names another path, method or host', async () => {
  const headers = (path, method) => [
    `x-original-url: ${path}`, `x-rewrite-url: ${path}`, `x-forwarded-path: ${path}`, `x-forwarded-uri: ${path}`, `x-forwarded-prefix: ${path}`, `x-http-method-override: ${method}`,
    `x-method-override: ${method}`, `x-forwarded-host: 127.0.0.1`, `x-host: 127.0.0.1`, `forwarded: host=127.0.0.1;proto=https`, `x-forwarded-proto: https`, 'x-forwarded-ssl: on', 'front-end-https: on',
  ];
  for (const [key, path] of [[CLIENT_KEY, '/admin/keys'], [null, '/admin/keys'], [CLIENT_KEY, '/metrics'], [METRICS, '/admin/keys']]) {
    const answer = await raw('GET', '/healthz', { key, headers: headers(path, 'POST') });
    assert.deepEqual([answer.status, answer.json], [200, { ok: true }]);
    assert.equal((await raw('GET', '/admin/keys', { key, headers: headers('/healthz', 'OPTIONS') })).status, 401);
  }
  // Another host needs HTTPS, whatever other headers say; a host with a path or with user information is no host of this machine.
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'evil.example:80', '127.0.0.1@evil.example', 'evil.example/127.0.0.1', 'evil.example#127.0.0.1', '[::1].evil.example']) {
    const answer = await raw('GET', '/v1/models', { key: CLIENT_KEY, host, headers: headers('/v1/models', 'GET') });
    assert.ok([400, 403, 404].includes(answer.status), `${host}: ${answer.status} ${answer.text}`);
    assert.equal(endpointOf(answer).length, 0);
  }
});
