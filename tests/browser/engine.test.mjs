// The policy in real Chromium against the emulator: rules, recovery, a judge, a hedge, prices, upstreams.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { openPage } from '../support/browsers.mjs';
import { thin } from '../support/long.mjs';
import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const FIRST = 'openai/gpt-4o';
const SECOND = 'openai/gpt-4o-mini';
const HELLO = [{ role: 'user', content: 'Hello?' }];

let opened, page, emulator;

before(async () => {
  emulator = await startEmulator();
  opened = await openPage(PACKAGE);
  ({ page } = opened);
  await page.evaluate(async () => {
    const failsoft = await import('/package/index.js');
    const client = (options) => failsoft.createClient({ dangerouslyAllowBrowser: true, apiKey: 'sk-or-test', ...options });
    globalThis.complete = async (messages, options) => {
      const data = await client(options).chatWithFallback(messages);
      return { text: data.choices[0].message.content, model: data.model, report: data.failsoft };
    };
    globalThis.stream = async (messages, options) => {
      const stream = await client(options).chatStreaming(messages);
      let text = '';
      for await (const piece of stream.textStream) text += piece;
      const data = await stream.finalCompletion();
      return { text, whole: data.choices[0].message.content, report: stream.failsoft };
    };
    /** Cuts the stream of the first model at each of the offsets, and lets the next model continue. Returns the results that are wrong. */
    globalThis.cutEverywhere = async (cuts, next, messages, whole, options) => {
      const wrong = [];
      let tried = 0;
      const left = cuts.values();
      const some = async () => {
        for (const cut of left) {
          const result = await globalThis.stream(messages, { ...options, models: [`fault/cut-${cut}`, next] }).catch(({ kind, message, partial }) => ({ kind, message, partial }));
          tried += 1;
          if (result.text !== whole || result.whole !== whole) wrong.push([cut, result]);
        }
      };
      await Promise.all(Array.from({ length: 6 }, some));
      return { tried, wrong };
    };
  });
});
beforeEach(() => emulator.clear());

after(async () => {
  await opened?.close();
  await emulator?.stop();
});

const places = () => ({ baseURL: emulator.baseURL, dialect: 'openai' });
const run = (how, messages, options) => page.evaluate(([how, messages, options]) => globalThis[how](messages, options), [how, messages, { ...places(), models: [FIRST, SECOND], ...options }]);
const kinds = ({ report }) => report.attempts.map(({ failure }) => failure?.kind);

for (const [rule, said, policy, extra, expected] of [
  ['pattern', 'say:see [TODO]', { pattern: { literals: ['[TODO]'] } }, {}, 'pattern'],
  ['tooShort', 'say:no', { tooShort: { chars: 5 } }, {}, 'tooShort'],
  ['refusal in another language', 'say:Es tut mir leid, aber ich kann dabei nicht helfen.', {}, {}, 'refusal'],
  ['refusal by phrases of the caller', 'say:Computer says no.', { refusal: { phrases: ['computer says no'] } }, {}, 'refusal'],
  ['length', 'length', { length: 'next' }, {}, 'length'],
  ['reasoningOnly', 'reasoning-only', { reasoningOnly: 'next' }, {}, 'reasoningOnly'],
  ['empty', 'empty', { empty: 'next' }, {}, 'empty'],
  ['invalidJson', 'say:{"answer": ', {}, { response_format: { type: 'json_object' } }, 'invalidJson'],
  ['schemaMismatch', 'say:{"answer": 1}', {}, {
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] } } },
  }, 'schemaMismatch'],
]) {
  test(`after a failure by the rule ${rule} the next model answers, in one piece and as a buffered stream`, async () => {
    for (const [how, buffered] of [['complete', {}], ['stream', { buffer: true }]]) {
      await emulator.script(FIRST, [said]);
      const result = await run(how, HELLO, { ...extra, policy: { ...policy, ...buffered } });
      assert.deepEqual(kinds(result), [expected, undefined], how);
      assert.equal(result.report.model, SECOND);
      assert.equal(result.report.accepted, true);
    }
  });
}

test('JSON is extracted from a fence if the policy asks for repair', async () => {
  await emulator.script(FIRST, ['say:Sure! ```json {"a": 1} ```']);
  const result = await run('complete', HELLO, { response_format: { type: 'json_object' }, policy: { invalidJson: { repair: true } } });
  assert.deepEqual([result.text, kinds(result)], ['{"a": 1}', [undefined]]);
});

test('a stream is held until the rules for its beginning have decided', async () => {
  await emulator.script(FIRST, ['say:This begins BADLY and goes on']);
  const result = await run('stream', HELLO, { policy: { holdChars: 18, pattern: { literals: ['BAD'] } } });
  assert.deepEqual([kinds(result), result.report.model], [['pattern', undefined], SECOND]);
});

test('below the threshold the next model answers, and the report has the requests of the judge with their cost', async () => {
  await emulator.script(SECOND, ['echo:20', 'healthy', 'echo:90']);
  for (const how of ['complete', 'stream']) {
    await emulator.script(SECOND, ['echo:20', 'healthy', 'echo:90']);
    const result = await run(how, HELLO, { policy: { judge: { model: SECOND, threshold: 60 } } });
    assert.deepEqual(kinds(result), ['belowThreshold', undefined, undefined, undefined], how);
    assert.deepEqual(result.report.attempts.map(({ score }) => score), [undefined, 20, undefined, 90]);
    const costs = result.report.attempts.map(({ cost }) => cost);
    assert.ok(costs.every((cost) => cost > 0));
    assert.ok(Math.abs(result.report.cost - costs.reduce((a, b) => a + b)) < 1e-12);
  }
});

test('if the judge fails, the answer is accepted or rejected as the policy says', async () => {
  const judge = { model: 'fault/unavailable' };
  const open = await run('complete', HELLO, { policy: { judge } });
  assert.deepEqual([open.report.model, open.report.accepted], [FIRST, true]);
  const closed = await run('complete', HELLO, { policy: { judge: { ...judge, onError: 'reject' } } });
  assert.deepEqual([closed.report.model, closed.report.accepted], [FIRST, false]);
});

test('a hedge answers in place of a silent model, and the connection to the silent model is closed', async () => {
  const result = await run('stream', HELLO, { models: ['fault/slow-first-token', SECOND], policy: { hedge: { after: 150 } } });
  assert.deepEqual([kinds(result), result.report.model], [['superseded', undefined], SECOND]);
  const log = await emulator.log('clientGone');
  assert.deepEqual(asked(log), [['fault/slow-first-token'], [SECOND]]);
});

test('a call moves to another upstream when the first has no credits left', async () => {
  const upstreams = [
    { baseURL: emulator.baseURL, apiKey: 'sk-or-no-credits', dialect: 'openrouter' },
    { baseURL: emulator.baseURL, apiKey: 'sk-or-other', dialect: 'openai', models: [{ id: SECOND, contextLength: 128000, prompt: 0.15, completion: 0.6 }] },
  ];
  const result = await page.evaluate(([messages, options]) => globalThis.complete(messages, options), [HELLO, { upstreams, models: [FIRST], apiKey: undefined }]);
  assert.deepEqual([kinds(result), result.report.fallback, result.model], [['paymentRequired', undefined], true, SECOND]);
});

test('a price cap and a bound on cost are kept, with the prices of the options', async () => {
  const priced = (prompt, completion) => ({ id: FIRST, prompt, completion });
  const at = (row) => [{ baseURL: emulator.baseURL, apiKey: 'sk-or-a', dialect: 'openai', models: [row, SECOND] }];
  const ask = (row, policy) => page.evaluate(([messages, options]) => globalThis.complete(messages, options), [HELLO, { upstreams: at(row), policy, apiKey: undefined }]);
  const capped = await ask(priced(50, 100), { maxPrice: { completion: 20 } });
  assert.deepEqual([capped.model, capped.report.dropped[0].model], [SECOND, FIRST]);
  await emulator.clear();
  await ask(priced(2, 10), { maxCostUsd: 0.01 });
  const [{ body }] = await emulator.log();
  assert.ok(body.max_completion_tokens > 500 && body.max_completion_tokens < 1000, String(body.max_completion_tokens));
});

for (const next of ['meta-llama/llama-3.3-70b-instruct', 'google/gemini-2.5-flash']) {
  test(`an answer of 60 words cut between word 40 and [DONE] is delivered whole by ${next}`, { timeout: 300_000 }, async () => {
    const messages = [{ role: 'user', content: 'words:60' }];
    const { text: whole } = await run('complete', messages, { models: [next] });
    // The length of a stream depends on the name of its model, so the positions are taken from a stream of the same length.
    const sent = await fetch(`${emulator.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-or-test', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'fault/cut-1000000', messages, stream: true, stream_options: { include_usage: true } }),
    }).then((response) => response.arrayBuffer()).then((bytes) => Buffer.from(bytes));
    const words = [...sent.toString().matchAll(/data: [^\n]*"content":"[^"]/g)];
    const from = Buffer.byteLength(sent.toString().slice(0, words[39].index));
    assert.ok(words.length === 60 && sent.indexOf('[DONE]') > from);
    // A bounded run takes every 7th byte: each place of an event is met, because events have different lengths.
    const cuts = thin(Array.from({ length: sent.length - from + 1 }, (_, at) => from + at), 7);
    const seen = await page.evaluate((given) => globalThis.cutEverywhere(...given), [cuts, next, messages, whole, places()]);
    assert.deepEqual(seen, { tried: cuts.length, wrong: [] });
  });
}

for (const fault of ['stall-45', 'error-mid-stream', 'error-mid-stream-empty-choices', 'reset-mid-body-9000', 'cut-mid-event', 'cut-after-finish', 'missing-done']) {
  test(`a stream with fault/${fault} is repaired in the page, whole and exact`, async () => {
    const messages = [{ role: 'user', content: 'words:60' }];
    for (const next of ['meta-llama/llama-3.3-70b-instruct', 'openai/gpt-4o']) {
      const { text: whole } = await run('complete', messages, { models: [next] });
      const result = await run('stream', messages, { models: [`fault/${fault}`, next], policy: { timeouts: { idle: 300 } } });
      assert.deepEqual([result.text, result.whole], [whole, whole], next);
    }
  });
}
