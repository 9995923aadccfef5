// The edge runs experiments by itself: no page and no request is needed after the first. What an experiment finds is tested in
// experiments.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { waitFor } from './harness.mjs';
import { CHEAPER, isOver, useExperiments } from './use-experiments.mjs';

const SAMPLES = 20;
/** All calls of an experiment whose judge never hesitates: each sample has an answer and two verdicts, and ten controls have two. */
const CALLS = SAMPLES * 3 + 10 * 2;
/** With this margin, 20 ties are enough. */
const FIELDS = { models: [CHEAPER], margin: 25 };

// A call that spends from the budget of the edge returns its lease after ten seconds. No step waits for that.
const { emulator, edge, admin, samples, makeSamples, begin, run, show, finish, watch, sent, booked, restart } = useExperiments(SAMPLES, { budget: { usd: { day: 50 } } });

const someVerdicts = (id) => waitFor('some verdicts', () => show(id), ({ progress }) => progress.judged > 2, 60_000);
const problem = (id, pattern) => waitFor('the problem', () => show(id), (shown) => pattern.test(shown.problem));

/** Begins an experiment, and holds its first request until `emulator.release()`. */
async function beginHeld() {
  await emulator.hold();
  const begun = await begin(FIELDS);
  await waitFor('the first request', sent, (count) => count > 0);
  return begun;
}

/** Begins an experiment, and holds a request of a later step. Returns how many were sent before that one. */
async function beginAndHold() {
  const { id } = await begin(FIELDS);
  await someVerdicts(id);
  await emulator.hold();
  const before = await sent();
  await waitFor('a request', sent, (count) => count > before);
  return { id, before };
}

test('an experiment ends without another request, and none of its steps fails', async () => {
  const { id, state } = await begin(FIELDS);
  assert.equal(state, 'control');
  assert.deepEqual(await watch(id), { state: 'done', problem: null });
  const { progress, result } = await show(id);
  assert.deepEqual([progress.judged, result.recommended], [SAMPLES, true]);
  await waitFor('the ledger', () => booked(id), ({ calls }) => calls >= CALLS);
  assert.equal((await booked(id)).calls, CALLS, 'each step was made once');
  assert.doesNotMatch(edge.said(), /"event":"experiment"|exception|Error:/);
});

test('an experiment has one runner, however often it is started', async () => {
  const { id } = await beginHeld();
  await Promise.all([edge.cron(), edge.cron(), edge.cron()]);
  assert.equal(await sent(), 1, 'the judge is asked for one order of the first control');
  await emulator.release();
  assert.equal((await watch(id)).state, 'done');
  await waitFor('the ledger', () => booked(id), ({ calls }) => calls >= CALLS);
  assert.equal((await booked(id)).calls, CALLS);
});

test('after the edge was killed in the middle of a step, the experiment goes on where it was', async () => {
  const { id } = await beginAndHold();
  await restart(() => emulator.release());
  assert.equal((await watch(id)).state, 'done');
  const { progress, spentUsd, usd } = await show(id);
  assert.equal(progress.judged, SAMPLES);
  assert.ok(spentUsd > 0 && spentUsd <= usd, String(spentUsd));
  // The step that was cut off was made again, and no other one.
  assert.ok((await sent()) <= CALLS + 7, String(await sent()));
});

test('a paused edge pauses experiments, and they go on after that', async () => {
  const { id } = await beginHeld();
  // The objects run in the first isolate, which knows of the pause from then on.
  await admin('POST', 'pause', undefined, { on: edge.origins[0] });
  await emulator.release();
  const { state } = await problem(id, /paused/);
  assert.deepEqual([state, await sent()], ['control', 1], 'the call that was running ended, and no other began');
  await edge.cron();
  await admin('POST', 'resume', undefined, { on: edge.origins[0] });
  // Without the cron trigger, the next look at the pause is a minute later.
  await edge.cron();
  assert.deepEqual(await watch(id), { state: 'done', problem: null });
});

test('an admin stops an experiment: the step that is under way ends, and what was found stays', async () => {
  const { id } = await begin(FIELDS);
  await someVerdicts(id);
  await emulator.hold();
  assert.equal((await admin('POST', `routes/chat/experiments/${id}/stop`, undefined, { reads: true })).status, 403);
  const stopped = await admin('POST', `routes/chat/experiments/${id}/stop`);
  assert.deepEqual([stopped.status, stopped.json.state, stopped.json.reason], [200, 'stopped', 'admin']);
  await emulator.release();
  await edge.cron();
  // While another experiment runs to its end, this one would have gone on.
  assert.equal((await finish((await begin(FIELDS)).id)).state, 'done');
  const { state, progress, result } = await show(id);
  assert.deepEqual([state, result.recommended], ['stopped', false]);
  assert.ok(progress.judged > 2 && progress.judged < SAMPLES, String(progress.judged));
  assert.equal((await admin('POST', 'routes/chat/experiments/none/stop')).status, 404);
});

test('deleting an experiment ends it', async () => {
  const { id } = await beginHeld();
  assert.equal((await admin('DELETE', `routes/chat/experiments/${id}`)).json.deleted, true);
  await emulator.release();
  await edge.cron();
  assert.equal((await finish((await begin(FIELDS)).id)).state, 'done');
  assert.equal((await sent()) - CALLS, 2, 'the step that was under way asked for both orders of a control');
  assert.deepEqual(await edge.database.all('SELECT * FROM replays WHERE experiment = ?', id), []);
});

test('a step that fails is made again, and an experiment says why', async () => {
  await emulator.script('rule/judge', ['unauthorized']);
  const { id } = await begin(FIELDS);
  assert.equal((await problem(id, /^the upstream refuses the edge/)).state, 'control');
  await edge.cron();
  assert.deepEqual(await watch(id), { state: 'done', problem: null });
});

test('while the upstream of the judge or the variant is down, the experiment waits, and no sample is lost', async () => {
  // A step asks the model again after a server error.
  for (const [model, faults, kind] of [
    ['rule/judge', ['unavailable'], 'unavailable'],
    [CHEAPER, ['unavailable'], 'unavailable'],
    [CHEAPER, ['rate-limited'], 'rateLimited'],
    [CHEAPER, ['server-error', 'server-error'], 'serverError'],
  ]) {
    await emulator.script(model, faults);
    const { id } = await begin(FIELDS);
    await problem(id, new RegExp(`^no model answers: ${kind}$`));
    await edge.cron();
    assert.deepEqual(await watch(id), { state: 'done', problem: null }, `${model} ${kind}`);
    const { progress, result } = await show(id);
    assert.deepEqual([progress.judged, result.quality.losses, result.recommended], [SAMPLES, 0, true], `${model} ${kind}`);
  }
});

test('an answer that is refused or empty is a loss of the variant', async () => {
  await emulator.script(CHEAPER, ['refusal', 'empty', 'empty']);
  const { state, result } = await run(FIELDS);
  assert.deepEqual([state, result.quality.losses, result.quality.ties], ['done', 2, SAMPLES - 2], JSON.stringify(result));
});

test('an experiment whose step fails again and again stops with the reason', async () => {
  await emulator.script('rule/judge', Array(30).fill('unauthorized'));
  const { id } = await begin(FIELDS);
  const again = () => edge.cron().then(() => show(id));
  const { state, reason, result } = await waitFor('the end of the experiment', again, isOver, 60_000);
  assert.deepEqual([state, result.recommended], ['stopped', false]);
  assert.match(reason, /^the upstream refuses the edge/);
  assert.equal(await sent(), 10);
});

test('an experiment outlives a database that does not answer', async () => {
  const { id } = await beginHeld();
  await edge.database.set({ down: true });
  await emulator.release();
  await waitFor('a step that fails', async () => edge.said(), (said) => said.includes(`"id":"${id}"`));
  await edge.database.set({ down: false });
  await edge.cron();
  assert.equal((await watch(id)).state, 'done');
});

test('samples that are deleted meanwhile are not replayed', async () => {
  const { id, before } = await beginAndHold();
  assert.equal((await admin('DELETE', 'samples/routes/chat')).json.deleted, SAMPLES);
  await emulator.release();
  assert.equal((await watch(id)).state, 'done');
  const { progress, result } = await show(id);
  assert.deepEqual([progress.judged + progress.gone, result.recommended], [SAMPLES, false]);
  assert.ok(progress.gone > 0);
  assert.ok((await sent()) <= before + 3, 'only the step that was under way asked models');
  assert.equal(await samples(), 0);
  await makeSamples();
});
