// What the owner stores is bounded: the ledger forgets old rows in steps, metrics have a bounded number of labels, and refusals are
// counted without a write for each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { SECOND, chat, send } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const METRICS = 'metrics-0123456789-0123456789-0123456789';
const DAY = 86_400_000;

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: { METRICS_TOKEN: METRICS },
  failsoft: { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, ledger: { days: 30 } },
}));

const metrics = async (at = 0) => (await send({ origin: edge.origins[at] }, '/metrics', { key: METRICS })).text;
const refusals = (text, code) => Number(text.match(new RegExp(`failsoft_refusals_total\\{code="${code}"\\} (\\d+)`))?.[1] ?? 0);
const count = async (sql, ...params) => (await edge.database.all(sql, ...params))[0].count;

async function until(what, holds) {
  for (let left = 600; left > 0; left -= 1) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(`${what}\n${edge.said()}`);
}

test('every refusal is counted by its code, in the metrics and in the log, with few writes', async () => {
  const before = await metrics();
  const { statements } = await edge.database.set({});
  for (let at = 0; at < 40; at += 1) {
    assert.equal((await send(edge, '/v1/models', { key: 'fs_wrong' })).status, 401);
    assert.equal((await chat(edge, { model: SECOND, n: 0 })).status, 400);
  }
  assert.ok((await edge.database.set({})).statements - statements <= 4);
  const after = await metrics();
  for (const code of ['invalid_api_key', 'invalid_request']) assert.equal(refusals(after, code) - refusals(before, code), 40, code);
  for (let at = 0; at < 5; at += 1) await send({ origin: edge.origins[1] }, '/v1/nothing');
  const [first, second] = [await metrics(1), await metrics(0)];
  assert.equal(refusals(second, 'unknown_url'), refusals(first, 'unknown_url'));
  assert.ok(refusals(first, 'unknown_url') >= refusals(after, 'unknown_url') + 5);
  assert.match(edge.said(), /\{"event":"refusals","counts":\{[^}]*"invalid_api_key":\d+/);
  assert.ok(!edge.said().includes('fs_wrong'));
});

test('the cron trigger deletes rows that are too old, in bounded steps, and keeps the sums', async () => {
  const now = Date.now();
  const insert = (name, from, rows) => edge.database.all(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
     INSERT INTO attempts (id, call, revision, at, account, client, asked, model, role, outcome, cost, settled)
     SELECT '${name}' || i, 'c', 0, ? - i, 'key:a', 'a', '["m"]', 'm', 'answer', 'answered', 7, 'told' FROM n`, from,
  );
  await insert('old', now - 30 * DAY, 21_500);
  await insert('new', now - 29 * DAY, 50);
  const sums = await edge.database.all('SELECT * FROM totals');
  await edge.cron();
  assert.equal(await count("SELECT count(*) AS count FROM attempts WHERE id LIKE 'old%'"), 1_500, 'one run has a bound');
  await edge.cron();
  assert.equal(await count("SELECT count(*) AS count FROM attempts WHERE id LIKE 'old%'"), 0);
  assert.equal(await count("SELECT count(*) AS count FROM attempts WHERE id LIKE 'new%'"), 50);
  assert.deepEqual(await edge.database.all('SELECT * FROM totals'), sums);
});

test('names that clients invent make no labels', async () => {
  const labels = async () => new Set([...(await metrics()).matchAll(/model="([^"]*)"/g)].map(([, model]) => model));
  assert.equal((await chat(edge, { model: SECOND })).status, 200);
  for (let at = 0; at < 12; at += 1) await chat(edge, { models: [`invented/model-${at}`, SECOND] });
  for (let at = 0; at < 12; at += 1) await chat(edge, { model: `invented/other-${at}` });
  await until('the rows are written', async () => (await count("SELECT count(DISTINCT call) AS count FROM attempts WHERE asked LIKE '%invented%'")) >= 24);
  const seen = await labels();
  assert.ok(seen.has(SECOND) || [...seen].some((label) => label.startsWith(SECOND)), [...seen].join());
  assert.deepEqual([...seen].filter((label) => label.startsWith('invented/')), []);
  assert.ok(seen.has('other'));
  assert.equal(await count("SELECT count(*) AS count FROM runs WHERE asked LIKE 'invented/%'"), 0);
  assert.ok((await emulator.log()).length > 0);
});
