// The sums of the dashboard: each equals the sum of its rows, whatever order rows and revisions arrive in, and what the ledger
// forgets stays in them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { WORKER, startEdge } from '../support/edge.mjs';
import { seededRandom } from '../support/seed.mjs';
import { COLUMNS, migrate, removeSums } from '../support/sums.mjs';
import { SECOND, chat } from './harness.mjs';
import { configure, useEdge } from './use-edge.mjs';

const QUARTER = 900_000;
/** The spans of the sums, in quarters: a quarter itself, and a day of UTC. */
const LENGTHS = [1, 96];
const DAY = 86_400_000;
const MEASURES = ['first_token', 'duration', 'call_first_token', 'call_duration'];

const OWNER = 'owner-0123456789-0123456789-0123456789';
const options = (emulator) => ({
  isolates: 2,
  secrets: { ADMIN_TOKEN: OWNER },
  failsoft: { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, ledger: { days: 30 }, routes: { chat: { models: ['openai/gpt-4o-mini', SECOND] } } },
});
const { emulator, edge } = useEdge(options);

const write = (await readFile(join(WORKER, 'src/ledger/write.sql'), 'utf8')).trim();
const pick = (random, list) => list[Math.floor(random() * list.length)];

/** A row of an attempt as the ledger's outbox writes it; `before` is the same row in its last revision. */
function row(random, id, at, before) {
  const first = id.endsWith('/0');
  const maybe = (value) => (random() < 0.5 ? value : null);
  const whole = (most) => Math.floor(random() * most);
  const stays = before ?? {
    id, call: id.split('/')[0], revision: -1, at,
    account: pick(random, ['key:web', 'user:1', 'user:2']), client: pick(random, ['web', 'user']),
    route: pick(random, [null, 'chat', "<b>'; DROP TABLE sums; --"]), feature: pick(random, [null, 'search', '=1+1']),
    asked: ['openai/gpt-4o-mini', SECOND], role: pick(random, ['answer', 'hedge', 'judge', ...(first ? ['cached'] : [])]),
  };
  return {
    ...stays,
    revision: stays.revision + 1,
    model: maybe(pick(random, ['openai/gpt-4o-mini', SECOND])),
    provider: null,
    outcome: pick(random, ['answered', 'answered', 'cut', 'rateLimited']),
    prompt_tokens: maybe(whole(5_000)),
    completion_tokens: maybe(whole(900)),
    cost: whole(1e15),
    settled: pick(random, ['told', 'generation', 'unsettled']),
    first_token: maybe(whole(9_000)),
    duration: maybe(whole(4_000_000)),
    call_first_token: first ? maybe(whole(9_000)) : null,
    call_duration: first ? maybe(whole(90_000)) : null,
    ended: stays.role === 'cached' ? 'cached' : first ? pick(random, ['answered', 'fallback', 'cut', 'aborted']) : null,
    upstream: maybe('openrouter.ai'),
  };
}

/** What a table of sums should have, computed from rows: a map from the key to the numbers. */
function sum(rows, keyOf, numbersOf, lengths = LENGTHS) {
  const sums = new Map();
  for (const each of rows) {
    for (const length of lengths) {
      const begins = Math.floor(each.at / QUARTER / (length ?? 1)) * (length ?? 1);
      const key = JSON.stringify([...(length ? [length] : []), begins, ...keyOf(each)]);
      const before = sums.get(key) ?? [];
      sums.set(key, numbersOf(each).map((number, at) => BigInt(number) + (before[at] ?? 0n)));
    }
  }
  return sums;
}

const amounts = (each) => {
  const unsettled = each.settled === 'unsettled';
  const known = (value) => (unsettled ? 0 : (value ?? 0));
  return [1, known(each.prompt_tokens), known(each.completion_tokens), known(each.cost), Number(unsettled), unsettled ? each.cost : 0];
};
const common = (each) => [each.route ?? '', each.part ?? each.feature ?? '', each.client, each.label ?? each.model ?? JSON.parse(each.asked)[0]];

/** Compares a table with the sums that `expected` has; rows without any amount do not count. */
async function equals(table, keys, numbers, expected) {
  const columns = [...keys, ...numbers.map((name) => `CAST(${name} AS TEXT) AS ${name}`)].join(', ');
  const found = await edge.database.all(`SELECT ${columns} FROM ${table} WHERE ${numbers.map((name) => `${name} <> 0`).join(' OR ')}`);
  const shown = found.map((each) => [JSON.stringify(keys.map((name) => each[name])), numbers.map((name) => each[name])]);
  const wanted = [...expected].filter(([, each]) => each.some((number) => number !== 0n)).map(([key, each]) => [key, each.map(String)]);
  const sorted = (list) => list.sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(shown), sorted(wanted), table);
  assert.ok(shown.length > 0, table);
}

/** Compares all sums with `rows`, which are rows of the table `attempts`. */
async function allEqual(rows) {
  const AMOUNTS = ['attempts', 'prompt_tokens', 'completion_tokens', 'cost', 'unsettled', 'unsettled_cost'];
  const KEYS = ['length', 'begins', 'route', 'feature', 'client', 'model'];
  const ended = (each) => [...common(each), each.upstream ?? '', each.role, each.outcome, each.ended ?? ''];
  await equals('sums', [...KEYS, 'upstream', 'role', 'outcome', 'ended'], AMOUNTS, sum(rows, ended, amounts));
  const all = (each) => [each.outcome, each.ended ?? ''];
  await equals('quarters', ['length', 'begins', 'outcome', 'ended'], AMOUNTS, sum(rows, all, amounts));
  const failed = (each) => each.ended !== null && !['answered', 'fallback', 'aborted', 'cached'].includes(each.ended);
  const calls = (each) => [each.ended !== null, each.ended === 'fallback', failed(each), each.ended === 'aborted', each.ended === 'cached'].map(Number);
  const ofAccount = sum(rows, (each) => [each.account, each.client], (each) => [Number(each.role !== 'cached'), ...amounts(each).slice(1), ...calls(each)]);
  await equals('account_sums', ['length', 'begins', 'account', 'client'], [...AMOUNTS, 'calls', 'fallbacks', 'failed', 'aborted', 'cached'], ofAccount);
  const bounds = (await edge.database.all('SELECT up_to FROM bounds ORDER BY up_to')).map(({ up_to: bound }) => bound);
  const measured = MEASURES.flatMap((measure, at) => rows.filter((each) => each[measure] !== null).map((each) => ({ ...each, at, time: each[measure], when: each.at })));
  const bucket = ({ time }) => bounds.find((bound) => time <= bound);
  const inBuckets = sum(measured.map((each) => ({ ...each, at: each.when, which: each.at })), (each) => [...common(each), bucket(each)], (each) => MEASURES.map((_, at) => Number(at === each.which)));
  await equals('times', [...KEYS, 'up_to'], MEASURES, inBuckets);
  const together = sum(measured.map((each) => ({ ...each, at: each.when, which: each.at })), (each) => [bucket(each)], (each) => MEASURES.map((_, at) => Number(at === each.which)));
  await equals('quarter_times', ['length', 'begins', 'up_to'], MEASURES, together);
}

const attempts = () => edge.database.all('SELECT * FROM attempts');

test('random rows, in random batches and revisions, add up exactly, and stay when the ledger forgets rows', async (t) => {
  const random = seededRandom(t);
  const now = Date.now();
  const ages = [0, 3 * 60_000, 40 * 60_000, DAY, 29 * DAY, 40 * DAY, 60 * DAY];
  const last = new Map();
  for (let batch = 0; batch < 40; batch += 1) {
    const rows = Array.from({ length: 25 }, () => {
      const known = random() < 0.4 ? pick(random, [...last.values()]) : undefined;
      const id = known?.id ?? `c${Math.floor(random() * 1e9)}/${Math.floor(random() * 2)}`;
      return row(random, id, now - pick(random, ages), known ?? last.get(id));
    });
    // Of one row, only the last revision of a batch is in the outbox.
    const unique = [...new Map(rows.map((each) => [each.id, each])).values()];
    unique.forEach((each) => last.set(each.id, each));
    await edge.database.all(write, JSON.stringify(unique));
    // A statement whose reply was lost is written again.
    if (random() < 0.3) await edge.database.all(write, JSON.stringify(unique));
  }
  const before = await attempts();
  assert.equal(before.length, last.size);
  await allEqual(before);
  await edge.cron();
  const kept = await attempts();
  assert.ok(kept.length < before.length && kept.every(({ at }) => at >= now - 31 * DAY));
  await allEqual(before);
});

/** What the edge says about the rows that its figures lack. */
async function missing() {
  const answer = await fetch(`${edge.origin}/admin/usage?by=model`, { headers: { authorization: `Bearer ${OWNER}` } });
  return (await answer.json()).missing;
}

test('rows of earlier versions are added in steps, exactly, whatever happens meanwhile', async (t) => {
  const random = seededRandom(t);
  const old = await edge.database.all('SELECT rowid AS number, * FROM attempts');
  assert.equal(await missing(), 0);
  await removeSums(edge.database);
  await migrate(edge.database);
  await edge.database.all('UPDATE backfill SET step = 3');
  // Numbers of rows that are deleted count, too.
  assert.ok((await missing()) >= old.length);
  const [none] = await edge.database.all('SELECT count(*) AS count FROM sums');
  assert.equal(none.count, 0);
  // The owner deletes the row with the highest number. The next row that arrives gets this number.
  const [deleted, ...left] = old.sort((a, b) => b.number - a.number);
  await edge.database.all('DELETE FROM attempts WHERE id = ?', deleted.id);
  let last = left.map(({ number, ...each }) => ({ ...each, asked: JSON.parse(each.asked), ...Object.fromEntries(COLUMNS.map((column) => [column, null])) }));
  for (let runs = 1; (await missing()) > 0; runs += 1) {
    assert.ok(runs < 20);
    // Rows arrive, and rows that count already or do not count yet are written again.
    const fresh = Array.from({ length: 9 }, () => row(random, `n${Math.floor(random() * 1e9)}/0`, Date.now()));
    const again = [...new Set(Array.from({ length: 9 }, () => pick(random, last)))].map((each) => row(random, each.id, each.at, each));
    await edge.database.all(write, JSON.stringify([...fresh, ...again]));
    last = [...last.filter(({ id }) => again.every((each) => each.id !== id)), ...fresh, ...again];
    const before = await missing();
    // Two runs at the same time, one of which is killed with the edge between two steps.
    await Promise.all([edge.cron(), edge.cron()]);
    if (runs === 1) {
      await edge.kill();
      Object.assign(edge, await startEdge({ ...options(emulator), failsoft: configure(emulator, options(emulator).failsoft), folder: edge.folder }));
    }
    assert.ok((await missing()) < before);
    const marked = await edge.database.all('SELECT count(*) AS count FROM backfill');
    assert.equal(marked[0].count, (await missing()) > 0 ? 1 : 0);
    await allEqual(await edge.database.all('SELECT * FROM attempts WHERE NOT EXISTS (SELECT 1 FROM backfill WHERE attempts.rowid > done AND attempts.rowid <= last)'));
  }
  assert.equal((await attempts()).length, last.length, 'the ledger forgets no row before it counts');
  await edge.cron();
  await allEqual(await attempts());
});

test('calls through two isolates add up, with the upstream, and with the times that a reader saw', async () => {
  await emulator.script('openai/gpt-4o-mini', ['server-error', 'server-error']);
  for (let at = 0; at < 6; at += 1) {
    const answer = await chat({ origin: edge.origins[at % 2] }, { model: 'route/chat', stream: at > 2 }, { headers: { 'x-request-id': `sums-${at}`, 'x-feature': 'search' } });
    assert.equal(answer.status, 200, answer.text);
  }
  for (let left = 600; left > 0; left -= 1) {
    const [{ count }] = await edge.database.all("SELECT count(DISTINCT call) AS count FROM attempts WHERE call LIKE 'sums-%'");
    if (count === 6) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const rows = await edge.database.all("SELECT * FROM attempts WHERE call LIKE 'sums-%' AND ended IS NOT NULL ORDER BY call");
  assert.equal(rows.length, 6);
  assert.ok(rows.every((each) => each.upstream === new URL(emulator.origin).host && each.call_duration >= each.duration));
  assert.deepEqual(rows.map((each) => each.call_first_token !== null), [false, false, false, true, true, true]);
});

test('features that clients invent have no sums of their own beyond a bound', async () => {
  const random = () => 0.4;
  for (let batch = 0; batch < 24; batch += 1) {
    const rows = Array.from({ length: 50 }, (_, at) => ({ ...row(random, `f${batch}-${at}/0`, Date.now()), feature: `invented ${batch}-${at}` }));
    await edge.database.all(write, JSON.stringify(rows));
  }
  const [{ count }] = await edge.database.all('SELECT count(DISTINCT feature) AS count FROM sums');
  assert.ok(count <= 1_100, `${count} features`);
  const [{ other }] = await edge.database.all("SELECT sum(attempts) AS other FROM sums WHERE feature = 'other'");
  assert.ok(other >= 100);
});
