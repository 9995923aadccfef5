// Stored routes while calls run: a change disturbs no running call, and a part of the calls gets another version.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { LONG } from '../support/long.mjs';
import { MESSAGES, SECOND, chat, send, untilLive, waitFor } from './harness.mjs';
import { usage } from './spending.mjs';
import { useEdge } from './use-edge.mjs';

const THIRD = 'openai/gpt-4o-mini';
/** `cargo xtask test --long` has as many as a busy hour. */
const USERS = LONG ? 10_000 : 600;
const OWNER = 'owner-0123456789-0123456789-0123456789';
const NARROW = 'fs_narrow_client';
const LIMITED = 'fs_limited_client';

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: { ADMIN_TOKEN: OWNER },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', name: 'main' },
    keys: [clientKey(), clientKey({ name: 'narrow', routes: ['seed'], models: [] }, NARROW), clientKey({ name: 'limited', budget: { usd: { day: 1 }, concurrent: 4 } }, LIMITED)],
    routes: { seed: { models: [SECOND] } },
  },
}));

async function admin(method, path, body, headers = { 'if-match': '*' }) {
  const answer = await send(edge, `/admin/routes${path}`, { method, key: OWNER, headers, body: body && JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.text) };
}

async function change(method, path, body) {
  const answer = await admin(method, path, body);
  assert.ok(answer.status < 300, answer.text);
  return answer.json;
}

const isolate = (at) => ({ origin: edge.origins[at] });
const call = async (at, name, body = {}) => {
  const answer = await chat(isolate(at), { model: `route/${name}`, messages: [{ role: 'user', content: 'words:1' }], ...body });
  return answer.status === 200 ? answer.headers['x-failsoft-model'] : answer.json.error.code;
};

/** Waits until new calls on both isolates are answered by `model`. */
const untilRouteLive = (name, model) => untilLive(model, () => [call(0, name), call(1, name)]);

/** The rows of the route's calls that ended, read when there are at least `count`. */
const ledgerRows = (name, count) => waitFor(`${count} rows of ${name}`, () => (
  edge.database.all(`SELECT version, ended, asked FROM attempts WHERE route = '${name}' AND ended IS NOT NULL`)
), (rows) => rows.length >= count);

test('a route is edited and rolled back while 100 streams run: no call fails, and each keeps the version with which it began', async () => {
  // Clocks that no busy machine runs out of: the test is about routes.
  const policy = { timeouts: { headers: 60_000, firstToken: 60_000, idle: 60_000, total: 300_000 } };
  await change('POST', '', { name: 'live', route: { models: [SECOND], policy } });
  await untilRouteLive('live', SECOND);
  const long = { stream: true, messages: [{ role: 'user', content: 'words:40 pace:150' }] };
  const streams = (count) => Array.from({ length: count }, (_, at) => chat(isolate(at % 2), { model: 'route/live', ...long }));
  const before = streams(50);
  await sleep(1_000);
  await change('PUT', '/live', { route: { models: [THIRD], policy } });
  await untilRouteLive('live', THIRD);
  const between = streams(50);
  await sleep(1_000);
  await change('POST', '/live/rollback');
  await untilRouteLive('live', SECOND);
  for (const [running, model] of [[before, SECOND], [between, THIRD]]) {
    for (const answer of await Promise.all(running)) {
      assert.deepEqual([answer.status, answer.broken, answer.events.done, answer.events.error], [200, false, true, null]);
      assert.equal(answer.events.text.trim().split(' ').length, 40);
      assert.equal(answer.events.reports.at(-1).model, model);
      assert.equal(answer.events.reports.at(-1).attempts.length, 1);
    }
  }
});

test('a split divides users within its statistical error, each stays with one version on every isolate, and the ledger has the version', async () => {
  await change('POST', '', { name: 'split', route: { models: [SECOND] } });
  const made = await change('PUT', '/split', { route: { models: [THIRD] }, split: { percent: 10, by: 'user' } });
  assert.deepEqual([made.version, made.latest, made.split.version, made.split.percent, made.split.by], [1, 2, 2, 10, 'user']);
  // A change is live on every isolate within 10 s.
  await sleep(10_000);
  const users = Array.from({ length: USERS }, (_, at) => `user-${at}`);
  const models = [];
  for (let at = 0; at < users.length; at += 20) models.push(...(await Promise.all(users.slice(at, at + 20).map((user, of) => call(of % 2, 'split', { user })))));
  const second = models.filter((model) => model === THIRD).length;
  assert.ok(models.every((model) => model === SECOND || model === THIRD), models.join());
  // A tenth is expected. Four standard errors: one run in 16,000 is further off by chance, and the digests of these users never change.
  assert.ok(Math.abs(second - USERS / 10) < 4 * Math.sqrt(USERS * 0.1 * 0.9), String(second));
  const again = await Promise.all(users.slice(0, 60).map((user, of) => call((of + 1) % 2, 'split', { user })));
  assert.deepEqual(again, models.slice(0, 60));
  const rows = await ledgerRows('split', USERS + 60);
  assert.deepEqual([...new Set(rows.map(({ version, asked }) => `${version} ${JSON.parse(asked)[0]}`))].sort(), [`1 ${SECOND}`, `2 ${THIRD}`]);
  const { json: compared } = await admin('GET', '/split/comparison');
  assert.deepEqual(compared.versions.map(({ version, calls }) => [version, calls]), [1, 2].map((version) => [version, rows.filter((row) => row.version === version).length]));
  assert.equal(compared.division.wrong, false);
  // A higher percentage moves nobody out; the end of the split moves everybody back.
  await change('PATCH', '/split', { split: { percent: 60, by: 'user' } });
  await sleep(10_000);
  const more = await Promise.all(users.slice(0, 60).map((user, of) => call(of % 2, 'split', { user })));
  assert.ok(more.every((model, at) => models[at] === SECOND || model === THIRD));
  // 36 expected; the standard error is 3.8.
  assert.ok(Math.abs(more.filter((model) => model === THIRD).length - 36) < 16, more.join());
  const ended = await change('POST', '/split/rollback');
  assert.deepEqual([ended.version, ended.split], [1, null]);
  await untilRouteLive('split', SECOND);
  const promoted = await change('PATCH', '/split', { version: 2 });
  assert.deepEqual([promoted.version, promoted.split], [2, null]);
  for (const [body, param] of [[{ split: { percent: 10 } }, 'split.version'], [{ split: { version: 2, percent: 10 } }, 'split.version'], [{ split: { version: 1, percent: 101 } }, 'split.percent'], [{ split: { version: 1, percent: 10, since: 1 } }, 'split.since'], [{ version: 0 }, 'version'], [{ route: {} }, 'route'], [{ current: 1 }, 'current']]) {
    const refused = await admin('PATCH', '/split', body);
    assert.deepEqual([refused.status, refused.json.error.param], [400, param], refused.text);
  }
  assert.equal((await admin('PATCH', '/split', { version: 9 })).status, 404);
  assert.equal((await admin('PATCH', '/split', { version: 1 }, {})).json.error.code, 'version_missing');
});

test('two versions are compared by call: cost with all attempts, time, fallbacks, failures and scores', async () => {
  await change('POST', '', { name: 'compared', route: { models: [SECOND] } });
  await change('PUT', '/compared', { route: { models: [THIRD] } });
  // 200 calls of each version. Version 1 costs 3 milli-USD a call in two attempts, version 2 costs 1 in one.
  const insert = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 399), v AS (SELECT i, 1 + i % 2 AS version, i / 2 AS k FROM n)
    INSERT INTO attempts (id, call, revision, at, account, client, route, asked, role, outcome, cost, settled, duration, first_token, call_duration, call_first_token, ended, version)
    SELECT printf('%036d/0', i), 'same', 1, 1000000 + i, 'a', 'c', 'compared', '[]', 'answer', 'answered', 1000000000 + k * 1000, 'told', 400 + k, 100, iif(version = 1, 1100, 400 + k), iif(k % 2, NULL, 100 * version), iif(version = 1 AND k < 60, 'fallback', iif(k > 197, 'aborted', 'answered')), version FROM v`;
  await edge.database.all(insert);
  await edge.database.all(`INSERT INTO attempts (id, call, revision, at, account, client, route, asked, role, outcome, cost, settled, duration, score, version)
    SELECT substr(id, 1, 36) || '/1', call, 1, at + 500, account, client, route, '[]', 'judge', 'answered', 2000000000, 'told', 600, 80, version FROM attempts WHERE route = 'compared' AND version = 1`);
  const { json } = await admin('GET', '/compared/comparison/1/2');
  const of = (name) => json.measures.find((measure) => measure.name === name);
  assert.deepEqual(json.versions.map(({ calls, fallbacks, aborted, judged }) => [calls, fallbacks, aborted, judged]), [[200, 60, 2, 200], [200, 0, 2, 0]]);
  const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9 + Math.abs(expected) * 1e-6, `${found} is not ${expected}`);
  near(of('usdPerCall').values[0], 0.003_000_099_5);
  near(of('usdPerCall').difference, -0.002);
  near(of('milliseconds').values[0], 1_100);
  near(of('milliseconds').values[1], 400 + 99.5);
  // Half of the calls are streams. When their clients had the first text counts, not when the attempt that answered had it.
  assert.deepEqual([json.versions.map(({ streamed }) => streamed), of('millisecondsToFirstToken').values], [[100, 100], [100, 200]]);
  near(of('fallbackRate').values[0], 60 / 198);
  assert.deepEqual([of('usdPerCall').significant, of('fallbackRate').significant, of('failureRate').significant], [true, true, false]);
  near(of('score').values[0], 80);
  assert.equal(of('score').values[1], null);
  assert.equal((await admin('GET', '/compared/comparison')).json.error.code, 'route_not_found', 'there is no split');
});

test('a dry run shows what a route would do, and sends, holds and records nothing', async () => {
  await change('POST', '', { name: 'dry', route: { models: [SECOND, 'fault/overloaded', 'no/such-model', THIRD], policy: { maxCostUsd: 0.5, judge: { model: THIRD, threshold: 50 } }, limits: { outputTokens: 50 } }, force: true });
  await emulator.clear();
  const request = { messages: MESSAGES, max_tokens: 400, novel: 1 };
  const { call: planned, findings } = await change('POST', '/dry/dry-run', { request });
  assert.deepEqual(findings, [], 'only a draft or a version is checked');
  assert.deepEqual([planned.version, planned.outputTokens, planned.lane], [1, 50, 'gate']);
  assert.ok(planned.promptTokens > 0 && planned.hold.usd > 0 && planned.hold.usd <= 0.5);
  assert.equal(planned.attempts[0].upstream, 'main');
  assert.equal(planned.attempts[0].models[0], SECOND);
  assert.ok(planned.dropped.some(({ model, reason }) => model === 'no/such-model' && reason.length > 10), JSON.stringify(planned.dropped));
  assert.ok(planned.warnings.some((warning) => warning.includes('lowered from 400 to 50')) && planned.warnings.some((warning) => warning.includes('novel')));
  const draft = await change('POST', '/dry/dry-run', { route: { models: ['no/such-model'] }, request });
  assert.equal(draft.call.version, 2);
  assert.deepEqual(draft.findings.map(({ kind, blocks }) => [kind, blocks]), [['unknownModel', true]]);
  assert.equal((await change('POST', '/dry/dry-run', { version: 1 })).call, undefined);
  assert.equal((await change('POST', '/dry/dry-run', { request: {} })).call.refused.status, 400);
  const tooMany = (await change('POST', '/dry/dry-run', { request: { messages: MESSAGES, n: 99 } })).call.refused;
  assert.deepEqual([tooMany.status, tooMany.param], [400, 'n']);
  const rights = (await change('POST', '/dry/dry-run', { request, key: 'narrow' })).call.refused;
  assert.deepEqual([rights.status, rights.code], [404, 'model_not_found']);
  assert.equal((await change('POST', '/seed/dry-run', { request, key: 'narrow' })).call.attempts[0].models[0], SECOND);
  assert.equal((await change('POST', '/dry/dry-run', { request, key: 'limited' })).call.refused, undefined);
  for (const [body, param] of [[{ request: 'x' }, 'request'], [{ key: 'nobody', request }, 'key'], [{ route: {} }, 'route.models'], [{ what: 1 }, 'what']]) {
    assert.equal((await admin('POST', '/dry/dry-run', body)).json.error.param, param);
  }
  assert.deepEqual(await emulator.log(), []);
  assert.equal((await edge.database.all(`SELECT count(*) AS count FROM audit WHERE path LIKE '%/dry-run'`))[0].count, 0);
  assert.equal((await edge.database.all(`SELECT count(*) AS count FROM attempts WHERE route = 'dry'`))[0].count, 0);
  const { usd, concurrent } = await usage(edge, LIMITED);
  assert.deepEqual([usd.day.used, usd.day.held, concurrent.held], [0, 0, 0]);
});

test('with a thousand routes, a change still reaches every isolate, and the next route is refused', async () => {
  const existing = (await admin('GET', '')).json.data.filter(({ source }) => source === 'stored').length;
  await edge.database.all(`WITH RECURSIVE n (i) AS (SELECT ${existing + 1} UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO routes (name, latest, changed, at, admin) SELECT 'many-' || i, 0, (SELECT max(changed) FROM routes) + i, 1, 'test' FROM n`);
  await edge.database.all(`INSERT INTO route_versions (name, version, route, at, admin) SELECT name, 1, '{"models":["${SECOND}"]}', 1, 'test' FROM routes WHERE latest = 0`);
  const refused = await admin('POST', '', { name: 'one-more', route: { models: [SECOND] } });
  assert.equal(refused.json.error.code, 'too_many_routes');
  await change('PUT', '/many-1000', { route: { models: [THIRD] } });
  await untilRouteLive('many-1000', THIRD);
  await untilRouteLive('many-999', SECOND);
  assert.equal((await admin('GET', '')).json.data.length, 1_001);
});
