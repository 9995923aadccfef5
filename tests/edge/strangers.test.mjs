// The brake for strangers: what costs something is counted for a network before it costs. Known callers are never counted. Keys travel
// encrypted.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { SECOND, send } from './harness.mjs';
import { setUp, useEdge, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const ADMIN = 'admin-0123456789-0123456789-0123456789';
const METRICS = 'metrics-0123456789-0123456789-0123456789';
const SERVER_KEY = 'fs_test_server';
const LIMIT = 20;

const turnstile = { asked: 0 };
setUp(async () => {
  const server = createServer((request, response) => {
    request.resume();
    turnstile.asked += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":false,"error-codes":["invalid-input-response"]}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  turnstile.url = `http://127.0.0.1:${server.address().port}/turnstile/v0/siteverify`;
});

const { edge } = useEdge(() => ({
  strangers: LIMIT,
  secrets: { ADMIN_TOKEN: ADMIN, METRICS_TOKEN: METRICS, TURNSTILE_SECRET: 'turnstile', SESSION_SECRET: 'session-0123456789-0123456789-012345' },
  failsoft: { keys: [clientKey(), clientKey({ name: 'server', addresses: ['198.51.100.0/24', '2001:db8:9::/48'] }, SERVER_KEY)], models: [SECOND], visitors: { origins: [APP], siteverify: turnstile.url, models: [SECOND] } },
}));

const from = (address, headers = {}) => ({ 'cf-connecting-ip': address, ...headers });
const session = (address) => send(edge, '/v1/session', {
  method: 'POST', key: null, headers: from(address, { origin: APP, 'content-type': 'application/json' }), body: '{"turnstile":"junk"}',
});
const models = (key, address) => send(edge, '/v1/models', { key, headers: from(address) });
const statuses = async (count, request) => {
  const seen = {};
  for (let at = 0; at < count; at += 1) {
    const { status } = await request(at);
    seen[status] = (seen[status] ?? 0) + 1;
  }
  return seen;
};
const objects = async () => (await readdir(join(edge.folder, 'Keys')).catch(() => [])).filter((file) => file.endsWith('.sqlite')).length;
const invented = (length = 32) => `fs_${randomBytes(8).toString('hex')}_${randomBytes(length).toString('hex')}`;

test('junk tokens of one network ask Turnstile as often as the brake allows', async () => {
  assert.deepEqual(await statuses(100, () => session('203.0.113.1')), { 403: LIMIT, 429: 80 });
  assert.equal(turnstile.asked, LIMIT);
  const refused = await session('203.0.113.1');
  assert.equal(JSON.parse(refused.text).error.code, 'too_many_attempts');
  assert.equal(refused.headers['retry-after'], '60');
  assert.equal((await session('203.0.113.2')).status, 403);
});

test('all addresses of an IPv6 household are one network', async () => {
  const address = (at) => `2001:db8:1:${(0x200 + at).toString(16)}::${at + 1}`;
  assert.deepEqual(await statuses(100, (at) => session(address(at))), { 403: LIMIT, 429: 80 });
  assert.equal((await session('2001:db8:1:300::1')).status, 403);
});

test('wrong admin and metrics tokens are in the log and end in a 429, and the right token still works', async () => {
  for (const [path, right, name] of [['/admin/keys', ADMIN, 'ADMIN_TOKEN'], ['/metrics', METRICS, 'METRICS_TOKEN']]) {
    const ask = (key) => send(edge, path, { key, headers: from('203.0.113.3') });
    assert.deepEqual(await statuses(50, (at) => ask(`guess-${at}`)), { 401: LIMIT, 429: 30 });
    assert.equal((await ask(right)).status, 200);
    const lines = edge.said().split('\n').filter((line) => line.includes('"event":"wrongSecret"') && line.includes(name));
    assert.equal(lines.length, 50);
  }
  assert.match(edge.said(), /"event":"brake"/);
  assert.ok(!edge.said().includes('203.0.113') && !edge.said().includes('guess-'));
});

test('invented keys make as many objects as the brake allows, and none if their checksum is wrong', async () => {
  const before = await objects();
  assert.deepEqual(await statuses(60, () => models(invented(36), '203.0.113.4')), { 401: 60 });
  assert.equal(await objects(), before);
  assert.deepEqual(await statuses(60, () => models(invented(), '203.0.113.4')), { 401: LIMIT, 429: 40 });
  assert.ok((await objects()) <= before + LIMIT + 1);
});

test('known keys are not counted, whatever strangers of the same network do', async () => {
  const made = await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: '{"name":"a"}' });
  const { key } = JSON.parse(made.text);
  assert.equal((await models(key, '203.0.113.5')).status, 200);
  await statuses(60, () => models(invented(), '203.0.113.5'));
  assert.deepEqual(await statuses(60, () => models(key, '203.0.113.5')), { 200: 60 });
  assert.deepEqual(await statuses(60, () => models(CLIENT_KEY, '203.0.113.5')), { 200: 60 });
  assert.equal((await models(`${key.slice(0, -1)}${key.endsWith('0') ? 1 : 0}`, '203.0.113.5')).status, 401);
});

test('a key with addresses works from these only, whether the configuration or /admin made it', async () => {
  const made = await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: '{"name":"server","addresses":["198.51.100.0/24","2001:db8:9::/48"]}' });
  const managed = JSON.parse(made.text).key;
  for (const key of [SERVER_KEY, managed]) {
    for (const [address, status] of [['198.51.100.200', 200], ['2001:db8:9:1::7', 200], ['198.51.101.1', 403], ['2001:db8:8::7', 403], ['nonsense', 403]]) {
      assert.equal((await models(key, address)).status, status, address);
    }
    // No other header names the address, and a list of addresses is none.
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'fastly-client-ip', 'x-cluster-client-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'cf_connecting_ip', 'forwarded']) {
      const value = name === 'forwarded' ? 'for=198.51.100.200' : '198.51.100.200';
      assert.equal((await send(edge, '/v1/models', { key, headers: from('203.0.113.9', { [name]: value }) })).status, 403, name);
      assert.equal((await send(edge, '/v1/models', { key, headers: { [name]: value } })).status, 403, name);
    }
    for (const list of ['203.0.113.9, 198.51.100.200', '198.51.100.200, 203.0.113.9', '198.51.100.200:80', '[2001:db8:9:1::7]', '0xc6.51.100.200', '198.51.25800']) {
      assert.equal((await models(key, list)).status, 403, list);
    }
    const refused = await send(edge, '/v1/models', { key });
    assert.deepEqual([refused.status, JSON.parse(refused.text).error.code], [403, 'address_not_allowed']);
  }
  const wrong = await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: '{"name":"a","addresses":["198.51.100.0/24","x"]}' });
  assert.deepEqual([wrong.status, JSON.parse(wrong.text).error.param], [400, 'addresses[1]']);
});

test('plain HTTP is for this machine, and a reply over HTTPS asks for HTTPS from then on', async () => {
  const ask = (headers, path = '/v1/models') => send(edge, path, { headers });
  const plain = await ask({ host: 'edge.example' });
  assert.deepEqual([plain.status, JSON.parse(plain.text).error.code], [403, 'https_required']);
  assert.equal((await ask({ host: 'edge.example', 'x-forwarded-proto': 'https' })).status, 403);
  assert.equal((await ask({ host: 'edge.example' }, '/healthz')).status, 200);
  const local = await ask({});
  assert.deepEqual([local.status, local.headers['strict-transport-security']], [200, undefined]);
  // workerd takes the scheme of the request from this header, as a socket with TLS would set it.
  const encrypted = await ask({ host: 'edge.example', 'x-test-scheme': 'https' });
  assert.deepEqual([encrypted.status, encrypted.headers['strict-transport-security']], [200, 'max-age=31536000']);
});

test('a proxy that the owner trusts, and a flag for development, lift the rule of HTTPS', async () => {
  const ask = (own, scheme) => send(own, '/v1/models', { headers: { host: 'edge.example', ...(scheme ? { 'x-forwarded-proto': scheme } : {}) } });
  for (const [fields, scheme, status] of [
    [{ trustProxy: true }, 'https', 200], [{ trustProxy: true }, undefined, 200], [{ trustProxy: true }, 'http', 403], [{ trustProxy: false }, 'https', 403],
    [{ development: true }, undefined, 200], [{ development: true }, 'http', 200], [{ development: false }, undefined, 403],
  ]) {
    await withEdge({ failsoft: { keys: [clientKey()], models: [SECOND], ...fields } }, async (own) => {
      assert.equal((await ask(own, scheme)).status, status, `${JSON.stringify(fields)} ${scheme}`);
    });
  }
});

test('what the owner changes is in the audit log, and what strangers try is not', async () => {
  const admin = (method, path, key, body) => send(edge, path, { method, key, body, headers: from('203.0.113.9') });
  await edge.database.all('DELETE FROM audit');
  const { id } = JSON.parse((await admin('POST', '/admin/keys', ADMIN, '{"name":"audited"}')).text);
  await admin('PATCH', `/admin/keys/${id}`, ADMIN, '{"budget":null}');
  await admin('PATCH', `/admin/keys/${id}`, ADMIN, '{"nonsense":1}');
  await admin('DELETE', `/admin/keys/${id}`, ADMIN);
  await admin('GET', '/admin/keys', ADMIN);
  await admin('POST', '/admin/keys', 'a guess', '{"name":"a"}');
  const rows = await edge.database.all('SELECT * FROM audit ORDER BY at, rowid');
  assert.deepEqual(rows.map(({ method, path, status }) => [method, path, status]), [
    ['POST', '/admin/keys', 201],
    ['PATCH', `/admin/keys/${id}`, 200],
    ['PATCH', `/admin/keys/${id}`, 400],
    ['DELETE', `/admin/keys/${id}`, 200],
  ]);
  assert.ok(rows.every(({ request, at }) => request.length > 0 && at > 1_700_000_000_000));
  assert.ok(!JSON.stringify(rows).includes('audited'));
});
