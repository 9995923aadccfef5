// Every fault in the package in real Chromium. What the page sees and what the emulator logs are compared with the table of
// faults.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openPage } from '../support/browsers.mjs';
import { FAULTS, TIMEOUTS, expectation, isKind } from '../support/faults.mjs';
import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const SECOND = 'openai/gpt-4o';
const MESSAGES = [{ role: 'user', content: 'words:20' }];
/** A pause between the words, so that the page reads the first words before the stream breaks. */
const PACED = [{ role: 'user', content: 'words:20 pace:50' }];

/** Faults that name their wait in a header only. A page cannot read this header of another origin, which does not expose it. */
const HIDDEN_WAITS = ['rate-limited-date-1', 'in-flight-budget'];

let opened, page, emulator, baseURL, text;

before(async () => {
  emulator = await startEmulator();
  baseURL = emulator.baseURL;
  opened = await openPage(PACKAGE);
  ({ page } = opened);
  await page.evaluate(async () => {
    globalThis.failsoft = await import('/package/index.js');
    /** Makes a call, and returns what the page sees as plain data. `step` is the step that failed. */
    globalThis.observe = async (streamed, messages, options) => {
      const client = failsoft.createClient({ dangerouslyAllowBrowser: true, apiKey: 'sk-or-test', dialect: 'openai', ...options });
      let shown = '';
      let step = 'beginning';
      try {
        if (!streamed) {
          const data = await client.chatWithFallback(messages);
          return { text: data.choices[0].message.content, model: data.model, report: data.failsoft };
        }
        const stream = await client.chatStreaming(messages);
        step = 'reading';
        for await (const text of stream.textStream) shown += text;
        const data = await stream.finalCompletion();
        return { text: shown, model: stream.model, report: data.failsoft };
      } catch (error) {
        return { step, text: shown, kind: error.kind ?? String(error), branded: failsoft.isChatError(error), attempts: error.attempts, partial: error.partial };
      }
    };
  });
  text = (await observe('openai/gpt-4o', false, MESSAGES)).text;
  assert.match(text, /^word1 /);
});

after(async () => {
  await opened?.close();
  await emulator?.stop();
});

function observe(model, streamed, messages) {
  const options = { baseURL, models: [model, SECOND], policy: { timeouts: TIMEOUTS, retry: { base: 10 }, recover: 'error' } };
  return page.evaluate(([streamed, messages, options]) => globalThis.observe(streamed, messages, options), [streamed, messages, options]);
}

/** The connections that have carried a request. */
const used = new Set();

/** The log without Chromium's own retry: Chromium repeats a request that fails at once on a kept-alive connection. */
function own(log) {
  const [{ connection, models }] = log;
  const resent = used.has(connection) && /\/(reset|timeout-408)$/.test(models[0]);
  log.forEach((entry) => used.add(entry.connection));
  return resent ? log.slice(1) : log;
}

for (const row of FAULTS) {
  for (const streamed of [false, true]) {
    const expected = expectation(row, streamed ? 'streamed' : 'assembled');
    if (HIDDEN_WAITS.includes(row.fault)) expected.again = 0;
    test(`${row.fault}, ${streamed ? 'streamed' : 'in one piece'}: ${expected.kind ?? 'no failure'}, then ${expected.then}`, async () => {
      await emulator.clear();
      const model = `fault/${expected.fault}`;
      const seen = await observe(model, streamed, expected.then === 'broken' ? PACED : MESSAGES);
      const log = await emulator.log();
      const first = asked(own(log)).map(([name]) => name);
      const attempts = seen.report?.attempts ?? seen.attempts;
      assert.deepEqual(first, [...Array(1 + expected.again).fill(model), ...(expected.then === 'next' ? [SECOND] : [])]);
      assert.deepEqual(attempts.map(({ models }) => models[0]), first);
      if (expected.kind !== null) assert.ok(isKind(attempts[0].failure.kind, expected.kind), attempts[0].failure.kind);
      if (expected.warning) assert.match(seen.report.warnings.join(), expected.warning);
      check(seen, expected);
    });
  }
}

function check(seen, expected) {
  switch (expected.then) {
    case 'next':
      assert.equal(seen.text, text);
      assert.equal(seen.model, SECOND);
      assert.ok(seen.report.fallback && seen.report.accepted);
      break;
    case 'fine':
      assert.equal(seen.text, (expected.text ?? String)(text));
      assert.ok(seen.report.accepted && !seen.report.fallback);
      break;
    case 'final':
      assert.equal(seen.step, 'beginning', 'chatStreaming must reject');
      assert.ok(seen.branded && isKind(seen.kind, expected.kind), seen.kind);
      break;
    case 'broken':
      assert.equal(seen.step, 'reading');
      assert.ok(seen.branded && isKind(seen.kind, expected.kind), seen.kind);
      assert.ok(text.startsWith(seen.text) && seen.text.length > 0 && seen.text.length < text.length);
      assert.equal(seen.partial, seen.text);
      break;
    default:
      assert.fail(`a call cannot end so: ${expected.then}`);
  }
}
