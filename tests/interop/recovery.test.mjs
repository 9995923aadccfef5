// Streams that break after their first words, read through the edge by openai of npm and openai of PyPI: the clients read the
// whole answer, exactly, and notice nothing.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { join } from 'node:path';

import OpenAI from 'openai';

import { setUp, useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';
import { thin } from '../support/long.mjs';
import { ROOT } from '../support/process.mjs';

const MESSAGES = [{ role: 'user', content: 'words:60' }];
/** The first and the third model continue the text; the others start over with the same words. */
const NEXT = ['meta-llama/llama-3.3-70b-instruct', 'openai/gpt-4o', 'mistralai/mistral-small', 'google/gemini-2.5-flash'];
/** A clock that notices silence soon, and that a busy machine does not trigger. */
const SOON = { timeouts: { idle: 3_000 } };
/** How many streams are read at the same time. */
const AT_ONCE = 8;
/** A bounded run reads every 7th cut; 7 has no factor in common with the number of next models. */
const STRIDE = 7;
/** The client from PyPI takes about ten times as long for a stream, so a bounded run reads every 16th cut only. */
const PYTHON_STRIDE = 16;

const { emulator, edge } = useEdge({ failsoft: { policy: { retry: { base: 10 }, breaker: { failures: 0 } } } });
let openai, whole, cuts;

/** Each name has the same length, because the name is a part of the stream and would move the offset. */
const cut = (offset) => `fault/cut-${String(offset).padStart(5, '0')}`;

setUp(async () => {
  openai = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 });
  const { choices } = await openai.chat.completions.create({ model: NEXT[1], messages: MESSAGES });
  whole = choices[0].message.content;
  const healthy = await fetch(`${emulator.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-or-test', 'content-type': 'application/json' },
    body: JSON.stringify({ model: cut(99_999), messages: MESSAGES, stream: true, stream_options: { include_usage: true } }),
  });
  const bytes = Buffer.from(await healthy.arrayBuffer());
  const words = bytes.toString().split('\n\n').filter((event) => event.includes('"content":" ') || event.includes('"content":"w'));
  const from = bytes.indexOf(words[39]);
  const to = bytes.indexOf('data: [DONE]');
  assert.ok(from > 0 && to - from > 1_000 && words.length === 60);
  cuts = Array.from({ length: to - from + 1 }, (_, at) => from + at);
});

/** Reads the answer of this chain. Returns what is wrong with the answer, or null. */
async function findFault(models, failsoft) {
  let text = '';
  const ids = new Set();
  const ends = [];
  try {
    const stream = await openai.chat.completions.create({ models, model: undefined, messages: MESSAGES, stream: true, failsoft });
    for await (const { id, choices: [choice] } of stream) {
      ids.add(id);
      text += choice?.delta.content ?? '';
      if (choice?.finish_reason) ends.push(choice.finish_reason);
    }
  } catch (error) {
    return [models, error.message, error.error, text];
  }
  return text === whole && ids.size === 1 && ends.join() === 'stop' ? null : [models, [...ids], ends, text];
}

/** Reads the answers of all chains, several at the same time. */
async function check(chains, failsoft = {}) {
  const left = chains.values();
  const found = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const models of left) found.push(await findFault(models, failsoft));
  }));
  assert.equal(found.length, chains.length);
  assert.deepEqual(found.filter(Boolean), []);
}

test('a stream that is cut between the 40th of 60 words and [DONE] goes on with the next model', async () => {
  // The next models take turns, so that each way to recover meets each position in an event.
  await check(thin(cuts, STRIDE).map((offset) => [cut(offset), NEXT[offset % NEXT.length]]));
});

for (const next of NEXT) {
  test(`a stream that stalls, is reset or ends with an error goes on with ${next}`, async () => {
    const faults = ['stall-45', 'stall-comments-45', 'reset-mid-body-14000', 'cut-hard-14000', 'cut-mid-event', 'cut-mid-character'];
    faults.push('error-mid-stream', 'error-mid-stream-empty-choices', 'error-in-choice');
    await check(faults.map((fault) => [`fault/${fault}`, next]), SOON);
  });
}

test('the openai package of PyPI reads whole answers too', async () => {
  assert.ok(process.env.FAILSOFT_PYTHON, 'FAILSOFT_PYTHON names a Python that has openai: `cargo xtask test interop` sets it');
  const chains = thin(cuts, PYTHON_STRIDE).map((offset, at) => [cut(offset), NEXT[at % NEXT.length]]);
  for (const fault of ['stall-45', 'error-mid-stream', 'error-mid-stream-empty-choices']) {
    for (const next of NEXT) chains.push([`fault/${fault}`, next]);
  }
  const job = JSON.stringify({ base_url: `${edge.origin}/v1`, api_key: CLIENT_KEY, messages: MESSAGES, failsoft: SOON, whole, chains });
  const run = promisify(execFile)(process.env.FAILSOFT_PYTHON, [join(ROOT, 'tests/interop/recovery.py')]);
  run.child.stdin.end(job);
  const { stdout } = await run;
  assert.deepEqual(JSON.parse(stdout), { read: chains.length, wrong: [] });
});
