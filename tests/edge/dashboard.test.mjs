// What the dashboard reads: each figure equals the one that is computed from the rows, for every range and filter; lists have
// pages, exports hold no formulas, and only admins who may read get anything.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { countBy, countRows, percentile, select, tally, values } from '../support/figures.mjs';
import { HOSTILE, dayOfCalls, writeRows } from '../support/ledger.mjs';
import { generator } from '../support/random.mjs';
import { chat, send, waitFor } from './harness.mjs';
import { setUp, useEdge } from './use-edge.mjs';

const [OWNER, KEEPER] = ['owner', 'keeper'].map((name) => `${name}-0123456789-0123456789-0123456789`);
const HOUR = 3_600_000;
const QUARTER = HOUR / 4;
const MODEL = 'openai/gpt-4o';
const DOWN = 'fault/unavailable';
const COOLDOWN = 60_000;

const { edge } = useEdge((emulator) => ({
  secrets: { ADMIN_TOKEN: OWNER, KEEPER_TOKEN: KEEPER },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey({ budget: { usd: { day: 5 } } })],
    admins: [{ name: 'keeper', token: 'KEEPER_TOKEN', scopes: ['keys'] }],
    routes: { chat: { models: [MODEL], budget: { usd: { day: 50 } } }, down: { models: [DOWN], policy: { breaker: { failures: 1, cooldown: COOLDOWN } } } },
  },
}));

const now = Math.floor(Date.now() / QUARTER) * QUARTER;
const rows = dayOfCalls(generator(17), { calls: 2_000, from: now - 60 * HOUR, to: now });
setUp(() => writeRows(edge, rows));
// The cron trigger closes the days that are over.
setUp(() => edge.cron());

async function read(path, query = {}, key = OWNER) {
  const fields = new URLSearchParams(query).toString();
  const answer = await send(edge, `/admin/${path}${fields && `?${fields}`}`, { key });
  const isJson = answer.headers['content-type']?.includes('json');
  return { ...answer, json: isJson ? JSON.parse(answer.text) : null };
}

/** The figures of a row of the API that `expected` has, too. */
const figures = (row, expected) => Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]]));

function assertPercentiles(shown, measured, what) {
  assert.equal(shown.count, measured.length, what);
  for (const percent of [50, 95]) {
    const [found, exact] = [shown[`p${percent}`], percentile(measured, percent)];
    if (exact === null) assert.equal(found, null, what);
    else assert.ok(Math.abs(found - exact) <= 0.05 * exact + 1, `${what}: p${percent} is ${exact}, shown ${found}`);
  }
}

const RANGES = {
  'a day up to now': { from: now - 24 * HOUR, to: now + QUARTER },
  'a day of a zone with 45 minutes': { from: now - 50 * HOUR - 3 * QUARTER, to: now - 26 * HOUR - 3 * QUARTER },
  'a quarter of an hour': { from: now - 20 * HOUR, to: now - 20 * HOUR + QUARTER },
  'everything': { from: now - 60 * HOUR, to: now + QUARTER },
};
const FILTERS = [{}, { feature: 'search' }, { feature: HOSTILE.feature }, { feature: '' }, { route: 'chat', model: 'openai/gpt-4o' }, { client: HOSTILE.client }, { model: HOSTILE.model }];

for (const [title, range] of Object.entries(RANGES)) {
  test(`the figures of ${title} equal those of its rows, with every filter`, async () => {
    for (const filter of FILTERS) {
      const what = JSON.stringify(filter);
      const some = select(rows, { ...range, ...filter });
      const { json: { total, parts, from, to } } = await read('overview', { ...range, ...filter });
      assert.deepEqual([from, to], [range.from, range.to]);
      if (some.length === 0) {
        assert.equal(total, null);
        continue;
      }
      const expected = countRows(some);
      assert.deepEqual(figures(total, expected), expected, what);
      assertPercentiles(total.firstToken, values(some, 'call_first_token'), what);
      assertPercentiles(total.duration, values(some, 'call_duration'), what);
      const counts = (list, name) => Object.fromEntries(list.map((row) => [row.name, row[name]]));
      assert.deepEqual(counts(parts.fallbackCauses, 'calls'), tally(some.filter(({ ended }) => ended === 'fallback'), 'outcome'), what);
      assert.deepEqual(counts(parts.failures, 'calls'), tally(some.filter(({ ended }) => ended !== null && !['answered', 'fallback'].includes(ended)), 'ended'), what);
      assert.deepEqual(counts(parts.attemptFailures, 'attempts'), tally(some.filter(({ outcome }) => outcome !== 'answered'), 'outcome'), what);
      parts.series.forEach((part, at) => {
        const own = countRows(select(some, { from: part.at, to: parts.series[at + 1]?.at ?? range.to }));
        const named = { calls: own.calls, fallbacks: own.fallbacks, failed: own.failed, usd: own.usd, unsettledUsd: own.unsettledUsd };
        assert.deepEqual(figures(part, named), named, what);
      });
    }
  });

  test(`each breakdown of ${title} equals its rows, and adds up to the whole`, async () => {
    const some = select(rows, range);
    for (const by of ['feature', 'model', 'route', 'client', 'upstream', 'account']) {
      const { json: { data } } = await read('usage', { ...range, by });
      const expected = countBy(some, by);
      if (by === 'account') expected.forEach((each) => delete each.failedAttempts);
      assert.deepEqual(new Map(data.map((row) => [row.name, figures(row, expected.get(row.name) ?? {})])), expected, by);
      assert.equal(data.reduce((sum, { attempts }) => sum + attempts, 0), some.length, by);
      const costs = data.map((row) => row.usd + row.unsettledUsd);
      assert.deepEqual(costs, [...costs].sort((a, b) => b - a), by);
      if (by !== 'model') continue;
      for (const row of data) assertPercentiles(row.attemptDuration, values(select(some, { ...range, model: row.name }), 'duration'), row.name);
    }
  });
}

test('a closed day shows what an open one shows, and a late change opens it', async () => {
  const range = RANGES.everything;
  const breakdowns = async () => Promise.all(['feature', 'model', 'route', 'client', 'upstream'].map(async (by) => (await read('usage', { ...range, by })).json.data));
  const closedDays = async () => (await edge.database.all('SELECT day FROM closed_days ORDER BY day')).map(({ day }) => day);
  const days = await closedDays();
  assert.ok(days.length >= 2);
  const closed = await breakdowns();
  await edge.database.all('DELETE FROM closed_days');
  assert.deepEqual(await breakdowns(), closed);
  await edge.cron();
  assert.deepEqual(await closedDays(), days);
  const late = rows.find(({ at }) => Math.floor(at / QUARTER / 96) * 96 === days[0]);
  const change = (more) => edge.database.all(`UPDATE attempts SET cost = cost + ?, duration = duration + ? WHERE id = ?`, more, more, late.id);
  await change(5_000);
  assert.deepEqual(await closedDays(), days.slice(1));
  const changed = await breakdowns();
  assert.notDeepEqual(changed, closed);
  await edge.cron();
  assert.deepEqual(await closedDays(), days);
  assert.deepEqual(await breakdowns(), changed);
  await change(-5_000);
  assert.deepEqual(await breakdowns(), closed);
  // A row that arrives late makes a sum that its day did not have.
  await edge.cron();
  assert.deepEqual(await closedDays(), days);
  const arrived = { ...late, id: 'arrived-late/0', call: 'arrived-late', feature: 'late' };
  await writeRows(edge, [arrived]);
  rows.push(arrived);
  assert.deepEqual(await closedDays(), days.slice(1));
  assert.equal((await breakdowns())[0].find(({ name }) => name === 'late').attempts, 1);
});

test('without percentiles, the other figures are the same', async () => {
  const range = RANGES.everything;
  const [all, without] = [await read('usage', { ...range, by: 'model' }), await read('usage', { ...range, by: 'model', times: 'no' })];
  const none = { count: 0, p50: null, p95: null };
  const cleared = { firstToken: none, duration: none, attemptFirstToken: none, attemptDuration: none };
  assert.deepEqual(without.json.data, all.json.data.map((row) => ({ ...row, ...cleared })));
});

test('a series has the parts that are asked for, such as days of 23 and of 25 hours', async () => {
  const range = RANGES.everything;
  const starts = [range.from, range.from + 23 * HOUR, range.from + 48 * HOUR];
  const { json: { parts: { series } } } = await read('overview', { ...range, at: starts.join() });
  assert.deepEqual(series.map(({ at }) => at), starts);
  const expected = starts.map((from, at) => countRows(select(rows, { from, to: starts[at + 1] ?? range.to })).calls);
  assert.deepEqual(series.map(({ calls }) => calls), expected);
});

test('calls have pages without gaps or repeats, and each has its attempts in order', async () => {
  const range = { from: now - 30 * HOUR, to: now + QUARTER };
  const firsts = select(rows, range).filter(({ ended }) => ended !== null).sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  const found = [];
  for (let before; ; ) {
    const { json } = await read('calls', { ...range, ...(before && { before }) });
    assert.ok(json.data.length <= 50);
    found.push(...json.data);
    if (!json.next) break;
    before = json.next;
  }
  assert.deepEqual(found.map(({ id }) => id), firsts.map(({ id }) => id));
  for (const call of found.slice(0, 200)) {
    const own = rows.filter(({ id }) => id.split('/')[0] === call.id.split('/')[0]);
    assert.deepEqual(call.attempts.map(({ id, outcome, duration, firstToken }) => [id, outcome, duration, firstToken]), own.map((row) => [row.id, row.outcome, row.duration, row.first_token]));
    assert.equal(call.attempts.reduce((sum, { usd }) => sum + usd, 0).toFixed(9), (own.reduce((sum, { cost }) => sum + cost, 0) / 1e12).toFixed(9));
  }
});

test('filters of calls find the calls that have the value, by any of their attempts, and the parts add up to the whole', async () => {
  const range = { from: now - 8 * HOUR, to: now + QUARTER };
  const calls = select(rows, range).filter(({ ended }) => ended !== null);
  const all = async (query) => {
    const ids = [];
    for (let before; ; ) {
      const { json } = await read('calls', { ...range, ...query, ...(before && { before }) });
      ids.push(...json.data.map(({ id }) => id));
      if (!json.next) return ids.sort();
      before = json.next;
    }
  };
  const ids = (list) => list.map(({ id }) => id).sort();
  const some = (call) => rows.filter(({ id }) => id.split('/')[0] === call.id.split('/')[0]);
  assert.deepEqual(await all({ model: HOSTILE.model }), ids(calls.filter((call) => some(call).some((row) => (row.model ?? row.asked[0]) === HOSTILE.model))));
  assert.deepEqual(await all({ feature: HOSTILE.feature, client: 'web' }), ids(calls.filter((call) => call.feature === HOSTILE.feature && call.client === 'web')));
  const parts = [];
  for (const ended of ['answered', 'fallback', 'failed', 'aborted']) parts.push(...(await all({ ended })));
  assert.deepEqual(parts.sort(), ids(calls));
  const one = calls.find((call) => some(call).length > 1 && some(call).at(-1).generation);
  const generation = some(one).at(-1).generation;
  for (const id of [one.call, one.id, one.id.split('/')[0], generation]) assert.deepEqual(await all({ id }), [one.id], id);
});

test('an export has every attempt, numbers stay numbers, and no text is a formula', async () => {
  const range = { from: now - 60 * HOUR, to: now + QUARTER };
  const { text, headers } = await read('calls.csv', range);
  assert.match(headers['content-type'], /^text\/csv/);
  const lines = text.trim().split('\r\n');
  assert.equal(lines.length - 1, rows.length);
  const columns = lines[0].split(',');
  const cells = (line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell]) => cell).slice(0, columns.length);
  const usd = lines.slice(1).reduce((sum, line) => sum + Number(cells(line)[columns.indexOf('usd')]), 0);
  assert.equal(usd.toFixed(6), (rows.reduce((sum, { cost }) => sum + cost, 0) / 1e12).toFixed(6));
  assert.ok(text.includes(`"'=HYPERLINK(""https://evil.example"")"`));
  for (const line of lines.slice(1)) for (const cell of cells(line)) assert.doesNotMatch(cell, /^"?[=+@\t-]/);
});

test('an export follows the filters of the page: how a call ended, and any of its ids', async () => {
  const range = { from: now - 60 * HOUR, to: now + QUARTER };
  const lines = async (query) => (await read('calls.csv', { ...range, ...query })).text.trim().split('\r\n').length - 1;
  const firsts = new Map(rows.filter(({ ended }) => ended !== null).map((row) => [row.id.split('/')[0], row.ended]));
  const of = (is) => rows.filter(({ id }) => is(firsts.get(id.split('/')[0]))).length;
  const isFailure = (ended) => !['answered', 'fallback', 'aborted'].includes(ended);
  for (const ended of new Set(firsts.values())) assert.equal(await lines({ ended }), of((each) => each === ended), ended);
  assert.equal(await lines({ ended: 'failed' }), of(isFailure));
  const some = rows.filter(({ id }) => id.endsWith('/1') && rows.some((row) => row.id === id && row.generation)).slice(0, 5);
  assert.equal(some.length, 5);
  for (const { id, call, generation } of some) {
    const [own] = id.split('/');
    const whole = rows.filter((row) => row.id.startsWith(`${own}/`)).length;
    for (const name of [own, id, generation]) assert.equal(await lines({ id: name }), whole, name);
    assert.ok((await lines({ id: call })) >= whole);
  }
  assert.equal(await lines({ id: 'nothing' }), 0);
});

test('budgets show what is used, held and left, of the edge, of routes and of every key', async () => {
  const made = JSON.parse((await send(edge, '/admin/keys', { method: 'POST', key: OWNER, body: '{"name":"<b>managed</b>","budget":{"usd":{"day":2}}}' })).text);
  assert.equal((await chat(edge, { model: 'route/chat' }, { key: made.key })).status, 200);
  const { json: { data } } = await read('budgets');
  assert.deepEqual(data.map(({ title }) => title), ['The edge', 'Route chat', 'Key test', 'Key <b>managed</b>']);
  const key = data.at(-1);
  assert.equal(key.account, `key:${made.id}`);
  const { used, limit, left, held } = key.usage.usd.day;
  assert.equal(limit, 2);
  assert.ok(used > 0 || held > 0);
  assert.ok(Math.abs(limit - used - held - left) < 1e-9);
  for (let at = 0; at < 14; at += 1) await send(edge, '/admin/keys', { method: 'POST', key: OWNER, body: `{"name":"more ${at}"}` });
  const first = (await read('budgets')).json;
  const second = (await read('budgets', { before: first.next })).json;
  assert.deepEqual([first.data.length, second.data.length, second.next], [15, 3, undefined]);
});

test('alerts and the audit log are shown, the newest first and page by page', async () => {
  await edge.database.all(`INSERT INTO told (occasion, at, body, sent) VALUES ('a', 1, '{"text":"<b>first</b>","kind":"spend"}', 1), ('b', 2, '{"text":"second","kind":"cost"}', 0)`);
  const alerts = (await read('alerts')).json.data;
  assert.deepEqual(alerts.map(({ alert, sent }) => [alert.text, sent]), [['second', false], ['<b>first</b>', true]]);
  await edge.database.all('DELETE FROM audit');
  await edge.database.all("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 230) INSERT INTO audit (at, admin, request, method, path, status) SELECT i / 3, 'a', 'r' || i, 'POST', '/admin/keys', 201 FROM n");
  const found = [];
  for (let before; ; ) {
    const { json } = await read('audit', before ? { before } : {});
    found.push(...json.data.map(({ request }) => request));
    if (!json.next) break;
    before = json.next;
  }
  assert.deepEqual(found, Array.from({ length: 230 }, (_, at) => `r${230 - at}`));
});

test('each breaker is shown with its state', async () => {
  assert.deepEqual((await read('breakers')).json.data, []);
  // The failures of one account open no breaker.
  const other = JSON.parse((await send(edge, '/admin/keys', { method: 'POST', key: OWNER, body: '{"name":"other"}' })).text).key;
  for (const key of [CLIENT_KEY, other]) assert.equal((await chat(edge, { model: 'route/down' }, { key })).status, 503);
  const { json: { data } } = await waitFor('the breaker', () => read('breakers'), ({ json }) => json.data.length > 0);
  assert.match(data.map(({ name }) => name).join(), new RegExp(`^http://[^ ]* ${DOWN}$`));
  assert.ok(data[0].wait > 0 && data[0].wait <= COOLDOWN, JSON.stringify(data));
});

test('only an admin who may read gets figures, and a wrong query names its field', async () => {
  for (const path of ['overview', 'usage', 'calls', 'calls.csv', 'budgets', 'breakers', 'alerts', 'audit']) {
    assert.equal((await read(path)).status, 200, path);
    assert.equal((await read(path, {}, KEEPER)).status, 403, path);
    assert.equal((await read(path, {}, 'a guess')).status, 401, path);
    assert.equal((await send(edge, `/admin/${path}`, { method: 'POST', key: OWNER })).status, 405, path);
    const unknown = await read(path, { wrong: 1 });
    assert.deepEqual([unknown.status, unknown.json.error.param], [400, 'wrong'], path);
  }
  for (const [query, field] of [[{ from: 'x' }, 'from'], [{ from: 5, to: 4 }, 'from'], [{ from: 0, to: now }, 'from'], [{ at: '1,2' }, 'at']]) {
    const { status, text, json } = await read('overview', query);
    assert.deepEqual([status, json.error?.param], [400, field], `${JSON.stringify(query)} ${text}`);
  }
  assert.equal((await read('usage', { by: 'outcome' })).json.error.param, 'by');
  assert.equal((await read('calls', { before: 'x' })).json.error.param, 'before');
});
