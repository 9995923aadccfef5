// Admin tokens: each has a name, which the audit log records, and scopes. An admin can revoke one session, on every isolate.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { SECOND, chat, send } from './harness.mjs';
import { configure, setUp, useEdge, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const token = (name) => `${name}-0123456789-0123456789-0123456789`;
const [OWNER, READER, KEEPER, ON_CALL] = ['owner', 'reader', 'keeper', 'on-call'].map(token);
const ADMINS = [
  { name: 'a reader', token: 'READER_TOKEN', scopes: ['read'] },
  { name: 'keeper', token: 'KEEPER_TOKEN', scopes: ['keys'] },
  { name: 'on-call', token: 'ON_CALL', scopes: ['read', 'routes'] },
];

const turnstile = {};
setUp(async () => {
  const server = createServer((request, response) => {
    request.resume();
    const challenge = { success: true, hostname: 'app.example', challenge_ts: new Date().toISOString(), action: '' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(challenge));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  turnstile.url = `http://127.0.0.1:${server.address().port}/siteverify`;
});

const { emulator, edge } = useEdge(() => ({
  isolates: 2,
  secrets: {
    ADMIN_TOKEN: OWNER, READER_TOKEN: READER, KEEPER_TOKEN: KEEPER, ON_CALL,
    TURNSTILE_SECRET: 'turnstile', SESSION_SECRET: 'session-0123456789-0123456789-012345',
  },
  failsoft: { keys: [clientKey()], models: [SECOND], admins: ADMINS, visitors: { origins: [APP], siteverify: turnstile.url, models: [SECOND] } },
}));

const admin = (method, path, key, body) => send(edge, path, { method, key, body });
const code = (answer) => JSON.parse(answer.text).error?.code ?? answer.status;

test('a token does what its scopes allow, and nothing else', async () => {
  const made = JSON.parse((await admin('POST', '/admin/keys', OWNER, '{"name":"a"}')).text);
  const requests = {
    read: [['GET', '/admin/keys'], ['GET', `/admin/keys/${made.id}`], ['GET', '/admin/pause']],
    keys: [['POST', '/admin/keys', '{"name":"b"}'], ['PATCH', `/admin/keys/${made.id}`, '{"budget":null}'], ['POST', `/admin/keys/${made.id}/rotate`], ['DELETE', '/admin/sessions/0123456789abcdef'], ['DELETE', `/admin/keys/${made.id}`]],
    routes: [['POST', '/admin/pause'], ['POST', '/admin/resume']],
  };
  for (const [key, scopes] of [[READER, ['read']], [ON_CALL, ['read', 'routes']], [KEEPER, ['keys']], [OWNER, ['read', 'keys', 'routes']]]) {
    for (const [scope, list] of Object.entries(requests)) {
      for (const [method, path, body] of list) {
        const answer = await admin(method, path, key, body);
        if (scopes.includes(scope)) assert.ok([200, 201, 409].includes(answer.status), `${key} ${method} ${path} ${answer.text}`);
        else assert.equal(code(answer), 'insufficient_scope', `${key} ${method} ${path}`);
      }
    }
  }
  for (const wrong of [READER.slice(1), `${READER}x`, '', 'READER_TOKEN']) assert.equal((await admin('GET', '/admin/keys', wrong)).status, 401);
  // An admin token is no key of a client, and no token of the metrics.
  for (const path of ['/v1/models', '/v1/usage']) assert.equal((await admin('GET', path, OWNER)).status, 401, path);
});

test('the log warns about a managed key that may spend any amount', async () => {
  const warned = (name) => edge.said().includes(`the key ${name} may spend any amount`);
  const made = JSON.parse((await admin('POST', '/admin/keys', KEEPER, '{"name":"bounded","budget":{"usd":{"day":1}}}')).text);
  await admin('POST', '/admin/keys', KEEPER, '{"name":"open","budget":{"usd":{"day":null},"requests":{"day":1}}}');
  assert.deepEqual([warned('bounded'), warned('open')], [false, true]);
  await admin('PATCH', `/admin/keys/${made.id}`, KEEPER, '{"budget":null}');
  assert.ok(warned('bounded'));
});

test('the audit log names who changed something, and who tried', async () => {
  await edge.database.all('DELETE FROM audit');
  const { id } = JSON.parse((await admin('POST', '/admin/keys', KEEPER, '{"name":"audited"}')).text);
  await admin('DELETE', `/admin/keys/${id}`, READER);
  await admin('POST', '/admin/pause', ON_CALL);
  await admin('POST', '/admin/resume', OWNER);
  await admin('DELETE', '/admin/sessions/0123456789abcdef', KEEPER);
  await admin('GET', '/admin/keys', READER);
  await admin('DELETE', `/admin/keys/${id}`, 'a guess');
  const rows = await edge.database.all('SELECT * FROM audit ORDER BY at, rowid');
  assert.deepEqual(rows.map((row) => [row.admin, row.method, row.path, row.status]), [
    ['keeper', 'POST', '/admin/keys', 201],
    ['a reader', 'DELETE', `/admin/keys/${id}`, 403],
    ['on-call', 'POST', '/admin/pause', 200],
    ['ADMIN_TOKEN', 'POST', '/admin/resume', 200],
    ['keeper', 'DELETE', '/admin/sessions/0123456789abcdef', 200],
  ]);
  const lines = edge.said().split('\n').filter((line) => line.startsWith('{"event":"admin"') && line.includes('"admin":"a reader"'));
  assert.ok(lines.length > 0);
  for (const secret of [OWNER, READER, KEEPER, ON_CALL]) assert.ok(!edge.said().includes(secret));
});

test('one session is revoked on every isolate, and other sessions go on', async () => {
  await admin('POST', '/admin/resume', OWNER);
  const session = async (turnstile, address) => {
    const headers = { origin: APP, 'cf-connecting-ip': address, 'content-type': 'application/json' };
    return JSON.parse((await send(edge, '/v1/session', { method: 'POST', key: null, headers, body: JSON.stringify({ turnstile }) })).text);
  };
  const [first, second] = [await session('token-1', '203.0.113.1'), await session('token-2', '203.0.113.1')];
  assert.match(first.id, /^[0-9a-f]{16}$/);
  assert.notEqual(first.id, second.id);
  assert.ok(!first.token.includes(first.id));
  const ask = (origin, { token: key }) => send({ origin }, '/v1/models', { key, headers: { origin: APP } });
  for (const origin of edge.origins) for (const each of [first, second]) assert.equal((await ask(origin, each)).status, 200);
  const called = await chat(edge, { model: SECOND }, { key: first.token, headers: { origin: APP, 'x-request-id': 'of-a-session' } });
  assert.equal(called.status, 200, called.text);
  assert.equal((await edge.line('of-a-session')).session, first.id);
  assert.equal((await admin('DELETE', `/admin/sessions/${first.id}`, KEEPER)).status, 200);
  // The isolate that revoked the session knows at once. The other one asks again after 3 s.
  assert.equal((await ask(edge.origins[0], first)).status, 401);
  const until = Date.now() + 5_000;
  while ((await ask(edge.origins[1], first)).status === 200) {
    assert.ok(Date.now() < until, 'revoked within 5 s');
    await sleep(100);
  }
  for (const origin of edge.origins) {
    const refused = await ask(origin, first);
    assert.deepEqual([refused.status, JSON.parse(refused.text).error.code], [401, 'token_revoked']);
    assert.equal((await ask(origin, second)).status, 200);
  }
  assert.equal((await chat(edge, { model: SECOND }, { key: first.token, headers: { origin: APP } })).status, 401);
  for (const id of ['', 'x', first.token, '0123456789ABCDEF']) assert.equal((await admin('DELETE', `/admin/sessions/${id}`, KEEPER)).status, 404, id);
  assert.equal((await admin('GET', `/admin/sessions/${first.id}`, KEEPER)).status, 405);
});

test('a missing, empty or short token closes the edge, and so does a token with another purpose', async () => {
  for (const [secrets, problem] of [
    [{}, 'READER_TOKEN is not set'],
    [{ READER_TOKEN: '' }, 'READER_TOKEN is too short'],
    [{ READER_TOKEN: READER.slice(0, 31) }, 'READER_TOKEN is too short'],
    [{ READER_TOKEN: READER, ADMIN_TOKEN: READER }, 'READER_TOKEN has the same value as ADMIN_TOKEN'],
  ]) {
    await withEdge({ secrets, failsoft: configure(emulator, { admins: ADMINS.slice(0, 1) }) }, async (closed) => {
      const health = await send(closed, '/healthz');
      assert.equal(health.status, 503);
      assert.match(health.text, new RegExp(problem));
      assert.equal((await send(closed, '/admin/keys', { key: secrets.READER_TOKEN ?? '' })).status, 503);
    });
  }
});
