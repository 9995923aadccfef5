// Client keys that /admin creates: what they allow, when they begin and end on every isolate, and who may create them.

import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { clientKey, sha256, startEdge } from '../support/edge.mjs';
import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { SECOND, chat, send } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const ADMIN = 'admin-0123456789-0123456789-0123456789';
const APP = 'https://app.example';
const EVIL = 'https://evil.example';
/** A text that is dangerous in SQL, HTML and headers. It must be stored and returned unchanged. */
const HOSTILE = `<script>alert(1)</script>'; DROP TABLE keys; -- " \\ \u2028 %00 {{7+7}}`;

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  modules: CLOCK_MODULES,
  secrets: { ADMIN_TOKEN: ADMIN },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: undefined,
    models: [SECOND],
    routes: { support: { models: [SECOND] }, internal: { models: ['x/secret'] } },
  },
}));

/** Sends a request to /admin, and returns the answer with its JSON. */
async function admin(method, path, body, { key = ADMIN, headers = {}, at = edge } = {}) {
  const answer = await send(at, `/admin/keys${path}`, { method, key, headers, body: body && JSON.stringify(body) });
  return { ...answer, json: answer.text && JSON.parse(answer.text) };
}

async function create(fields = {}) {
  const answer = await admin('POST', '', { name: 'a key', ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

/** The status of a request with `key` to one of the isolates. */
async function status(key, { isolate = 0, origin } = {}) {
  const headers = origin ? { origin } : {};
  return (await send({ origin: edge.origins[isolate] }, '/v1/models', { key, headers })).status;
}

const statuses = async (key) => Promise.all([0, 1].map((isolate) => status(key, { isolate })));

test('a key is shown once, stored as a digest, and allows what its fields say', async () => {
  const fields = { name: 'web', origins: [APP], routes: ['support'], models: ['a/*'], budget: { usd: { day: 1.5 }, concurrent: 3 } };
  const made = await create(fields);
  assert.match(made.key, new RegExp(`^fs_${made.id}_[0-9a-f]{72}$`));
  const shown = await admin('GET', `/${made.id}`);
  const { key, ...rest } = made;
  assert.deepEqual(shown.json, rest);
  assert.deepEqual({ ...shown.json, id: undefined, createdAt: undefined }, { ...fields, id: undefined, createdAt: undefined });
  assert.ok(Math.abs(shown.json.createdAt - Date.now() / 1000) < 60);
  const { object, data } = (await admin('GET', '')).json;
  assert.equal(object, 'list');
  assert.deepEqual(data.find(({ id }) => id === made.id), { id: made.id, name: 'web', createdAt: made.createdAt });
  const list = await send(edge, '/v1/models', { key, headers: { origin: APP } });
  assert.deepEqual(JSON.parse(list.text).data.map(({ id }) => id), ['route/support']);
  const answer = await chat(edge, { model: 'route/support' }, { key, headers: { origin: APP } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['access-control-allow-origin'], APP);
  const refused = await chat(edge, { model: 'route/internal' }, { key, headers: { origin: APP } });
  assert.equal(refused.status, 404);
  assert.deepEqual([await status(key), await status(key, { origin: EVIL })], [403, 403]);
  const text = JSON.stringify([data, shown]) + edge.said();
  for (const secret of [key, key.slice(-64), sha256(key)]) assert.ok(!text.includes(secret));
});

test('a revoked key is refused at once and for ever, on every isolate, with each of its secrets', async () => {
  const { id, key } = await create();
  assert.deepEqual(await statuses(key), [200, 200]);
  const rotated = (await admin('POST', `/${id}/rotate`, { grace: 600 })).json.key;
  assert.deepEqual([await statuses(key), await statuses(rotated)], [[200, 200], [200, 200]]);
  const revoked = await admin('DELETE', `/${id}`);
  assert.deepEqual([await statuses(key), await statuses(rotated)], [[401, 401], [401, 401]]);
  assert.ok(revoked.json.revokedAt);
  const again = await admin('DELETE', `/${id}`);
  assert.deepEqual([again.status, again.json.revokedAt], [200, revoked.json.revokedAt]);
  for (const [method, path, body] of [['PATCH', '', { name: 'b' }], ['POST', '/rotate']]) {
    const answer = await admin(method, `/${id}${path}`, body);
    assert.deepEqual([answer.status, answer.json.error.code], [409, 'key_revoked']);
  }
  const refused = await chat(edge, { model: SECOND }, { key });
  assert.deepEqual([refused.status, refused.json.error.code], [401, 'key_revoked']);
});

test('no call that begins after a revocation is allowed, even while earlier calls are under way', async () => {
  const { id, key } = await create();
  const storm = Array.from({ length: 40 }, (_, at) => status(key, { isolate: at % 2 }));
  await admin('DELETE', `/${id}`);
  const late = await Promise.all(Array.from({ length: 40 }, (_, at) => status(key, { isolate: at % 2 })));
  assert.deepEqual([...new Set(late)], [401]);
  assert.ok((await Promise.all(storm)).every((status) => status === 200 || status === 401));
});

test('the old secret of a rotated key stops at once, or after its grace period', async () => {
  const { id, key } = await create();
  const second = (await admin('POST', `/${id}/rotate`)).json;
  assert.match(second.key, new RegExp(`^fs_${id}_`));
  assert.deepEqual([await statuses(key), await statuses(second.key)], [[401, 401], [200, 200]]);
  const third = (await admin('POST', `/${id}/rotate`, { grace: 600 })).json;
  assert.deepEqual([await status(second.key), await status(third.key)], [200, 200]);
  await setClockAhead(edge, 540_000);
  assert.deepEqual([await status(second.key), await status(third.key)], [200, 200]);
  await setClockAhead(edge, 601_000);
  assert.deepEqual([await status(second.key), await status(third.key)], [401, 200]);
  await setClockAhead(edge, 0);
});

test('a change of a key applies to the next call', async () => {
  const { id, key } = await create({ origins: [APP] });
  assert.deepEqual([await status(key), await status(key, { origin: APP })], [403, 200]);
  const changed = await admin('PATCH', `/${id}`, { origins: null, models: ['b/b'], name: 'other' });
  assert.deepEqual([changed.json.origins, changed.json.models, changed.json.name], [undefined, ['b/b'], 'other']);
  assert.deepEqual(await statuses(key), [200, 200]);
  assert.equal((await chat(edge, { model: SECOND }, { key })).json.error.code, 'model_not_allowed');
  await admin('PATCH', `/${id}`, { expiresAt: Math.floor(Date.now() / 1000) - 1 });
  assert.deepEqual(await statuses(key), [401, 401]);
  const expired = await chat(edge, { model: SECOND }, { key });
  assert.deepEqual([expired.status, expired.json.error.code], [401, 'key_expired']);
  assert.match(expired.json.error.message, /expired/);
});

test('a key is compared as a whole, by its digest, and similar keys are refused', async () => {
  const { id, key } = await create();
  const last = key.at(-1) === '0' ? '1' : '0';
  for (const other of [sha256(key), `fs_${id}_${sha256(key)}`, `fs_${id}_`, `fs_${id}`, key.slice(0, -1), key.slice(0, -1) + last, `${key}0`, key.toUpperCase(), `fs_${id}_' OR '1'='1`]) {
    assert.equal(await status(other), 401, other);
  }
  assert.equal(await status(key), 200);
});

test('an unknown id is denied, and nothing is stored for it', async () => {
  const { key } = await create();
  const folder = join(edge.folder, 'Keys');
  // workerd makes a file for each object that got a request, of one page if nothing was written. Written data is in that file or
  // in its log.
  const kept = async () => {
    const files = (await readdir(folder)).filter((file) => /^[0-9a-f]+\.sqlite(-wal)?$/.test(file));
    const sizes = await Promise.all(files.map(async (file) => [file.slice(0, 64), (await stat(join(folder, file))).size, file.endsWith('-wal')]));
    return new Set(sizes.filter(([, size, isWal]) => size > (isWal ? 0 : 4096)).map(([id]) => id)).size;
  };
  const count = await kept();
  assert.ok(count > 0);
  const ids = Array.from({ length: 20 }, (_, at) => `fs_${String(at).padStart(16, 'f')}_${'0'.repeat(64)}`);
  for (const made of ids) assert.equal(await status(made), 401);
  for (const method of ['GET', 'DELETE', 'PATCH']) {
    const answer = await admin(method, `/${'e'.repeat(16)}`, method === 'PATCH' ? { name: 'x' } : undefined);
    assert.deepEqual([answer.status, answer.json.error.code], [404, 'key_not_found'], answer.text);
  }
  assert.equal(await status(key), 200);
  assert.equal(await kept(), count);
});

test('SQL and HTML in the fields of a key are stored and returned as text', async () => {
  const made = await create({ name: HOSTILE, origins: [APP], models: [HOSTILE] });
  const shown = await admin('GET', `/${made.id}`);
  assert.equal(shown.json.name, HOSTILE);
  assert.match(shown.headers['content-type'], /^application\/json/);
  assert.equal(shown.headers['x-content-type-options'], 'nosniff');
  const { data } = (await admin('GET', '')).json;
  assert.equal(data.find(({ id }) => id === made.id).name, HOSTILE);
  const list = await send(edge, '/v1/models', { key: made.key, headers: { origin: APP } });
  assert.ok(JSON.parse(list.text).data.some(({ id }) => id === HOSTILE));
  const answer = await chat(edge, { model: 'route/support' }, { key: made.key, headers: { origin: APP } });
  assert.ok(Object.values(await edge.line(answer.headers['x-request-id'])).includes(HOSTILE));
});

test('impossible fields of a key are refused with their path, and no key is created', async () => {
  const count = (await admin('GET', '')).json.data.length;
  for (const [body, problem] of [
    [{}, /`name` is missing/],
    [{ name: 'a\r\nset-cookie: b' }, /control character/],
    [{ name: 'a', routes: ['nope'] }, /`routes\[0\]` is not one of/],
    [{ name: 'a', origins: ['*'] }, /`origins` cannot hold "\*"/],
    [{ name: 'a', budget: { usd: { day: -1 } } }, /`budget.usd.day`/],
    [{ name: 'a', expiresAt: Date.now() }, /`expiresAt` must be a whole number/],
    [{ name: 'a', id: '0'.repeat(16) }, /`id` is not a known field/],
    [[], /JSON object/],
  ]) {
    const answer = await admin('POST', '', body);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.error.message, problem);
  }
  const large = await admin('POST', '', { name: 'x'.repeat(70_000) });
  assert.equal(large.status, 413);
  assert.equal((await admin('GET', '')).json.data.length, count);
});

test('/admin accepts its own secret only', async () => {
  const { key } = await create();
  for (const wrong of [null, '', key, ADMIN.slice(1), `${ADMIN}x`, sha256(ADMIN), ADMIN.toUpperCase(), 'sk-or-test']) {
    for (const [method, path] of [['GET', ''], ['POST', ''], ['DELETE', `/${'0'.repeat(16)}`], ['GET', '/../x']]) {
      const answer = await admin(method, path, method === 'POST' ? { name: 'x' } : undefined, { key: wrong });
      assert.deepEqual([answer.status, answer.json.error.code], [401, 'invalid_admin_token'], answer.text);
    }
  }
  assert.equal(await status(ADMIN), 401, 'the secret of /admin is not a client key');
});

test('without a secret, /admin answers that it is not set up, and names the secret', async () => {
  await withEdge({ failsoft: { keys: [clientKey()], models: ['*'] } }, async (other) => {
    const answer = await admin('GET', '', undefined, { at: other });
    assert.deepEqual([answer.status, answer.json.error.code], [404, 'admin_not_set_up']);
    assert.match(answer.json.error.message, /wrangler secret put ADMIN_TOKEN/);
    const invented = await send(other, '/v1/models', { key: `fs_${'0'.repeat(16)}_x` });
    assert.equal(invented.status, 401);
  });
});

test('a secret that is too short does not set up /admin', async () => {
  await withEdge({ failsoft: {}, secrets: { ADMIN_TOKEN: 'short' } }, async (other) => {
    const health = await send(other, '/healthz', { key: null });
    assert.match(health.text, /ADMIN_TOKEN is too short: set at least 32 characters/);
    assert.equal((await admin('GET', '', undefined, { at: other, key: 'short' })).status, 503);
  });
});

test('a page of another origin can neither read nor change anything under /admin', async () => {
  const { id, key } = await create();
  const headers = { origin: EVIL, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' };
  const preflight = await send(edge, `/admin/keys/${id}`, { method: 'OPTIONS', key: null, headers });
  for (const name of ['access-control-allow-origin', 'access-control-allow-headers', 'access-control-allow-methods']) {
    assert.equal(preflight.headers[name], undefined, name);
  }
  const answer = await admin('DELETE', `/${id}`, undefined, { headers: { origin: EVIL } });
  assert.deepEqual([answer.status, answer.json.error.code], [403, 'origin_not_allowed']);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.equal(await status(key), 200);
  assert.equal((await admin('GET', `/${id}`, undefined, { headers: { origin: edge.origin } })).status, 200);
});

test('the preflight of any page is allowed, because the key of the later request decides', async () => {
  const headers = { origin: EVIL, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  const preflight = await send(edge, '/v1/chat/completions', { method: 'OPTIONS', key: null, headers });
  assert.equal(preflight.headers['access-control-allow-origin'], EVIL);
  assert.equal(preflight.headers['access-control-allow-credentials'], undefined);
  const { key } = await create({ origins: [APP] });
  const answer = await chat(edge, { model: SECOND }, { key, headers: { origin: EVIL } });
  assert.deepEqual([answer.status, answer.json.error.code], [403, 'origin_not_allowed']);
  assert.deepEqual(await emulator.log(), []);
});

test('an unknown path answers 404, and a wrong method answers 405', async () => {
  const id = '0'.repeat(16);
  for (const [method, path, expected] of [
    ['PUT', '', 405],
    ['POST', `/${id}`, 405],
    ['GET', `/${id}/rotate`, 405],
    ['GET', `/${id}/other`, 404],
    ['GET', '/registry', 404],
    ['DELETE', '/registry', 404],
    ['GET', '/turnstile:00', 404],
  ]) {
    const answer = await admin(method, path);
    assert.equal(answer.status, expected, `${method} ${path}: ${answer.text}`);
  }
});

test('a line end in a request header does not add a header to the answer', async () => {
  const { key } = await create({ origins: [APP] });
  for (const line of [
    `origin: ${APP}\rset-cookie: a=b`,
    `origin: ${APP}\nset-cookie: a=b`,
    `origin: ${APP}%0d%0aset-cookie:a=b`,
    `x-request-id: a\rset-cookie: a=b`,
    `x-request-id: a%0d%0aset-cookie:a=b`,
    `authorization: Bearer ${key}\nset-cookie: a=b`,
  ]) {
    const head = await raw(`GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${line}\r\n\r\n`);
    assert.doesNotMatch(head, /^set-cookie/im, line);
    assert.match(head, /^HTTP\/1.1 4/, line);
  }
});

/** Sends the text unchanged, and returns the head of the response. */
function raw(text) {
  const { hostname, port } = new URL(edge.origin);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (piece) => (received += piece));
    socket.on('error', reject);
    socket.on('close', () => resolve(received.split('\r\n\r\n')[0]));
  });
}

test('keys are stored as digests alone', async () => {
  const { key, id } = await create();
  const folder = join(edge.folder, 'Keys');
  const files = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'latin1')));
  assert.ok(files.some((text) => text.includes(sha256(key))), 'its digest is there');
  assert.ok(files.some((text) => text.includes(id)));
  for (const text of files) assert.ok(!text.includes(key.slice(-64)) && !text.includes(ADMIN));
});

test('a key and a revocation outlive a restart', async () => {
  const options = { secrets: { ADMIN_TOKEN: ADMIN }, failsoft: configure(emulator, { keys: undefined }) };
  const first = await startEdge(options);
  const createAt = async (name) => (await admin('POST', '', { name }, { at: first })).json;
  const [kept, revoked] = [await createAt('kept'), await createAt('revoked')];
  assert.equal((await admin('DELETE', `/${revoked.id}`, undefined, { at: first })).status, 200);
  await first.kill();
  await withEdge({ ...options, folder: first.folder }, async (again) => {
    const statuses = await Promise.all([kept, revoked].map(async ({ key }) => (await send(again, '/v1/models', { key })).status));
    assert.deepEqual(statuses, [200, 401]);
  });
});
