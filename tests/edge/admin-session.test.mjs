// The admin session, attacked: fixation, requests of other pages, guesses, an id that was used before, and tokens that changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clientKey, startEdge } from '../support/edge.mjs';
import { send } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const token = (name) => `${name}-0123456789-0123456789-0123456789`;
const [OWNER, READER, STRANGER] = ['owner', 'reader', 'stranger'].map(token);
const ADMINS = [{ name: 'a reader', token: 'READER_TOKEN', scopes: ['read'] }];
const FIXED = 'A'.repeat(43);

const { emulator, edge } = useEdge(() => ({
  isolates: 2,
  strangers: 6,
  secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER },
  failsoft: { admins: ADMINS },
}));

/** Each test comes from a network of its own, because the brake counts by network. */
let network = 0;
const person = () => ({ 'cf-connecting-ip': `203.0.113.${(network += 1)}` });
const code = (answer) => JSON.parse(answer.text).error?.code ?? answer.status;

async function signIn(key = OWNER, { headers = {}, of = edge } = {}) {
  const answer = await send(of, '/admin/session', { method: 'POST', key, headers: { ...person(), ...headers } });
  assert.equal(answer.status, 201, answer.text);
  const [set] = answer.headers['set-cookie'];
  const [cookie, ...attributes] = set.split('; ');
  return { cookie, attributes, ...JSON.parse(answer.text) };
}

/** A request as the dashboard sends it; `headers` change it, and `undefined` removes a header. */
function ask(session, method, path, { headers = {}, of = edge, body } = {}) {
  const own = { cookie: session.cookie, 'sec-fetch-site': 'same-origin', 'cf-connecting-ip': '203.0.113.200' };
  if (method !== 'GET') Object.assign(own, { origin: of.origin, 'x-failsoft-csrf': session.csrf });
  const sent = Object.fromEntries(Object.entries({ ...own, ...headers }).filter(([, value]) => value !== undefined));
  return send(of, path, { method, key: null, headers: sent, body });
}

test('a token gives a session with the same scopes, whose cookie scripts and other sites do not get', async () => {
  const owner = await signIn();
  assert.deepEqual([owner.admin, owner.scopes], ['ADMIN_TOKEN', ['read', 'keys', 'routes']]);
  assert.match(owner.cookie, /^failsoft-admin=[\w-]{43}$/);
  for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert.ok(owner.attributes.includes(attribute), attribute);
  assert.ok(owner.attributes.includes('Max-Age=3600') && owner.endsAt - owner.expiresAt === 11 * 3_600);
  for (const of of edge.origins) assert.equal((await ask(owner, 'GET', '/admin/keys', { of: { origin: of } })).status, 200);
  const shown = JSON.parse((await ask(owner, 'GET', '/admin/session')).text);
  assert.deepEqual([shown.admin, shown.csrf], ['ADMIN_TOKEN', owner.csrf]);
  const reader = await signIn(READER);
  assert.equal((await ask(reader, 'GET', '/admin/keys')).status, 200);
  assert.equal(code(await ask(reader, 'POST', '/admin/keys', { body: '{"name":"a"}' })), 'insufficient_scope');
  assert.equal((await ask(owner, 'POST', '/admin/keys', { body: '{"name":"a"}' })).status, 201);
});

test('over HTTPS the cookie is bound to the host and to HTTPS, and the plain cookie opens nothing', async () => {
  const https = { 'x-test-scheme': 'https' };
  const secure = await signIn(OWNER, { headers: https });
  assert.match(secure.cookie, /^__Host-failsoft-admin=/);
  assert.ok(secure.attributes.includes('Secure'));
  const origin = edge.origin.replace('http:', 'https:');
  assert.equal((await ask(secure, 'POST', '/admin/pause', { headers: { ...https, origin } })).status, 200);
  assert.equal((await ask(secure, 'POST', '/admin/resume', { headers: { ...https, origin } })).status, 200);
  assert.equal(code(await ask(secure, 'POST', '/admin/pause', { headers: https })), 'origin_not_allowed');
  const plain = await signIn();
  assert.equal((await ask(plain, 'GET', '/admin/keys', { headers: https })).status, 401);
  assert.equal((await ask(secure, 'GET', '/admin/keys')).status, 401);
});

test('an id that somebody else chose is never adopted, wherever it stands', async () => {
  const session = await signIn(OWNER, { headers: { cookie: `failsoft-admin=${FIXED}` } });
  assert.ok(!session.cookie.includes(FIXED));
  const fixed = { cookie: `failsoft-admin=${FIXED}`, csrf: '' };
  assert.equal(code(await ask(fixed, 'GET', '/admin/keys', { headers: person() })), 'invalid_admin_session');
  const id = session.cookie.split('=')[1];
  for (const path of [`/admin/keys?failsoft-admin=${id}`, `/admin/session?id=${id}`]) {
    assert.equal((await send(edge, path, { key: null, headers: person() })).status, 401, path);
  }
  assert.equal((await send(edge, '/admin/keys', { key: id, headers: person() })).status, 401);
  // A page of another host of the same site can set a second cookie with the name, but not remove this one.
  const twice = { ...session, cookie: `failsoft-admin=${FIXED}; ${session.cookie}` };
  assert.equal((await ask(twice, 'GET', '/admin/keys')).status, 401);
});

test('a sign-in ends the session that the browser had', async () => {
  const first = await signIn();
  const second = await signIn(OWNER, { headers: { cookie: first.cookie } });
  assert.notEqual(first.cookie, second.cookie);
  assert.equal(code(await ask(first, 'GET', '/admin/keys', { headers: person() })), 'invalid_admin_session');
  assert.equal((await ask(second, 'GET', '/admin/keys')).status, 200);
});

test('a page of another origin reads and changes nothing with the cookie', async () => {
  const session = await signIn();
  const before = JSON.parse((await ask(session, 'GET', '/admin/keys')).text).data.length;
  const forged = (headers) => ask(session, 'POST', '/admin/keys', { headers, body: '{"name":"forged"}' });
  for (const [headers, expected] of [
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 'origin_not_allowed'],
    [{ origin: 'https://evil.example', 'sec-fetch-site': undefined }, 'origin_not_allowed'],
    [{ origin: 'null' }, 'origin_not_allowed'],
    [{ 'sec-fetch-site': 'same-site' }, 'origin_not_allowed'],
    [{ 'sec-fetch-site': 'cross-site' }, 'origin_not_allowed'],
    [{ origin: undefined }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': undefined }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': '' }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': (await signIn()).csrf }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': undefined, 'content-type': 'text/plain' }, 'csrf_refused'],
  ]) {
    assert.equal(code(await forged(headers)), expected, JSON.stringify(headers));
  }
  for (const site of ['cross-site', 'same-site']) assert.equal(code(await ask(session, 'GET', '/admin/keys', { headers: { 'sec-fetch-site': site } })), 'origin_not_allowed');
  for (const method of ['DELETE', 'POST']) assert.equal(code(await ask(session, method, '/admin/session', { headers: { 'x-failsoft-csrf': undefined } })), 'csrf_refused');
  assert.equal(JSON.parse((await ask(session, 'GET', '/admin/keys')).text).data.length, before);
  const preflight = await send(edge, '/admin/session', { method: 'OPTIONS', key: null, headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } });
  assert.equal(preflight.headers['access-control-allow-origin'], undefined);
});

/** Every request that changes something, with the key `id` and the route `a`. What is deleted comes last. */
const changes = (id) => [
  ['POST', '/admin/keys', { name: 'another' }],
  ['PATCH', `/admin/keys/${id}`, { name: 'renamed' }],
  ['POST', `/admin/keys/${id}/rotate`, {}],
  ['PUT', '/admin/routes/a', { route: { models: ['openai/gpt-4o'] } }],
  ['PATCH', '/admin/routes/a', { split: null }],
  ['POST', '/admin/routes/a/rollback', { version: 1 }],
  ['POST', '/admin/routes/a/dry-run', { request: { messages: [{ role: 'user', content: 'hi' }] } }],
  ['POST', '/admin/routes/a/experiments', {}],
  ['POST', '/admin/routes/a/experiments/x/stop'],
  ['DELETE', '/admin/routes/a/experiments/x'],
  ['DELETE', '/admin/cache'],
  ['DELETE', '/admin/samples'],
  ['POST', '/admin/routes', { name: 'b', route: { models: ['openai/gpt-4o'] } }],
  ['DELETE', '/admin/routes/a'],
  ['DELETE', `/admin/keys/${id}`],
  ['DELETE', '/admin/sessions/0123456789abcdef'],
  ['DELETE', '/admin/devices/0123456789abcdef'],
  ['POST', '/admin/pause'],
  ['POST', '/admin/resume'],
  ['POST', '/admin/session'],
  ['DELETE', '/admin/session'],
  ['DELETE', '/admin/session/all'],
];

test('no path of /admin that changes something takes a cookie from another page, or without the token of its session', async () => {
  const session = await signIn();
  const other = await signIn();
  const made = async (path, body) => {
    const answer = await ask(session, 'POST', path, { body: JSON.stringify(body) });
    assert.equal(answer.status, 201, answer.text);
    return JSON.parse(answer.text);
  };
  const { id } = await made('/admin/keys', { name: 'whole' });
  await made('/admin/routes', { name: 'a', route: { models: ['openai/gpt-4o-mini'] } });
  const state = async () => Promise.all(['/admin/keys', '/admin/routes', '/admin/routes/a/versions', '/admin/pause'].map(async (path) => JSON.parse((await ask(session, 'GET', path)).text)));
  const before = await state();
  await edge.database.all('DELETE FROM audit');
  const sent = ([method, path, body], headers) => ask(session, method, path, { headers: { 'if-match': '*', ...headers }, body: body && JSON.stringify(body) });
  const forgeries = [
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 'origin_not_allowed'],
    [{ origin: 'https://evil.example', 'sec-fetch-site': undefined }, 'origin_not_allowed'],
    [{ origin: 'null' }, 'origin_not_allowed'],
    [{ 'sec-fetch-site': 'same-site' }, 'origin_not_allowed'],
    [{ origin: undefined }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': undefined }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': other.csrf }, 'csrf_refused'],
    [{ 'x-failsoft-csrf': undefined, 'x-http-method-override': 'GET', 'content-type': 'text/plain' }, 'csrf_refused'],
  ];
  for (const change of changes(id)) {
    for (const [headers, expected] of forgeries) assert.equal(code(await sent(change, headers)), expected, `${change} ${JSON.stringify(headers)}`);
  }
  assert.deepEqual(await state(), before);
  const rows = await edge.database.all('SELECT admin, method, path, status FROM audit');
  // A dry run changes nothing, so it is not in the log.
  for (const [method, path] of changes(id).filter(([, path]) => !path.endsWith('dry-run'))) {
    const refused = rows.filter((row) => row.method === method && row.path === path && row.admin === 'ADMIN_TOKEN' && row.status === 403);
    // Another page is a stranger, who writes nothing into the log.
    assert.equal(refused.length, forgeries.filter(([, expected]) => expected === 'csrf_refused').length, `${method} ${path}: ${refused.length} rows`);
  }
  // The dashboard's own requests are taken, so it is the forgery that was refused.
  for (const change of changes(id).filter(([, path]) => !path.startsWith('/admin/session'))) {
    const answer = await sent(change, {});
    // There is no experiment, no sample and no device here.
    if (/experiments|samples|devices/.test(change[1])) assert.ok(![401, 403].includes(answer.status), answer.text);
    else assert.ok(answer.status < 300, `${change}: ${answer.status} ${answer.text}`);
  }
});

test('a cookie is compared as a whole, and opens no session of another admin', async () => {
  const session = await signIn(READER);
  const [name, id] = session.cookie.split('=');
  const last = id.at(-1) === 'A' ? 'B' : 'A';
  for (const wrong of [id.slice(0, -1), `${id}A`, id.slice(0, -1) + last, last + id.slice(1), id.toLowerCase(), ` ${id}`.repeat(2), `"${id}"`, '', `${id}%00`, `../${id}`]) {
    const answer = await ask({ ...session, cookie: `${name}=${wrong}` }, 'GET', '/admin/keys', { headers: person() });
    assert.equal(answer.status, wrong === id ? 200 : 401, `${JSON.stringify(wrong)}: ${answer.text}`);
  }
  // Who may read may try a dry run.
  for (const [method, path, body] of changes('0123456789abcdef').filter(([, path]) => !/session|dry-run/.test(path))) {
    assert.equal(code(await ask(session, method, path, { headers: { 'if-match': '*' }, body: body && JSON.stringify(body) })), 'insufficient_scope', `${method} ${path}`);
  }
});

test('guesses of tokens and of ids are braked, and the owner behind another address still gets in', async () => {
  for (const guess of [
    (headers) => send(edge, '/admin/session', { method: 'POST', key: STRANGER, headers }),
    (headers) => send(edge, '/admin/session', { key: null, headers: { ...headers, cookie: `failsoft-admin=${FIXED}` } }),
  ]) {
    const headers = person();
    const statuses = [];
    for (let at = 0; at < 9; at += 1) statuses.push((await guess(headers)).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429, 429, 429]);
    await signIn();
  }
});

test('after a sign-out neither the id nor an id that it replaced works, on any isolate', async () => {
  const first = await signIn();
  const renewed = await ask(first, 'POST', '/admin/session');
  assert.equal(renewed.status, 200, renewed.text);
  const second = { cookie: renewed.headers['set-cookie'][0].split('; ')[0], ...JSON.parse(renewed.text) };
  assert.notEqual(second.cookie, first.cookie);
  assert.notEqual(second.csrf, first.csrf);
  assert.equal(second.endsAt, first.endsAt);
  // Requests that were under way when the id was replaced.
  assert.equal((await ask(first, 'GET', '/admin/keys')).status, 200);
  const out = await ask(second, 'DELETE', '/admin/session');
  assert.match(out.headers['set-cookie'][0], /^failsoft-admin=; .*Max-Age=0/);
  for (const origin of edge.origins) {
    for (const session of [first, second]) {
      for (const [method, path] of [['GET', '/admin/keys'], ['POST', '/admin/session']]) {
        assert.equal(code(await ask(session, method, path, { of: { origin }, headers: person() })), 'invalid_admin_session');
      }
    }
  }
});

test('an admin ends all sessions of this admin, and no others', async () => {
  const [first, second, reader] = [await signIn(), await signIn(), await signIn(READER)];
  assert.equal((await send(edge, '/admin/session/all', { method: 'DELETE', key: OWNER })).status, 200);
  for (const session of [first, second]) assert.equal((await ask(session, 'GET', '/admin/keys', { headers: person() })).status, 401);
  assert.equal((await ask(reader, 'GET', '/admin/keys')).status, 200);
});

test('a session ends with the token that it came from', async () => {
  const options = { secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER }, failsoft: configure(emulator, { admins: ADMINS }) };
  const before = await startEdge(options);
  const sessions = [await signIn(OWNER, { of: before }), await signIn(READER, { of: before })];
  const statuses = async (of) => Promise.all(sessions.map(async (session) => (await ask(session, 'GET', '/admin/keys', { of, headers: person() })).status));
  assert.deepEqual(await statuses(before), [200, 200]);
  await before.kill();
  const rotated = { ...options, secrets: { ADMIN_TOKEN: token('rotated'), READER_TOKEN: READER }, folder: before.folder };
  const after = await startEdge(rotated);
  assert.deepEqual(await statuses(after), [401, 200]);
  await after.stop();
});

test('the audit log names who signed in, who signed out, and a forged request; a failed sign-in is a line of the log', async () => {
  await edge.database.all('DELETE FROM audit');
  const session = await signIn(READER);
  await ask(session, 'POST', '/admin/pause', { headers: { 'x-failsoft-csrf': 'forged' } });
  await ask(session, 'POST', '/admin/pause');
  await ask(session, 'DELETE', '/admin/session');
  await send(edge, '/admin/session', { method: 'POST', key: STRANGER, headers: person() });
  const rows = await edge.database.all('SELECT * FROM audit ORDER BY at, rowid');
  assert.deepEqual(rows.map(({ admin, method, path, status }) => [admin, method, path, status]), [
    ['a reader', 'POST', '/admin/session', 201],
    ['a reader', 'POST', '/admin/pause', 403],
    ['a reader', 'POST', '/admin/pause', 403],
    ['a reader', 'DELETE', '/admin/session', 200],
  ]);
  assert.match(edge.said(), /\{"event":"wrongSecret","secret":"ADMIN_TOKEN"\}/);
  assert.ok(!edge.said().includes(session.cookie.split('=')[1]) && !edge.said().includes(READER));
});

test('a session opens /admin only', async () => {
  const session = await signIn();
  for (const path of ['/v1/models', '/v1/usage', '/metrics']) assert.ok([401, 404].includes((await ask(session, 'GET', path)).status), path);
  await withEdge({ failsoft: { ...configure(emulator), keys: [clientKey()] } }, async (without) => {
    assert.equal(code(await ask(session, 'GET', '/admin/keys', { of: without })), 'admin_not_set_up');
  });
});
