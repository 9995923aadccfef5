// Samples: the text of a part of the calls, kept for a route with `sampling`, encrypted and bounded, deleted when the owner or the
// clock says so. Without `sampling`, no text is stored anywhere.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { clientKey, sha256 } from '../support/edge.mjs';
import { SECOND, chat, send, waitFor } from './harness.mjs';
import { useEdge, withEdge, configure } from './use-edge.mjs';

const token = (name) => `${name}-0123456789-0123456789-0123456789`;
const [OWNER, READER, SECRET] = ['owner', 'reader', 'samples'].map(token);
const SECRETS = { ADMIN_TOKEN: OWNER, READER_TOKEN: READER, SAMPLES_SECRET: SECRET };
const OTHER_KEY = 'fs_test_other';
const CANARY = 'canary-of-a-prompt';

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: SECRETS,
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    admins: [{ name: 'reader', token: 'READER_TOKEN', scopes: ['read'] }],
    keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)],
    routes: {
      off: { models: [SECOND] },
      on: { models: [SECOND], sampling: { percent: 100, days: 1 } },
      broken: { models: ['fault/overloaded'], sampling: { percent: 100 } },
      lean: { models: [SECOND], lane: 'lean', sampling: { percent: 100 } },
      some: { models: [SECOND], sampling: { percent: 25 } },
    },
  },
}));

const call = (route, content, more, options) => chat(edge, { model: `route/${route}`, messages: [{ role: 'system', content: 'Be kind.' }, { role: 'user', content }], ...more }, options);
const admin = async (method, path, key = OWNER) => {
  const answer = await send(edge, `/admin/samples${path}`, { method, key });
  return { status: answer.status, json: JSON.parse(answer.text) };
};
const rows = (where = '1') => edge.database.all(`SELECT * FROM samples WHERE ${where}`);
const counted = async () => Object.fromEntries((await admin('GET', '')).json.data.map(({ route, samples }) => [route, samples]));
/** Waits until the ledger has `count` calls of a route: what a call stores is stored before. */
const settled = (route, count) => waitFor(`calls of ${route}`, async () => (await edge.database.all('SELECT count(*) AS calls FROM attempts WHERE route = ?', route))[0].calls, (calls) => calls >= count);

/** Everything that the edge has stored, as bytes. */
async function storedBytes(folder) {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name.includes('.sqlite'));
  assert.ok(files.length > 3);
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))));
}

test('without sampling, and in a lane that does not read the answer, no text is stored', async () => {
  for (const route of ['off', 'lean']) assert.equal((await call(route, CANARY, { stream: true })).status, 200);
  assert.equal((await chat(edge, { model: SECOND, messages: [{ role: 'user', content: CANARY }] })).status, 200);
  await settled('lean', 1);
  assert.deepEqual(await rows(), []);
  assert.ok(!(await storedBytes(edge.folder)).includes(CANARY));
});

test('a sample is kept encrypted, bound to its row, and no request shows its text', async () => {
  assert.equal((await call('on', CANARY)).status, 200);
  assert.equal((await call('on', `${CANARY} streamed`, { stream: true })).status, 200);
  assert.ok((await call('broken', `${CANARY} fails`)).status >= 500);
  const kept = await waitFor('samples', () => rows(), (found) => found.length === 2);
  for (const { route, version, account, at, expires, cost, text } of kept) {
    assert.deepEqual([route, version, account, expires - at], ['on', null, 'key:test', 86_400_000]);
    assert.ok(cost > 0 && text.length > 100);
  }
  assert.notEqual(kept[0].text.slice(0, 16), kept[1].text.slice(0, 16), 'each text has a nonce of its own');
  await settled('on', 2);
  await settled('broken', 1);
  assert.equal((await rows()).length, 2, 'a call that failed is no sample');
  const bytes = await storedBytes(edge.folder);
  for (const secret of [CANARY, 'Be kind.', SECRET, Buffer.from(CANARY).toString('base64').slice(0, 20)]) assert.ok(!bytes.includes(secret), secret);
  assert.ok(!edge.said().includes(CANARY));
  const listed = await admin('GET', '', READER);
  assert.deepEqual(listed.json.data.map(({ route, samples, accounts }) => [route, samples, accounts]), [['on', 2, 1]]);
  assert.ok(!JSON.stringify(listed).includes(kept[0].text));
});

test('a part of the calls is kept, as many as the percentage says', async () => {
  const count = 80;
  await Promise.all(Array.from({ length: count }, () => call('some', 'words:2')));
  await settled('some', count);
  const { some } = await counted();
  // The chance of a number outside of this range is below 10^-5.
  assert.ok(some >= 4 && some <= 40, String(some));
});

test('samples of an account, of a route and all are deleted at once', async () => {
  assert.equal((await call('on', 'words:2', {}, { key: OTHER_KEY })).status, 200);
  await waitFor('samples', () => rows("account = 'key:other'"), (found) => found.length === 1);
  assert.equal((await admin('DELETE', '/accounts/key%3Aother', READER)).status, 403);
  assert.deepEqual((await admin('DELETE', '/accounts/key%3Aother')).json, { deleted: 1 });
  assert.deepEqual(await rows("account = 'key:other'"), []);
  assert.deepEqual((await admin('DELETE', '/routes/on')).json, { deleted: 2 });
  assert.equal((await counted()).on, undefined);
  assert.equal((await admin('DELETE', "/routes/on' OR 1=1 --")).json.deleted, 0);
  assert.ok((await admin('DELETE', '')).json.deleted > 0);
  assert.deepEqual(await rows(), []);
  for (const [method, path, status] of [['POST', '', 405], ['GET', '/routes/on', 405], ['GET', '/x', 404], ['DELETE', '/x', 404]]) assert.equal((await admin(method, path)).status, status, `${method} ${path}`);
});

test('a page of another origin, which has only the cookie, deletes nothing', async () => {
  const signedIn = await send(edge, '/admin/session', { method: 'POST', key: OWNER });
  const cookie = signedIn.headers['set-cookie'][0].split(';')[0];
  const [{ csrf }, origin] = [JSON.parse(signedIn.text), edge.origin];
  const attempt = (headers) => send(edge, '/admin/samples', { method: 'DELETE', key: null, headers: { cookie, ...headers } });
  for (const [headers, code] of [[{}, 'csrf_refused'], [{ origin }, 'csrf_refused'], [{ origin: 'https://evil.example', 'x-failsoft-csrf': csrf }, 'origin_not_allowed'], [{ origin, 'x-failsoft-csrf': 'x' }, 'csrf_refused']]) {
    assert.equal(JSON.parse((await attempt(headers)).text).error.code, code, JSON.stringify(headers));
  }
  assert.equal((await attempt({ origin, 'x-failsoft-csrf': csrf })).status, 200);
});

test('what has expired is not counted, and the cron trigger deletes it, and old experiments; the number of samples is bounded', async () => {
  const insert = (id, expires, route) => edge.database.all('INSERT INTO samples VALUES (?, ?, NULL, ?, ?, ?, 1, ?)', id, route, 'key:a', Number(id.slice(1)), expires, 'x');
  await insert('x1', Date.now() - 1, 'old');
  await insert('x2', Date.now() + 60_000, 'old');
  assert.deepEqual(await counted(), { old: 1 });
  const experiment = (id, at) => edge.database.all("INSERT INTO experiments (id, route, version, at, admin, plan, state) VALUES (?, 'old', 1, ?, 'a', '{}', 'done')", id, at);
  await experiment('e1', Date.now() - 401 * 86_400_000);
  await experiment('e2', Date.now() - 399 * 86_400_000);
  await edge.database.all("INSERT INTO replays (experiment, number, sample, original_cost) VALUES ('e1', 1, 'x1', 1), ('e2', 1, 'x2', 1)");
  await edge.cron();
  assert.deepEqual((await rows()).map(({ id }) => id), ['x2']);
  for (const [column, table] of [['id', 'experiments'], ['experiment', 'replays']]) assert.deepEqual((await edge.database.all(`SELECT ${column} AS id FROM ${table}`)).map(({ id }) => id), ['e2'], table);
  for (let at = 0; at < 505; at += 1) await insert(`y${1_000 + at}`, Date.now() + 60_000, 'many');
  const many = await rows("route = 'many'");
  assert.equal(many.length, 500);
  assert.ok(many.every(({ at }) => at >= 1_005), 'the oldest ones are gone');
  await admin('DELETE', '');
});

test('sampling needs a secret of its own', async () => {
  const failsoft = configure(emulator, { routes: { on: { models: [SECOND], sampling: {} } } });
  for (const [secrets, problem] of [[{}, /SAMPLES_SECRET is not set/], [{ SAMPLES_SECRET: 'short' }, /SAMPLES_SECRET is too short/], [{ SAMPLES_SECRET: SECRET, ADMIN_TOKEN: SECRET }, /SAMPLES_SECRET has the same value as ADMIN_TOKEN/]]) {
    await withEdge({ failsoft, secrets }, async (at) => assert.match((await send(at, '/healthz')).text, problem));
  }
  await withEdge({ failsoft: configure(emulator), secrets: { ADMIN_TOKEN: OWNER } }, async (at) => {
    const body = JSON.stringify({ name: 'a', route: { models: [SECOND], sampling: {} } });
    const refused = await send(at, '/admin/routes', { method: 'POST', key: OWNER, body });
    assert.deepEqual([refused.status, JSON.parse(refused.text).error.param], [400, 'route.sampling'], refused.text);
  });
});

test('a route replaces the system prompt that it names, over every protocol, and no other', async () => {
  const digest = sha256('You are a very long prompt.');
  const made = await send(edge, '/admin/routes', { method: 'POST', key: OWNER, body: JSON.stringify({ name: 'short', route: { models: [SECOND], systemPrompt: { sha256: digest, text: 'Be short.' } } }) });
  assert.equal(made.status, 201, made.text);
  const system = async (path, body) => {
    await emulator.clear();
    const answer = await send(edge, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'route/short', ...body }) });
    assert.equal(answer.status, 200, answer.text);
    return JSON.stringify((await emulator.log()).at(-1).body);
  };
  const ask = (content) => ({ messages: [{ role: 'system', content }, { role: 'user', content: 'words:2' }] });
  for (const [path, body] of [
    ['/v1/chat/completions', ask('You are a very long prompt.')],
    ['/v1/responses', { instructions: 'You are a very long prompt.', input: 'words:2' }],
    ['/v1/messages', { system: 'You are a very long prompt.', max_tokens: 9, messages: [{ role: 'user', content: 'words:2' }] }],
  ]) {
    const sent = await system(path, body);
    assert.ok(sent.includes('Be short.') && !sent.includes('very long'), `${path}: ${sent}`);
  }
  assert.ok((await system('/v1/chat/completions', ask('You are another prompt.'))).includes('You are another prompt.'));
});
