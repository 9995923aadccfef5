// Visitors of a web page: each Turnstile token gives one session, which works on that page for a limited time.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { RESET_MODULES } from './reset.mjs';
import { setUp, useEdge, useEmulator, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const OTHER = 'https://other.example';
const EVIL = 'https://evil.example';
const SECRETS = { TURNSTILE_SECRET: 'turnstile-secret-of-the-test', SESSION_SECRET: 'session-0123456789-0123456789-012345' };
const ADDRESS = '203.0.113.7';

/**
 * Turnstile's siteverify: accepts each token once, with the right secret, and again with the same idempotency key. A token is the
 * JSON of the answer.
 */
async function startTurnstile() {
  const turnstile = { asked: [], used: new Map(), single: true, answer: null };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    turnstile.asked.push(body);
    if (turnstile.answer) return turnstile.answer(request, response, body);
    const verdict = judge(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(verdict));
  });
  const refusal = (...codes) => ({ success: false, 'error-codes': codes, messages: [] });
  const judge = ({ secret, response: token, idempotency_key: key }) => {
    if (secret !== SECRETS.TURNSTILE_SECRET) return refusal('invalid-input-secret');
    if (!token.startsWith('{')) return refusal('invalid-input-response');
    if (turnstile.single && turnstile.used.has(token) && turnstile.used.get(token) !== (key ?? NaN)) return refusal('timeout-or-duplicate');
    turnstile.used.set(token, key);
    return { success: true, challenge_ts: new Date().toISOString(), 'error-codes': [], cdata: '', ...JSON.parse(token) };
  };
  turnstile.judge = judge;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  turnstile.url = `http://127.0.0.1:${server.address().port}/turnstile/v0/siteverify`;
  turnstile.stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return turnstile;
}

let serial = 0;
/** A token as the widget gives it after a visitor has passed at `hostname`. */
const solved = (fields = {}) => JSON.stringify({ hostname: 'app.example', action: 'chat', serial: (serial += 1), ...fields });

const emulator = useEmulator();
let turnstile;

const failsoft = (visitors = {}) => ({
  upstream: { url: emulator.baseURL, dialect: 'openai' },
  models: [SECOND],
  routes: { support: { models: [SECOND] }, internal: { models: ['x/secret'] } },
  policy: POLICY,
  visitors: { origins: [APP, OTHER], action: 'chat', siteverify: turnstile.url, routes: ['support'], models: [], ...visitors },
});

setUp(async () => {
  turnstile = await startTurnstile();
});

after(() => turnstile?.stop());

const { edge } = useEdge(() => ({ isolates: 2, secrets: SECRETS, failsoft: { ...failsoft(), keys: undefined } }), emulator);

async function session(token, { origin = APP, address = ADDRESS, at = edge, isolate = 0, body } = {}) {
  const headers = { 'content-type': 'application/json' };
  if (origin) headers.origin = origin;
  if (address) headers['cf-connecting-ip'] = address;
  const to = { origin: at.origins[isolate] };
  const answer = await send(to, '/v1/session', { method: 'POST', key: null, headers, body: body ?? JSON.stringify({ turnstile: token }) });
  return { ...answer, json: JSON.parse(answer.text) };
}

async function begin(options) {
  const answer = await session(solved(options?.token), options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.token;
}

const models = (key, origin = APP, at = edge) => send(at, '/v1/models', { key, headers: origin ? { origin } : {} });

/** The payload of a session. */
const payloadOf = (token) => JSON.parse(Buffer.from(token.slice(4).split('.')[0], 'base64url').toString());

const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const SIGNATURE = 'failsoft: signature of a session';
const ACCOUNT = "failsoft: name of a visitor's account";

/** A session with `payload`, signed with the key that is derived from `secret` for `use`. */
function forged(payload, secret, { prefix = 'fsv_', use = SIGNATURE } = {}) {
  const text = `${prefix}${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
  return `${text}.${hmac(use === null ? secret : hmac(secret, use), text).toString('base64url')}`;
}

test('a visitor calls with a session, from the page that requested the session', async () => {
  const answer = await session(solved());
  assert.equal(answer.status, 200, answer.text);
  const { token, expires_in: lifetime } = answer.json;
  assert.match(token, /^fsv_[\w-]+\.[\w-]{43}$/);
  assert.equal(lifetime, 900);
  assert.equal(answer.headers['access-control-allow-origin'], APP);
  assert.match(answer.headers['cache-control'], /no-store/);
  assert.deepEqual(turnstile.asked.at(-1).remoteip, ADDRESS);
  const list = JSON.parse((await models(token)).text);
  assert.deepEqual(list.data.map(({ id }) => id), ['route/support']);
  const completion = await chat(edge, { model: 'route/support' }, { key: token, headers: { origin: APP } });
  assert.equal(completion.status, 200, completion.text);
  const refused = await chat(edge, { model: 'route/internal' }, { key: token, headers: { origin: APP } });
  assert.equal(refused.status, 404);
});

test('the preflight for a session is allowed for a page of the app, and for no other page', async () => {
  const ask = (origin) => send(edge, '/v1/session', { method: 'OPTIONS', key: null, headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
  const allowed = await ask(APP);
  assert.equal(allowed.headers['access-control-allow-origin'], APP);
  assert.equal(allowed.headers['access-control-allow-headers'], 'content-type');
  assert.equal((await ask(EVIL)).headers['access-control-allow-origin'], undefined);
});

test('a session works for the origin of its page only', async () => {
  const token = await begin();
  for (const origin of [OTHER, EVIL, 'null', edge.origin, `${APP}:8443`, 'http://app.example', null]) {
    const answer = await models(token, origin);
    assert.equal(answer.status, 403, `${origin}: ${answer.text}`);
    assert.equal(JSON.parse(answer.text).error.code, 'origin_not_allowed');
  }
  assert.equal((await models(token)).status, 200);
});

test('a Turnstile token gives one session', async () => {
  const token = solved();
  assert.equal((await session(token)).status, 200);
  for (const isolate of [0, 1]) {
    const again = await session(token, { isolate });
    assert.deepEqual([again.status, again.json.error.code], [403, 'turnstile_refused']);
  }
});

test('a Turnstile token gives one session for many requests at the same time, even if Turnstile accepts the token again', async () => {
  turnstile.single = false;
  try {
    const token = solved();
    const all = await Promise.all(Array.from({ length: 30 }, (_, at) => session(token, { isolate: at % 2 })));
    assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array(29).fill(403)]);
  } finally {
    turnstile.single = true;
  }
});

test('a token whose verification was lost gives a session at the next try, and then none', async () => {
  const [token, other] = [solved(), solved()];
  // Turnstile verifies the token, and its answer is lost.
  turnstile.answer = (request, _, body) => {
    turnstile.judge(body);
    request.socket.destroy();
  };
  try {
    const lost = await session(token);
    assert.deepEqual([lost.status, lost.json.error.code], [503, 'turnstile_unavailable']);
  } finally {
    turnstile.answer = null;
  }
  const statuses = [];
  for (const isolate of [0, 1, 0]) statuses.push((await session(token, { isolate })).status);
  assert.deepEqual(statuses, [200, 403, 403]);
  assert.equal((await session(other)).status, 200);
  const keys = (of) => new Set(turnstile.asked.filter(({ response }) => response === of).map(({ idempotency_key: key }) => key));
  assert.deepEqual([keys(token).size, keys(other).size, new Set([...keys(token), ...keys(other)]).size], [1, 1, 2]);
  for (const key of keys(token)) assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('a token that was verified while the object of used tokens was reset gives a session at the next try, and then none', async () => {
  const token = solved();
  await withEdge({ modules: RESET_MODULES, secrets: SECRETS, failsoft: failsoft() }, async (at) => {
    await send(at, '/v1/nothing', { method: 'OPTIONS', key: null, headers: { 'x-reset': 'Spend before' } });
    const failed = await session(token, { at });
    assert.deepEqual([failed.status, failed.json.error.code], [503, 'keys_unavailable']);
    assert.equal((await session(token, { at })).status, 200);
    assert.equal((await session(token, { at })).status, 403);
  });
});

test('a Turnstile token that is invalid, or from another host or action, gives no session', async () => {
  for (const token of ['invented', solved({ hostname: 'evil.example' }), solved({ hostname: 'app.example.evil' }), solved({ hostname: undefined }), solved({ action: 'login' }), solved({ action: undefined }), solved({ success: false, 'error-codes': ['timeout-or-duplicate'] })]) {
    const answer = await session(token);
    assert.deepEqual([answer.status, answer.json.error.code], [403, 'turnstile_refused'], token);
    assert.ok(!('token' in answer.json));
  }
});

test('a session is refused to a page of another origin, and Turnstile is not asked', async () => {
  const count = turnstile.asked.length;
  for (const origin of [EVIL, 'null', edge.origin, null]) {
    const answer = await session(solved(), { origin });
    assert.deepEqual([answer.status, answer.json.error.code], [403, 'origin_not_allowed'], String(origin));
  }
  assert.equal(turnstile.asked.length, count, 'Turnstile gets no request');
});

test('the answer to a request without a token names the missing field', async () => {
  for (const body of ['', '{}', '[]', '{"turnstile": 1}', '{"turnstile": ""}', 'x'.repeat(100)]) {
    const answer = await session(null, { body });
    assert.deepEqual([answer.status, answer.json.error.param], [400, 'turnstile'], body);
  }
  assert.equal((await session(null, { body: JSON.stringify({ turnstile: 'x'.repeat(9_000) }) })).status, 413);
});

test('a session that this edge did not issue is refused', async () => {
  const token = await begin();
  const payload = payloadOf(token);
  const [text, mac] = token.slice(4).split('.');
  const longer = Buffer.from(JSON.stringify({ ...payload, until: payload.until + 9_999 })).toString('base64url');
  for (const other of [
    forged(payload, 'another secret'),
    forged(payload, ''),
    forged(payload, SECRETS.TURNSTILE_SECRET),
    forged(payload, SECRETS.SESSION_SECRET, { prefix: '' }),
    forged(payload, SECRETS.SESSION_SECRET, { use: null }),
    forged(payload, SECRETS.SESSION_SECRET, { use: ACCOUNT }),
    `fsv_${longer}.${mac}`,
    `fsv_${text}.`,
    `fsv_${text}`,
    `fsv_${text}.${mac}x`,
    `fsv_${text}.${mac.slice(0, -1)}`,
    `fsv_${text}.${mac}.${mac}`,
    `fsv_.${mac}`,
    `${text}.${mac}`,
    'fsv_',
  ]) {
    const answer = await models(other);
    assert.equal(answer.status, 401, `${other}: ${answer.text}`);
    assert.equal(JSON.parse(answer.text).error.code, other.startsWith('fsv_') ? 'token_invalid' : 'invalid_api_key');
  }
  assert.equal((await models(forged(payload, SECRETS.SESSION_SECRET))).status, 200, 'a session with the right secret is accepted');
  const expired = await models(forged({ ...payload, until: Math.floor(Date.now() / 1000) }, SECRETS.SESSION_SECRET));
  assert.deepEqual([expired.status, JSON.parse(expired.text).error.code], [401, 'token_expired']);
  assert.match(expired.text, /expired/);
});

test('a session of the old secret works while the secret rotates, and no session of another secret does', async () => {
  const payload = payloadOf(await begin());
  const old = 'an-old-session-secret-0123456789-01234567';
  const rotating = { ...SECRETS, SESSION_SECRET_OLD: old };
  await withEdge({ secrets: rotating, failsoft: failsoft() }, async (at) => {
    for (const [secret, status] of [[SECRETS.SESSION_SECRET, 200], [old, 200], ['a-third-session-secret-0123456789-012345', 401]]) {
      assert.equal((await models(forged(payload, secret), APP, at)).status, status);
    }
    assert.equal((await models(await begin({ at }), APP, at)).status, 200);
  });
  await withEdge({ secrets: { ...SECRETS, SESSION_SECRET_OLD: 'short' }, failsoft: failsoft() }, async (at) => {
    assert.match((await send(at, '/healthz', { key: null })).text, /SESSION_SECRET_OLD/);
  });
});

test('a session is refused after its lifetime', async () => {
  await withEdge({ modules: CLOCK_MODULES, secrets: SECRETS, failsoft: failsoft({ lifetime: 600 }) }, async (short) => {
    const token = await begin({ at: short });
    await setClockAhead(short, 540_000);
    assert.equal((await models(token, APP, short)).status, 200);
    await setClockAhead(short, 601_000);
    assert.equal((await models(token, APP, short)).status, 401);
  });
});

test('all sessions of an address share one account, and the account does not reveal the address', async () => {
  const account = async (address) => payloadOf(await begin({ address })).account;
  const first = await account(ADDRESS);
  assert.equal(first, `visitor:${hmac(hmac(SECRETS.SESSION_SECRET, ACCOUNT), ADDRESS).toString('hex').slice(0, 32)}`);
  assert.equal(await account(ADDRESS), first);
  assert.equal(await account(`::ffff:${ADDRESS}`), first);
  assert.notEqual(await account('203.0.113.8'), first);
  const network = await account('2001:db8:1:2:3:4:5:6');
  assert.equal(await account('2001:db8:1:2:ffff::1'), network);
  assert.notEqual(await account('2001:db8:1:3::1'), network);
  const folder = join(edge.folder, 'Keys');
  const kept = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'latin1')));
  assert.ok(kept.some((text) => text.length > 0));
  for (const text of [...kept, edge.said()]) assert.ok(!text.includes(ADDRESS) && !text.includes('2001:db8'));
});

for (const [name, answer] of [
  ['fails', (_, response) => response.writeHead(500).end('{"success": true, "hostname": "app.example", "action": "chat"}')],
  ['answers with a page', (_, response) => response.end('<html>')],
  ['gives no clear verdict', (_, response) => response.end('{"success": "true"}')],
  ['redirects', (_, response) => response.writeHead(302, { location: turnstile.url }).end()],
  ['does not know the secret', (_, response) => response.end('{"success": false, "error-codes": ["invalid-input-secret"]}')],
]) {
  test(`while Turnstile ${name}, no session is issued`, async () => {
    turnstile.answer = answer;
    try {
      const refused = await session(solved());
      assert.deepEqual([refused.status, refused.json.error.code], [503, 'turnstile_unavailable']);
    } finally {
      turnstile.answer = null;
    }
  });
}

test('no answer, log line or stored file holds a secret', async () => {
  const token = await begin();
  const kept = await readdir(join(edge.folder, 'Keys'));
  const files = await Promise.all(kept.map((file) => readFile(join(edge.folder, 'Keys', file), 'latin1')));
  assert.ok(files.some((text) => text.length > 0));
  for (const text of [...files, edge.said(), token, Buffer.from(token.slice(4), 'base64url').toString()]) {
    for (const secret of Object.values(SECRETS)) assert.ok(!text.includes(secret));
  }
  assert.ok(!edge.said().includes(token));
});

test('without the configuration of visitors there are no sessions, and without their secrets the edge is not set up', async () => {
  await withEdge({ failsoft: { keys: [{ name: 'a', sha256: '0'.repeat(64) }], models: ['*'] } }, async (none) => {
    const answer = await session(solved(), { at: none });
    assert.deepEqual([answer.status, answer.json.error.code], [404, 'visitors_not_set_up']);
    assert.equal((await models(await begin(), APP, none)).status, 401);
  });
  for (const [secrets, fields, problem] of [
    [{}, {}, /TURNSTILE_SECRET is not set.*\n.*SESSION_SECRET is not set/],
    [{ ...SECRETS, SESSION_SECRET: 'short' }, {}, /SESSION_SECRET is too short/],
    [SECRETS, { origins: undefined }, /`visitors.origins` is missing: name the web pages/],
    [SECRETS, { origins: ['*'] }, /`visitors.origins` cannot hold "\*": name the web pages/],
    [SECRETS, { siteverify: 'https://evil.example' }, /`visitors.siteverify` must be a URL on this machine/],
    [SECRETS, { lifetime: 86_401 }, /`visitors.lifetime` must be a whole number from 1 to 86400/],
  ]) {
    await withEdge({ secrets, failsoft: failsoft(fields) }, async (broken) => {
      assert.match(JSON.parse((await send(broken, '/healthz')).text).problems.join('\n'), problem);
    });
  }
});
