// Experiments: a variant that saves and keeps the quality is recommended, and no other is, whatever the judge is like. The judges are
// models of the emulator that follow a rule: see tests/emulator/src/rules.rs.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { sha256 } from '../support/edge.mjs';
import { SECOND, waitFor } from './harness.mjs';
import { CHEAPER, JUDGE, PROMPT, WORSE, useExperiments } from './use-experiments.mjs';

/** The fewest that show, if all pairs are ties, that a variant loses less than 10 points. */
const SAMPLES = 36;

const { edge, admin, samples, list, run, sent, booked, restart } = useExperiments(SAMPLES);
const near = (found, expected) => assert.ok(Math.abs(found - expected) <= 1e-9, `${found} is not ${expected}`);

test('a cheaper chain that keeps the quality is recommended, and every call of the experiment is booked', async () => {
  const shown = await run({ models: [CHEAPER] });
  const { quality, savings, judge, recommended } = shown.result;
  assert.deepEqual([shown.state, shown.progress.judged, recommended], ['done', SAMPLES, true], JSON.stringify(shown));
  assert.deepEqual([quality.wins, quality.losses, quality.ties, quality.kept, judge.sensitivity], [0, 0, SAMPLES, true, 1]);
  assert.ok(quality.interval[0] > quality.atLeast && quality.interval[0] < 0 && quality.atLeast === -0.1);
  assert.ok(savings.part > 0.9 && savings.interval[0] > 0 && savings.interval[1] > savings.usdPerCall, JSON.stringify(savings));
  const [{ cost }] = await edge.database.all("SELECT sum(cost) / 1e12 AS cost FROM samples WHERE route = 'chat'");
  near(savings.original, cost / SAMPLES);
  const { usd } = await waitFor('the ledger', () => booked(shown.id), ({ calls }) => calls === SAMPLES * 3 + 10 * 2);
  near(shown.spentUsd, usd);
  const [{ versions }] = await edge.database.all("SELECT count(*) AS versions FROM attempts WHERE client = 'experiment' AND version IS NOT NULL");
  assert.equal(versions, 0, 'comparisons of versions leave experiments out');
  assert.equal(await samples(), SAMPLES, 'the calls of an experiment are no samples');
});

test('a cheaper chain that loses quality is not recommended', async () => {
  const { state, result } = await run({ models: [WORSE] });
  assert.deepEqual([state, result.quality.losses, result.quality.kept, result.recommended], ['done', SAMPLES, false, false]);
  assert.ok(result.savings.interval[0] > 0, 'it saves');
});

test('a noisy judge is asked again, and finds the same', async () => {
  const judge = { model: 'rule/noisy-judge' };
  const good = await run({ judge, models: [CHEAPER] });
  assert.deepEqual([good.state, good.result.quality.ties, good.result.recommended], ['done', SAMPLES, true], JSON.stringify(good));
  assert.ok(good.progress.rounds > SAMPLES, 'some pairs were judged again');
  const bad = await run({ judge, models: [WORSE] });
  assert.deepEqual([bad.state, bad.result.quality.losses, bad.result.recommended], ['done', SAMPLES, false], JSON.stringify(bad));
});

test('a judge that prefers whatever comes first, or says nothing, ends the experiment before it costs much', async () => {
  for (const [model, variant] of [['rule/first-judge', CHEAPER], ['rule/first-judge', WORSE], ['rule/silent-judge', CHEAPER]]) {
    const { state, reason, progress, result } = await run({ judge: { model }, models: [variant] });
    assert.deepEqual([state, reason, progress.judged, result.recommended, result.judge.sensitivity], ['stopped', 'judge', 0, false, 0], model);
  }
});

test('fewer output tokens cut answers: they save, and are not recommended', async () => {
  const { state, variant, result } = await run({ outputTokens: 4 });
  assert.deepEqual([state, variant.limits.outputTokens, result.quality.kept, result.recommended], ['done', 4, false, false]);
  assert.ok(result.savings.part > 0);
});

test('a model writes a shorter prompt, which keeps its placeholders, and a person applies it to a part of the calls', async () => {
  const shown = await run({ writer: 'rule/writer' });
  assert.deepEqual([shown.state, shown.result.recommended], ['done', true], JSON.stringify(shown));
  assert.equal(shown.variant.systemPrompt.sha256, sha256(PROMPT));
  assert.equal(shown.variant.systemPrompt.text, 'You are the kind {shop} {language}');
  assert.ok(shown.result.savings.part > 0);
  const { headers } = await admin('GET', 'routes/chat');
  const applied = await admin('PUT', 'routes/chat', { route: shown.variant, split: { percent: 10, by: 'user' } }, { headers: { 'if-match': headers.etag } });
  assert.deepEqual([applied.status, applied.json.version, applied.json.split.version], [200, 1, 2], JSON.stringify(applied.json));
  await admin('POST', 'routes/chat/rollback');
});

test('a prompt that lost a placeholder is not tried', async () => {
  const { state, reason, variant, progress } = await run({ writer: 'rule/bad-writer' });
  assert.deepEqual([state, reason, variant, progress.judged], ['stopped', 'the prompt that the model wrote has other placeholders', null, 0]);
});

test('the budget stops an experiment, and nothing is spent above it', async () => {
  const usd = 0.0015;
  const { id, state, reason, spentUsd, progress, result } = await run({ models: [CHEAPER], usd });
  assert.deepEqual([state, reason, result.recommended], ['stopped', 'budget', false]);
  assert.ok(progress.judged > 0 && progress.judged < SAMPLES && spentUsd > 0 && spentUsd <= usd, `${spentUsd} ${progress.judged}`);
  await waitFor('the ledger', () => booked(id), (found) => found.usd >= spentUsd - 1e-12);
  assert.ok((await booked(id)).usd <= usd);
  const before = await sent();
  await edge.cron();
  assert.deepEqual([(await list())[0].state, await sent()], ['stopped', before], 'an experiment that is over costs nothing');
});

test('what is wrong with an experiment is said before it begins', async () => {
  const refused = async (fields, path = 'chat') => {
    const { status, json } = await admin('POST', `routes/${path}/experiments`, { judge: JUDGE, models: [CHEAPER], ...fields });
    return [status, json.error.param ?? json.error.code];
  };
  assert.deepEqual(await refused({ models: undefined }), [400, 'models']);
  assert.deepEqual(await refused({ outputTokens: 5 }), [400, 'models']);
  assert.deepEqual(await refused({ models: [] }), [400, 'route.models']);
  assert.deepEqual(await refused({ judge: undefined }), [400, 'judge.model']);
  assert.deepEqual(await refused({ samples: 10 }), [400, 'samples']);
  assert.deepEqual(await refused({ margin: 0 }), [400, 'margin']);
  assert.deepEqual(await refused({}, 'seed'), [404, 'route_not_found']);
  await admin('POST', 'routes', { name: 'empty', route: { models: [SECOND] } });
  assert.deepEqual(await refused({}, 'empty'), [400, 'invalid_request']);
  assert.deepEqual((await admin('GET', 'routes/empty/experiments')).json.data, []);
  assert.equal((await admin('POST', 'routes/chat/experiments', { models: [CHEAPER] }, { reads: true })).status, 403);
  assert.equal((await admin('GET', 'routes/chat/experiments', undefined, { reads: true })).status, 200);
  assert.equal((await admin('GET', 'routes/chat/experiments/none')).status, 404);
});

test('no text of a call, and no prompt that a model wrote, is readable in what is stored or logged', async () => {
  await run({ writer: 'rule/writer' });
  // An object that has ended removes its files.
  await restart(async () => {
    const files = (await readdir(edge.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name.includes('.sqlite'));
    assert.ok(files.length > 3);
    // The prompt was applied as a version of the route in an earlier test, by a person.
    for (const file of files) assert.ok(!(await readFile(join(file.parentPath, file.name))).includes('canary-'), file.name);
    assert.ok(!edge.said().includes('canary-'));
  });
});
