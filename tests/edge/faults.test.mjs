// Every fault through the edge: streamed, in one piece, and in one piece from the upstream. The answer to the client and the log of the emulator are
// compared with the table of faults.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAULTS, expectation, isKind } from '../support/faults.mjs';
import { asked } from '../support/process.mjs';
import { POLICY, SECOND, chat, textOf } from './harness.mjs';
import { setUp, useEdge } from './use-edge.mjs';

/** The faults without a row in the table: other tests cover them. */
const WITHOUT_ROW = ['never-ending', 'bad-json', 'tool-index-lies'];

const { emulator, edge } = useEdge();
/** This edge asks for answers in one piece, which may take 1 s longer than the first token of a stream. */
const { edge: whole } = useEdge({ failsoft: { policy: { ...POLICY, assemble: false }, limits: { outputTokens: 25 } } }, emulator);
let text;

/** How the client gets the answer, and from which edge. */
const WAYS = [
  { how: 'streamed', through: edge, stream: true },
  { how: 'assembled', through: edge, stream: false },
  { how: 'whole', through: whole, stream: false },
];

setUp(async () => {
  text = textOf(await chat(edge, { model: SECOND }));
  assert.match(text, /^word1 /);
});

test('the table has a row for every fault of the emulator', async () => {
  const response = await fetch(`${emulator.origin}/emulator/faults`);
  const names = (await response.json()).map(({ name }) => name);
  const held = new Set([...FAULTS.map(({ fault }) => fault), ...WITHOUT_ROW]);
  const isHeld = (name) => held.has(name) || [...held].some((row) => row.replace(/-\d+$/, '') === name);
  assert.deepEqual(names.filter((name) => !isHeld(name)), []);
});

for (const row of FAULTS) {
  for (const { how, through, stream } of WAYS) {
    const expected = expectation(row, how);
    test(`${expected.fault}, ${how}: ${expected.kind ?? 'no failure'}, then ${expected.then}`, async () => {
      const model = `fault/${expected.fault}`;
      const failsoft = expected.then === 'broken' ? { recover: 'error' } : {};
      const answer = await chat(through, { models: [model, SECOND], stream, stream_options: { include_usage: true }, failsoft });
      const log = (await emulator.log()).filter(({ method }) => method === 'POST');
      const requests = asked(log).map((models) => models.join());
      assert.ok(log.every(({ body }) => (body.stream ?? false) === (how !== 'whole')));
      assert.deepEqual(requests, [...Array(1 + expected.again).fill(model), ...(expected.then === 'next' ? [SECOND] : [])]);
      const attempts = attemptsOf(answer);
      assert.deepEqual(attempts.map(({ models }) => models.join()), requests);
      if (expected.kind !== null) assert.ok(isKind(attempts[0].failure.kind, expected.kind), attempts[0].failure.kind);
      if (expected.warning && expected.kind === null) assert.match(reportOf(answer).warnings.join(), expected.warning);
      assert.match(answer.headers['x-request-id'], /^[0-9a-f-]{36}$/);
      assert.equal(answer.broken, false);
      (stream && answer.status === 200 ? checkStream : checkJson)(answer, expected, attempts);
    });
  }
}

for (const row of FAULTS.filter((row) => row.streamed?.then === 'broken')) {
  for (const [next, how] of [[SECOND, 'restart'], ['meta-llama/llama-3.3-70b-instruct', 'continue']]) {
    test(`${row.fault}, streamed: ${next} continues the stream, and the client sees one whole answer`, async () => {
      const answer = await chat(edge, { models: [`fault/${row.fault}`, next], stream: true, stream_options: { include_usage: true } });
      const { events } = answer;
      assert.equal(events.text, text);
      assert.ok(events.done && !answer.broken && events.torn === null && events.error === null);
      const [first, second] = reportOf(answer).attempts;
      assert.ok(isKind(first.failure.kind, row.streamed.kind), first.failure.kind);
      assert.deepEqual([second.models, second.recovery, second.failure], [[next], how, undefined]);
      assert.equal(new Set(events.chunks.map(({ id }) => id)).size, 1);
      assert.equal(events.chunks.filter(({ choices }) => choices[0]?.finish_reason).length, 1);
    });
  }
}

const reportOf = (answer) => answer.json?.failsoft ?? answer.events.chunks.at(-1)?.failsoft ?? answer.events.reports.at(-1);
const attemptsOf = (answer) => reportOf(answer).attempts;

function checkJson(answer, { then, kind, text: change = String }, attempts) {
  switch (then) {
    case 'next':
      assert.equal(textOf(answer), text);
      assert.equal(answer.headers['x-failsoft-model'], SECOND);
      assert.ok(answer.json.failsoft.fallback && answer.json.failsoft.accepted);
      break;
    case 'fine':
      assert.equal(textOf(answer), change(text));
      assert.ok(answer.json.failsoft.accepted && !answer.json.failsoft.fallback);
      break;
    case 'final': {
      const failure = attempts.at(-1).failure;
      assert.ok(isKind(answer.json.error.kind, kind), answer.json.error.kind);
      assert.equal(answer.status, failure.status);
      assert.equal(answer.json.error.message, failure.message);
      assert.equal(typeof answer.json.error.code, 'string');
      assert.equal(answer.headers['x-should-retry'], 'false');
      return;
    }
    default:
      assert.fail(`an answer in one piece cannot end so: ${then}`);
  }
  assert.equal(answer.status, 200);
  assert.equal(answer.json.object, 'chat.completion');
  assert.equal(answer.headers['x-failsoft-attempts'], String(attempts.length));
}

function checkStream(answer, { then, kind, text: change = String }, attempts) {
  const { events } = answer;
  // The attempts until the commit point are in the headers and in the report before the first chunk.
  assert.equal(answer.headers['x-failsoft-attempts'], String(attempts.length));
  assert.equal(events.reports[0].attempts.length, attempts.length);
  assert.ok(answer.text.startsWith(': failsoft {'));
  assert.equal(events.done, then !== 'broken');
  assert.equal(events.torn, null);
  switch (then) {
    case 'next':
      assert.equal(events.text, text);
      assert.equal(answer.headers['x-failsoft-model'], SECOND);
      assert.ok(events.reports.at(-1).fallback && events.reports.at(-1).accepted);
      assert.equal(events.chunks.at(-1).failsoft.accepted, true);
      break;
    case 'fine':
      assert.equal(events.text, change(text));
      assert.ok(events.reports.at(-1).accepted && !events.reports[0].fallback);
      break;
    case 'broken':
      assert.ok(text.startsWith(events.text) && events.text.length > 0 && events.text.length < text.length, events.text);
      assert.equal(events.chunks.at(-1), events.error);
      assert.ok(isKind(events.error.error.kind, kind), events.error.error.kind);
      assert.equal(typeof events.error.error.code, 'string');
      break;
    default:
      assert.fail(`a stream cannot end so: ${then}`);
  }
}
