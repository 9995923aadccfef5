// SQL in every header, field and answer: the database takes all of it as text, or does not get it, also where a request is refused.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { configure, setUp, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const ADMIN = 'admin-0123456789-0123456789-0123456789';
const METRICS = 'metrics-0123456789-0123456789-0123456789';

/** Each of them changes or reads the database, if a statement is made of it, of its JSON, or of its decoded form. */
const SQL = [
  "'; DROP TABLE attempts; --",
  "' OR '1'='1",
  '"); DELETE FROM totals; --',
  "x', 1, 1); UPDATE attempts SET cost = 0; --",
  "'||(SELECT body FROM told)||'",
  '"},{"id":"planted","call":"planted"},{"x":"',
  "\\'; DROP TABLE refusals; --",
  "%27%3B%20DROP%20TABLE%20attempts%3B--",
  "1; PRAGMA writable_schema = 1; --",
  "') ON CONFLICT DO UPDATE SET cost = 0; --",
  "?1 ?2 :cost @cost $cost",
];

/** Headers that the edge reads, that a platform adds, or that a client might believe in. */
const HEADERS = [
  'x-request-id', 'x-feature', 'x-flow', 'traceparent', 'tracestate', 'user-agent', 'origin', 'referer', 'cookie', 'host', 'accept-language',
  'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'cf-ray', 'cf-ipcountry', 'cf-worker',
  'x-failsoft-feature', 'x-failsoft-account', 'x-failsoft-model', 'x-failsoft-route', 'x-failsoft-attempts', 'sec-fetch-site', 'baggage',
  'access-control-request-headers', 'access-control-request-method', 'content-type', 'x-api-key', 'anthropic-version', 'anthropic-beta', 'idempotency-key', 'openai-organization', 'x-stainless-os',
];

const { emulator, edge } = useEdge((emulator) => ({
  secrets: { ADMIN_TOKEN: ADMIN, METRICS_TOKEN: METRICS },
  strangers: 40,
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openai' },
    keys: [clientKey()],
    policy: { ...POLICY, retry: { same: 0 } },
    routes: { chat: { models: [FIRST, SECOND] } },
  },
}));

const TABLES = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE '%\\_%' ESCAPE '\\' ORDER BY name";

/** The ledger is as it was: the same tables and triggers, and sums that equal the rows. */
async function checkIntact(of, tables) {
  assert.deepEqual(await of.database.all(TABLES), tables);
  const [rows] = await of.database.all("SELECT count(*) AS attempts, total(iif(settled = 'unsettled', 0, cost)) AS cost FROM attempts");
  const [sums] = await of.database.all('SELECT total(attempts) AS attempts, total(cost) AS cost FROM totals');
  assert.deepEqual(sums, rows);
  assert.deepEqual(await of.database.all("SELECT id FROM attempts WHERE id LIKE '%planted%' OR call LIKE '%planted%' OR cost < 0"), []);
}

/** Waits until the ledger has `count` rows. */
async function written(of, count) {
  for (let left = 1_200; left > 0; left -= 1) {
    const [{ rows }] = await of.database.all('SELECT count(*) AS rows FROM attempts');
    if (rows >= count) return assert.equal(rows, count);
    await sleep(50);
  }
  return assert.fail(`rows are missing\n${of.said()}`);
}

/** A header takes no characters outside Latin-1; a host takes few. */
const headersWith = (names, value) => Object.fromEntries(names.map((name) => [name, name === 'host' ? encodeURIComponent(value) : value]));

test('SQL in a header is stored as text or not at all, and the ledger stays whole', async () => {
  const tables = await edge.database.all(TABLES);
  assert.ok(tables.some(({ name }) => name === 'attempts') && tables.length > 10);
  let calls = 0;
  const safe = HEADERS.filter((name) => !['host', 'origin', 'content-type', 'sec-fetch-site', 'x-forwarded-proto'].includes(name));
  for (const value of SQL) {
    const answer = await chat(edge, { model: 'route/chat' }, { headers: headersWith(safe, value) });
    assert.equal(answer.status, 200, answer.text);
    assert.notEqual(answer.headers['x-request-id'], value, 'what is no id is replaced');
    calls += 1;
  }
  for (const name of HEADERS) {
    const answer = await chat(edge, { model: 'route/chat', stream: true }, { headers: headersWith([name], SQL[calls % SQL.length]) });
    // A request to another host needs HTTPS.
    assert.equal(answer.status, name === 'host' ? 403 : 200, `${name}: ${answer.text}`);
    calls += answer.status === 200 ? 1 : 0;
  }
  await written(edge, calls);
  await checkIntact(edge, tables);
  const features = (await edge.database.all('SELECT DISTINCT feature FROM attempts WHERE feature IS NOT NULL')).map(({ feature }) => feature);
  assert.deepEqual(features.sort(), [...SQL].sort(), 'the name of a feature is text');
});

test('SQL in the headers of a request that is refused or fails changes nothing, whatever the refusal is', async () => {
  const tables = await edge.database.all(TABLES);
  const [{ rows }] = await edge.database.all('SELECT count(*) AS rows FROM attempts');
  let failed = 0;
  const body = JSON.stringify({ model: SECOND, messages: [{ role: 'user', content: 'hi' }] });
  const requests = [
    ['GET', '/nothing'], ['GET', '/v1/chat/completions'], ['POST', '/v1/chat/completions', '{'], ['POST', '/v1/chat/completions', body, { key: 'fs_wrong' }],
    ['POST', '/v1/chat/completions', body, { key: null }], ['GET', '/metrics', undefined, { key: 'wrong' }], ['GET', '/admin/keys', undefined, { key: 'wrong' }],
    ['POST', '/admin/keys', '{"nonsense":1}', { key: ADMIN }], ['POST', '/v1/session', '{}'], ['OPTIONS', '/v1/chat/completions'], ['GET', '/v1/models', undefined, { key: `fs_${'0'.repeat(16)}_x` }],
  ];
  for (const [at, value] of SQL.entries()) {
    for (const [method, path, sent, { key = CLIENT_KEY } = {}] of requests) {
      const names = HEADERS.filter((name) => !(name === 'host' && at % 2));
      const answer = await send(edge, path, { method, body: sent, key, headers: headersWith(names, value) });
      assert.ok(answer.status >= 400 || method === 'OPTIONS', `${method} ${path}: ${answer.status}`);
      assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
    }
    for (const secret of [`Bearer ${value}`, value, `Basic ${value}`]) {
      const answer = await send(edge, '/v1/models', { key: null, headers: { authorization: secret, 'cf-connecting-ip': `203.0.113.${at}` } });
      assert.ok([401, 429].includes(answer.status), answer.text);
    }
    await emulator.script(FIRST, ['server-error']);
    await emulator.script(SECOND, ['bad-request']);
    const answer = await chat(edge, { model: 'route/chat' }, { headers: { 'x-feature': value, 'x-request-id': value } });
    assert.equal(answer.status, 400, answer.text);
    failed += 2;
  }
  await written(edge, rows + failed);
  await checkIntact(edge, tables);
  const codes = (await edge.database.all('SELECT code FROM refusals')).map(({ code }) => code);
  assert.ok(codes.every((code) => /^[a-z_]+$/.test(code)), String(codes));
});

test('SQL in the fields of a request, in a path and in the terms of a key is text', async () => {
  const tables = await edge.database.all(TABLES);
  const [{ rows }] = await edge.database.all('SELECT count(*) AS rows FROM attempts');
  for (const value of SQL) {
    const fields = { model: value, user: value, safety_identifier: value, session_id: value, metadata: { a: value }, stop: value };
    assert.equal((await chat(edge, fields)).status, 403, 'the pattern `*` covers plain ids only');
    const made = await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: JSON.stringify({ name: value, models: [value] }) });
    assert.equal(made.status, 201, made.text);
    const { id, key } = JSON.parse(made.text);
    const answer = await chat(edge, fields, { key });
    assert.equal(answer.status, 400, answer.text);
    assert.equal((await send(edge, `/admin/keys/${id}`, { method: 'DELETE', key: ADMIN })).status, 200);
    const path = `/admin/keys/${encodeURIComponent(value)}`;
    assert.equal((await send(edge, path, { method: 'PATCH', key: ADMIN, body: '{"name":"x"}' })).status, 404);
  }
  await written(edge, rows + SQL.length);
  await checkIntact(edge, tables);
  const asked = await edge.database.all("SELECT DISTINCT asked ->> 0 AS asked FROM attempts WHERE client <> 'test'");
  assert.deepEqual(asked.map(({ asked: model }) => model).sort(), [...SQL].sort());
  const audited = await edge.database.all('SELECT DISTINCT path FROM audit');
  for (const value of SQL) assert.ok(audited.some(({ path }) => path === `/admin/keys/${encodeURIComponent(value)}`), value);
  const metrics = await send(edge, '/metrics', { key: METRICS });
  assert.equal(metrics.status, 200, metrics.text);
  assert.ok(!metrics.text.includes('DROP TABLE'), 'a name that a client invented is no label');
});

const upstream = {};
setUp(async () => {
  const server = createServer(async (request, response) => {
    const { model, stream } = JSON.parse(Buffer.concat(await request.toArray()).toString() || '{}');
    const { value } = upstream;
    const names = { id: value, model: value, provider: value, system_fingerprint: value };
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    if (model === 'm/error') {
      const error = { message: value, code: value, type: value, metadata: { provider_name: value, raw: value } };
      return response.writeHead(400, { 'content-type': 'application/json', 'x-request-id': encodeURIComponent(value) }).end(JSON.stringify({ error }));
    }
    response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json', 'x-generation-id': encodeURIComponent(value) });
    if (!stream) {
      const choices = [{ index: 0, message: { role: 'assistant', content: value }, finish_reason: 'stop', native_finish_reason: value }];
      return response.end(JSON.stringify({ ...names, choices, usage }));
    }
    const chunks = [{ choices: [{ index: 0, delta: { role: 'assistant', content: value }, finish_reason: null }] }, { choices: [{ index: 0, delta: {}, finish_reason: 'stop', native_finish_reason: value }], usage }];
    return response.end(`${chunks.map((chunk) => `data: ${JSON.stringify({ ...names, ...chunk })}\n\n`).join('')}data: [DONE]\n\n`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  upstream.url = `http://127.0.0.1:${server.address().port}/v1`;
});

test('SQL in what an upstream answers is text', async () => {
  const failsoft = configure({ baseURL: upstream.url }, { policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ failsoft }, async (own) => {
    const tables = await own.database.all(TABLES);
    let count = 0;
    for (const value of SQL) {
      upstream.value = value;
      for (const [model, stream, status] of [['m/fine', false, 200], ['m/fine', true, 200], ['m/error', false, 400]]) {
        const answer = await chat(own, { model, stream, seed: count });
        assert.equal(answer.status, status, answer.text);
        if (!stream && status === 200) assert.equal(answer.json.choices[0].message.content, value);
        count += 1;
      }
    }
    await written(own, count);
    await checkIntact(own, tables);
    const models = (await own.database.all("SELECT DISTINCT model FROM attempts WHERE outcome = 'answered'")).map(({ model }) => model);
    assert.deepEqual(models.sort(), [...SQL].sort());
  });
});
