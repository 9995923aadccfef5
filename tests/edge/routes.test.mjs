// Stored routes: made, changed, compared, rolled back and deleted with /admin/routes, while calls run on two isolates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { SECOND, chat, send, untilLive } from './harness.mjs';
import { useEdge, withEdge, configure } from './use-edge.mjs';

const THIRD = 'openai/gpt-4o-mini';
const token = (name) => `${name}-0123456789-0123456789-0123456789`;
const [OWNER, READER, EDITOR, KEEPER] = ['owner', 'reader', 'editor', 'keeper'].map(token);
const SECRETS = { ADMIN_TOKEN: OWNER, READER_TOKEN: READER, EDITOR_TOKEN: EDITOR, KEEPER_TOKEN: KEEPER };
const ADMINS = [
  { name: 'reader', token: 'READER_TOKEN', scopes: ['read'] },
  { name: 'editor', token: 'EDITOR_TOKEN', scopes: ['read', 'routes'] },
  { name: 'keeper', token: 'KEEPER_TOKEN', scopes: ['keys'] },
];

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: SECRETS,
  failsoft: { upstream: { url: emulator.baseURL, dialect: 'openrouter', name: 'main' }, admins: ADMINS, limits: { outputTokens: 500 }, routes: { seed: { models: [SECOND] } } },
}));

async function admin(method, path, body, { key = EDITOR, headers, on = edge } = {}) {
  const answer = await send(on, `/admin/routes${path}`, { method, key, headers, body: typeof body === 'string' ? body : body && JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.text) };
}

const make = async (name, route, more) => {
  const made = await admin('POST', '', { name, route, ...more });
  assert.equal(made.status, 201, made.text);
  return made;
};
const change = (name, route, etag = '*', more = {}) => admin('PUT', `/${name}`, { route, ...more }, { headers: { 'if-match': etag } });
const code = (answer) => answer.json?.error?.code ?? answer.status;
const isolate = (at) => ({ origin: edge.origins[at] });
const modelOf = async (at, name) => {
  const answer = await chat(isolate(at), { model: `route/${name}` });
  return answer.status === 200 ? answer.headers['x-failsoft-model'] : answer.json.error.code;
};

/** Waits until calls of the route on both isolates are answered by `model`. */
const untilRouteLive = (name, model) => untilLive(model, () => [modelOf(0, name), modelOf(1, name)]);

test('a route is made, changed, compared and rolled back without a deployment, on every isolate', async () => {
  assert.equal(await modelOf(1, 'chat'), 'model_not_found');
  const made = await make('chat', { models: [SECOND] }, { note: 'first' });
  assert.deepEqual([made.json.version, made.json.source, made.json.changedBy, made.json.route], [1, 'stored', 'editor', { models: [SECOND] }]);
  assert.equal(await modelOf(0, 'chat'), SECOND, 'the isolate that answered the change knows it at once');
  await untilRouteLive('chat', SECOND);
  const second = await change('chat', { models: [THIRD], policy: { attempts: 2 } }, made.headers.etag, { note: 'cheaper' });
  assert.deepEqual([second.status, second.json.version], [200, 2], second.text);
  assert.notEqual(second.headers.etag, made.headers.etag);
  await untilRouteLive('chat', THIRD);
  const { json: diff } = await admin('GET', '/chat/diff/1/2');
  assert.deepEqual(diff.changes, [{ path: 'models', before: [SECOND], after: [THIRD] }, { path: 'policy.attempts', before: null, after: 2 }]);
  const back = await admin('POST', '/chat/rollback');
  assert.deepEqual([back.status, back.json.version, back.json.latest], [200, 1, 2], back.text);
  await untilRouteLive('chat', SECOND);
  const { json: versions } = await admin('GET', '/chat/versions');
  assert.deepEqual(versions.data.map(({ version, note, createdBy }) => [version, note, createdBy]), [[2, 'cheaper', 'editor'], [1, 'first', 'editor']]);
  assert.deepEqual((await admin('GET', '/chat/versions/2')).json.route, { models: [THIRD], policy: { attempts: 2 } });
  assert.equal((await change('chat', { models: [THIRD] })).json.version, 3, 'a number is never used again');
  const listed = JSON.parse((await send(edge, '/v1/models')).text).data.map(({ id }) => id);
  assert.ok(listed.includes('route/chat') && listed.includes('route/seed'), String(listed));
  const { json: routes } = await admin('GET', '');
  assert.deepEqual(routes.data.map(({ name, source, models }) => [name, source, models]), [['seed', 'configuration', [SECOND]], ['chat', 'stored', [THIRD]]]);
  assert.equal((await admin('DELETE', '/chat')).json.deleted, true);
  await untilRouteLive('chat', 'model_not_found');
  assert.equal(code(await admin('GET', '/chat')), 'route_not_found');
  assert.equal((await make('chat', { models: [SECOND] })).json.version, 4);
  await admin('DELETE', '/chat');
});

test('two people do not overwrite the change of each other', async () => {
  const made = await make('shared', { models: [SECOND] });
  const [first, second] = await Promise.all([1, 2].map((attempts) => change('shared', { models: [SECOND], policy: { attempts } }, made.headers.etag)));
  assert.deepEqual([first.status, second.status].sort(), [200, 412]);
  assert.equal(code(first.status === 412 ? first : second), 'route_changed');
  assert.equal(code(await admin('PUT', '/shared', { route: { models: [SECOND] } })), 'version_missing');
  for (const [method, path, body] of [['PUT', '/shared', { route: { models: [THIRD] } }], ['POST', '/shared/rollback', { version: 1 }], ['DELETE', '/shared']]) {
    for (const etag of [made.headers.etag, '"x"', 'W/"0"']) assert.equal(code(await admin(method, path, body, { headers: { 'if-match': etag } })), 'route_changed', `${method} ${etag}`);
  }
  assert.equal((await admin('GET', '/shared')).json.version, 2);
  const makers = await Promise.all(Array.from({ length: 5 }, () => admin('POST', '', { name: 'raced', route: { models: [SECOND] } })));
  assert.deepEqual(makers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409].sort(), makers.map(code).join());
});

test('a route is checked before it is stored, by the readers of the configuration and against the catalog', async () => {
  const refused = [
    [{ models: [] }, 'route.models'],
    [undefined, 'route.models'],
    ['x', 'route'],
    [{ models: [SECOND], modls: [] }, 'route.modls'],
    [{ models: [SECOND], policy: { attempts: 9 } }, 'route.policy.attempts'],
    [{ models: [SECOND], policy: { timeouts: { idle: 0 } } }, 'route.policy.timeouts.idle'],
    [{ models: [SECOND], limits: { outputTokens: 501 } }, 'route.limits.outputTokens'],
    [{ models: [SECOND], upstreams: ['other'] }, 'route.upstreams[0]'],
    [{ models: [SECOND], upstream: { url: 'https://evil.example' } }, 'route.upstream'],
    [{ models: ['openai/gpt-4o-mni'] }, 'route.models[0]'],
  ];
  for (const [route, param] of refused) {
    const answer = await admin('POST', '', { name: 'wrong', route });
    assert.deepEqual([answer.status, answer.json.error.param], [400, param], answer.text);
  }
  assert.match((await admin('POST', '', { name: 'wrong', route: { models: ['openai/gpt-4o-mni'] } })).text, /did you mean openai\/gpt-4o-mini/);
  const forced = await make('forced', { models: ['openai/gpt-4o-mni', SECOND] }, { force: true });
  assert.deepEqual(forced.json.findings.map(({ path, kind, blocks }) => [path, kind, blocks]), [['route.models[0]', 'unknownModel', true]]);
  assert.equal(forced.json.models[1].id, SECOND);
  assert.ok(forced.json.models[1].contextLength > 0 && forced.json.models[1].prompt > 0);
  assert.equal(code(await admin('POST', '', { name: 'seed', route: { models: [SECOND] } })), 'route_exists');
  for (const [method, path, body] of [['PUT', '/seed', { route: { models: [SECOND] } }], ['POST', '/seed/rollback'], ['DELETE', '/seed']]) {
    assert.equal(code(await admin(method, path, body, { headers: { 'if-match': '*' } })), 'route_read_only');
  }
  assert.deepEqual((await admin('GET', '/seed')).json, { name: 'seed', source: 'configuration', route: { models: [SECOND] } });
  assert.equal(code(await admin('GET', '/wrong')), 'route_not_found', 'nothing of this was stored');
});

test('the window of a model is checked against the prompts that the route had', async () => {
  await make('long', { models: [SECOND] });
  await untilRouteLive('long', SECOND);
  const insert = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO attempts (id, call, revision, at, account, client, route, asked, role, outcome, cost, settled, prompt_tokens, version)
    SELECT 'p' || i, 'c', 1, i, 'a', 'c', 'long', '[]', 'answer', 'answered', 0, 'told', iif(i > 985, 5000000, 100), 1 FROM n`;
  await edge.database.all(insert);
  const found = await change('long', { models: [SECOND] });
  assert.deepEqual(found.json.findings?.map(({ kind, blocks }) => [kind, blocks]), [['contextTooSmall', false]], found.text);
  await edge.database.all(`UPDATE attempts SET prompt_tokens = 100 WHERE id IN ('p986', 'p987', 'p988', 'p989', 'p990', 'p991')`);
  assert.equal((await change('long', { models: [SECOND] })).json.findings, undefined, 'less than one in a hundred');
});

test('a route chooses upstreams and lowers limits, and its fields are those of a route of the configuration', async () => {
  await make('narrow', { models: [SECOND], limits: { outputTokens: 7, answers: 1 }, upstreams: ['main'], lane: 'gate' });
  await untilRouteLive('narrow', SECOND);
  const answer = await chat(edge, { model: 'route/narrow', max_tokens: 400 });
  assert.match(answer.headers['x-failsoft-warnings'], /`max_tokens` was lowered from 400 to 7/);
  const [sent] = (await emulator.log()).slice(-1);
  assert.equal((sent.body ?? sent.request).max_tokens, 7);
  assert.equal((await chat(edge, { model: 'route/narrow', n: 2 })).json.error.param, 'n');
  assert.equal((await chat(edge, { model: 'route/seed', n: 2 })).status, 200);
});

test('a token does what its scopes allow, and the audit log has the name of its admin', async () => {
  await make('scoped', { models: [SECOND] });
  for (const [method, path, body, scope] of [
    ['GET', '', undefined, 'read'], ['GET', '/scoped', undefined, 'read'], ['GET', '/scoped/versions', undefined, 'read'], ['GET', '/scoped/diff/1/1', undefined, 'read'],
    ['POST', '', { name: 'other', route: { models: [SECOND] } }, 'routes'], ['PUT', '/scoped', { route: { models: [SECOND] } }, 'routes'], ['POST', '/scoped/rollback', { version: 1 }, 'routes'], ['DELETE', '/scoped', undefined, 'routes'],
  ]) {
    const headers = { 'if-match': '*' };
    for (const key of scope === 'read' ? [KEEPER] : [KEEPER, READER]) assert.equal(code(await admin(method, path, body, { key, headers })), 'insufficient_scope', `${method} ${path}`);
    assert.equal(code(await admin(method, path, body, { key: 'wrong', headers })), 'invalid_admin_token');
    const answer = await admin(method, path, body, { key: scope === 'read' ? READER : EDITOR, headers });
    assert.ok(answer.status < 300, answer.text);
  }
  const [row] = await edge.database.all(`SELECT admin, method, status FROM audit WHERE path = '/admin/routes/scoped' AND method = 'DELETE' AND status = 200`);
  assert.deepEqual(row, { admin: 'editor', method: 'DELETE', status: 200 });
  const foreign = await admin('GET', '', undefined, { headers: { origin: 'https://evil.example' } });
  assert.equal(code(foreign), 'origin_not_allowed');
});

test('hostile names, notes and bodies are text, errors, or nothing', async () => {
  const evil = `<script>alert(1)</script>'; DROP TABLE routes; --`;
  for (const name of ['', '.', '..', '__proto__', '-x', 'a b', 'a/b', evil, 'x'.repeat(65), 'ü', 7, null, ['a']]) {
    const answer = await admin('POST', '', { name, route: { models: [SECOND] } });
    assert.deepEqual([answer.status, answer.json.error.param], [400, 'name'], answer.text);
  }
  for (const path of ['/%27%20OR%201=1', '/a%00', '/a%2f..%2fb', `/${encodeURIComponent(evil)}`, '/..%2f', '/a/versions/1%20OR%201=1', '/a/versions/-1', '/a/diff/1/x']) {
    assert.ok([404].includes((await admin('GET', path)).status), path);
  }
  const made = await make('hostile', { models: [evil] }, { note: evil, force: true });
  assert.deepEqual(made.json.route.models, [evil]);
  assert.match(made.headers['content-type'], /^application\/json/);
  assert.deepEqual((await admin('GET', '/hostile/versions')).json.data[0].note, evil);
  const deep = `{"name":"deep","route":{"models":["a"],"policy":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}}`;
  const many = JSON.stringify({ name: 'big', route: { models: Array.from({ length: 3_000 }, () => 'openai/gpt-4o-and-more-text') } });
  for (const [body, statuses] of [[deep, [400]], [many, [413]], ['x'.repeat(70_000), [413]], ['[]', [400]], ['{', [400]], ['null', [400]], ['{"name":"a","route":{"models":["m"]},"admin":true}', [400]], [JSON.stringify({ name: 'a', route: { models: [SECOND] }, note: 'x'.repeat(501) }), [400]], [JSON.stringify({ name: 'a', route: { models: [SECOND] }, note: 7 }), [400]], [JSON.stringify({ name: 'a', route: { models: [SECOND] }, force: 'yes' }), [400]]]) {
    const answer = await admin('POST', '', body);
    assert.ok(statuses.includes(answer.status), `${body.slice(0, 60)}: ${answer.text}`);
  }
  for (const field of ['version', 'name', 'etag', 'changedBy', 'admin', 'split_version', 'current', '__proto__', 'constructor']) {
    const answer = await admin('PUT', '/hostile', `{"route":{"models":["${SECOND}"]},"${field}":1}`, { headers: { 'if-match': '*' } });
    assert.deepEqual([answer.status, answer.json.error.param], [400, field], answer.text);
  }
  assert.equal((await admin('GET', '/hostile')).json.version, 1, 'nothing of this changed the route');
});

test('an isolate goes on with the routes that it knows while the database fails, and a new one says what is missing', async () => {
  await make('steady', { models: [SECOND] });
  await untilRouteLive('steady', SECOND);
  await edge.database.set({ down: true });
  try {
    await sleep(3_500);
    assert.equal(await modelOf(1, 'steady'), SECOND);
    assert.equal(code(await admin('GET', '')), 'routes_unavailable');
  } finally {
    await edge.database.set({ down: false });
  }
});

test('an edge without a database says that stored routes need one', async () => {
  await withEdge({ database: false, secrets: SECRETS, failsoft: configure(emulator, { admins: ADMINS, keys: [clientKey()] }) }, async (bare) => {
    assert.equal(code(await admin('GET', '', undefined, { on: bare })), 'routes_unavailable');
    assert.equal((await chat(bare, { model: SECOND })).status, 200);
  });
});
