// The ledger: one row in the database for every attempt, written after the response, complete whatever the database does, and
// never written twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { seededRandom } from '../support/seed.mjs';
import { POLICY, SECOND, chat, send, waitFor } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const PROMPT = 'canary-of-a-prompt words:5';
const chatBody = (body = {}) => ({ model: 'route/chat', messages: [{ role: 'user', content: PROMPT }], ...body });

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    policy: { ...POLICY, onContentFilter: 'fail', retry: { same: 0 } },
    routes: {
      chat: { models: [FIRST, SECOND] },
      hedged: { models: ['fault/slow-first-token', SECOND], policy: { hedge: { after: 200 } } },
      lean: { models: [SECOND], lane: 'lean' },
      judged: { models: [FIRST], policy: { judge: { model: SECOND } } },
    },
  },
}));

/** The rows of the call with this request id, read when there are at least `count` and all are settled. */
async function rows(of, call, count) {
  const read = () => of.database.all('SELECT * FROM attempts WHERE call = ? ORDER BY id', call);
  return waitFor(`${count} rows of ${call}`, read, (found) => found.length >= count && found.every(({ settled }) => settled), 60_000);
}

/** Waits until the rows of `calls` calls are written. */
async function written(of, calls) {
  const read = async () => (await of.database.all('SELECT count(DISTINCT call) AS count FROM attempts'))[0].count;
  await waitFor(`the rows of ${calls} calls`, read, (count) => count >= calls, 60_000);
}

const charged = async () => {
  const response = await fetch(`${emulator.origin}/emulator/generations`);
  return new Map((await response.json()).map((generation) => [generation.id, generation]));
};

test('an answer is one row with the models asked, the model that served, the cost and the duration', async () => {
  const answer = await chat(edge, chatBody(), { headers: { 'x-feature': "support <b>'; DROP TABLE attempts; --", 'x-request-id': 'one' } });
  assert.equal(answer.status, 200, answer.text);
  const [row, ...more] = await rows(edge, 'one', 1);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [row.account, row.client, row.route, row.feature, row.role, row.outcome, row.ended, row.settled],
    ['key:test', 'test', 'chat', "support <b>'; DROP TABLE attempts; --", 'answer', 'answered', 'answered', 'told'],
  );
  assert.equal(JSON.parse(row.asked)[0], FIRST);
  assert.ok(row.model.startsWith(FIRST) && row.provider && row.generation.startsWith('gen-'));
  const { usage } = answer.json;
  assert.deepEqual([row.prompt_tokens, row.completion_tokens], [usage.prompt_tokens, usage.completion_tokens]);
  assert.equal(row.cost, Math.round(usage.cost * 1e12));
  assert.ok(row.duration >= 0 && Date.now() - row.at < 60_000);
});

test('every attempt of a call that falls back is a row, and the first row says how the call ended', async () => {
  await emulator.script(FIRST, ['server-error']);
  await chat(edge, chatBody({ stream: true }), { headers: { 'x-request-id': 'fallback', 'x-flow': 'checkout' } });
  const found = await rows(edge, 'fallback', 2);
  assert.deepEqual(found.map(({ outcome, ended, feature }) => [outcome, ended, feature]), [['serverError', 'fallback', 'checkout'], ['answered', null, 'checkout']]);
  assert.ok(found[1].first_token >= 0);
});

test('the requests of a hedge, of a judge and of a caller who disconnects are rows too', async () => {
  await chat(edge, chatBody({ model: 'route/hedged', stream: true }), { headers: { 'x-request-id': 'hedged' } });
  assert.deepEqual((await rows(edge, 'hedged', 2)).map(({ role, outcome }) => [role, outcome]), [['answer', 'superseded'], ['hedge', 'answered']]);
  await chat(edge, chatBody({ model: 'route/judged' }), { headers: { 'x-request-id': 'judged' } });
  assert.deepEqual((await rows(edge, 'judged', 2)).map(({ role }) => role), ['answer', 'judge']);
  const leaves = new AbortController();
  const body = JSON.stringify(chatBody({ messages: [{ role: 'user', content: 'words:200 pace:20' }], stream: true }));
  const headers = { authorization: 'Bearer fs_test_client', 'content-type': 'application/json', 'x-request-id': 'left' };
  const response = await fetch(`${edge.origin}/v1/chat/completions`, { method: 'POST', headers, body, signal: leaves.signal });
  await response.body.getReader().read();
  leaves.abort();
  const [row] = await rows(edge, 'left', 1);
  assert.deepEqual([row.outcome, row.ended], ['aborted', 'aborted']);
  const { total_cost: cost } = (await charged()).get(row.generation);
  assert.ok(cost > 0 && row.cost >= Math.round(cost * 1e12), 'never less than what it cost');
});

test('the cost of a lean stream is looked up at the upstream', async () => {
  const body = { model: 'route/lean', stream: true, messages: [{ role: 'user', content: 'words:300' }] };
  const answer = await chat(edge, body, { headers: { 'x-request-id': 'lean' } });
  assert.ok(answer.events.done);
  const [row] = await rows(edge, 'lean', 1);
  assert.deepEqual([row.outcome, row.settled, row.route], ['answered', 'generation', 'lean']);
  const { total_cost: cost } = (await charged()).get(row.generation);
  assert.ok(cost > 0);
  assert.equal(row.cost, Math.round(cost * 1e12));
});

test('two calls with one request id are two calls', async () => {
  await Promise.all([1, 2].map(() => chat(edge, chatBody(), { headers: { 'x-request-id': 'twice' } })));
  assert.equal(new Set((await rows(edge, 'twice', 2)).map(({ id }) => id)).size, 2);
});

test('no row and no log line holds a key or text of a prompt or an answer', async () => {
  const tables = await edge.database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\'");
  assert.ok(tables.some(({ name }) => name === 'attempts'));
  assert.ok((await edge.database.all('SELECT id FROM attempts')).length > 0);
  let text = edge.said();
  assert.match(text, /"event":"call"/);
  for (const { name } of tables) text += JSON.stringify(await edge.database.all(`SELECT * FROM "${name}"`));
  for (const secret of ['canary-of-a-prompt', 'says:', 'fs_test_client', 'sk-or-test']) assert.ok(!text.includes(secret), secret);
});

test('the sums that triggers maintain equal the sums over the rows that two isolates wrote', async () => {
  const calls = Array.from({ length: 20 }, (_, at) => `sum-${at}`);
  await Promise.all(calls.map((call, at) => chat({ origin: edge.origins[at % 2] }, chatBody(), { headers: { 'x-request-id': call } })));
  for (const call of calls) await rows(edge, call, 1);
  const [counted] = await edge.database.all(
    "SELECT count(*) AS attempts, sum(iif(settled = 'unsettled', 0, cost)) AS cost, sum(iif(settled = 'unsettled', cost, 0)) AS unsettled FROM attempts",
  );
  const [summed] = await edge.database.all('SELECT sum(attempts) AS attempts, sum(cost) AS cost, sum(unsettled_cost) AS unsettled FROM totals');
  assert.deepEqual(summed, counted);
  const [{ calls: ended }] = await edge.database.all('SELECT sum(calls) AS calls FROM calls');
  assert.equal(ended, (await edge.database.all('SELECT count(DISTINCT id) AS calls FROM attempts WHERE ended IS NOT NULL'))[0].calls);
});

const failing = {
  'refuses half of its rows': (of, t) => {
    const random = seededRandom(t);
    return of.database.set({ refuse: Array.from({ length: 1_000 }, () => random() < 0.5) });
  },
  'loses replies after their commit': async (of) => of.database.set({ lose: 5 }),
  'is down until all calls are answered': async (of) => of.database.set({ down: true }),
};

for (const [what, fail] of Object.entries(failing)) {
  test(`a database that ${what} delays no call, and in the end has each row once`, async (t) => {
    const failsoft = configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter' } });
    await withEdge({ failsoft }, async (own) => {
      await fail(own, t);
      const calls = Array.from({ length: 40 }, (_, at) => `call-${at}`);
      for (let at = 0; at < calls.length; at += 8) {
        const some = calls.slice(at, at + 8);
        const answers = await Promise.all(some.map((call) => chat(own, chatBody({ model: FIRST }), { headers: { 'x-request-id': call } })));
        for (const { status, text } of answers) assert.equal(status, 200, text);
      }
      await own.database.set({ down: false });
      await written(own, calls.length);
      const found = await own.database.all('SELECT generation, cost FROM attempts');
      assert.equal(found.length, calls.length);
      const charges = await charged();
      for (const { generation, cost } of found) assert.equal(cost, Math.round(charges.get(generation).total_cost * 1e12));
      const [{ cost }] = await own.database.all('SELECT sum(cost) AS cost FROM totals');
      assert.equal(cost, found.reduce((sum, row) => sum + row.cost, 0));
    });
  });
}

test('a row that the database always refuses does not block other rows', async () => {
  await edge.database.all("CREATE TRIGGER poisoned BEFORE INSERT ON attempts WHEN new.call = 'poisoned' BEGIN SELECT RAISE(ABORT, 'no'); END");
  await chat(edge, chatBody(), { headers: { 'x-request-id': 'poisoned' } });
  await chat(edge, chatBody(), { headers: { 'x-request-id': 'behind' } });
  await rows(edge, 'behind', 1);
  await edge.database.all('DROP TRIGGER poisoned');
  await rows(edge, 'poisoned', 1);
});

test('a page may send the headers that name the feature of a call', async () => {
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,x-feature,x-flow' };
  await withEdge({ failsoft: { keys: [clientKey({ origins: ['https://app.example'] })], models: ['*'] } }, async (own) => {
    const answer = await send(own, '/v1/chat/completions', { method: 'OPTIONS', headers, key: null });
    assert.match(answer.headers['access-control-allow-headers'], /x-feature.*x-flow/);
  });
});
