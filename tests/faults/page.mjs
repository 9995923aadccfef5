// The cells of a page: the built package in Chromium, over its own fetch.

import { openPage } from '../support/browsers.mjs';
import { PACKAGE, startEmulator } from '../support/process.mjs';
import { GIVE_UP_MS } from './rows.mjs';

/** Makes a call in the page, and returns what its caller sees as plain data. This function runs in the page. */
async function observe({ isStreamed, request: { messages, ...request }, giveUp, ...upstream }) {
  const { chatStreaming, chatWithFallback } = await import('/package/index.js');
  const options = { ...request, ...upstream, signal: AbortSignal.timeout(giveUp), apiKey: 'sk-or-test', dangerouslyAllowBrowser: true };
  const began = performance.now();
  const elapsed = () => Math.round(performance.now() - began);
  const seen = { text: '' };
  try {
    let completion;
    if (isStreamed) {
      const stream = await chatStreaming(messages, options);
      for await (const { choices } of stream) {
        const { content, tool_calls: calls } = choices[0]?.delta ?? {};
        if (content || calls) seen.firstMs ??= elapsed();
        seen.text += content ?? '';
      }
      completion = await stream.finalCompletion();
    } else {
      completion = await chatWithFallback(messages, options);
      seen.text = completion.choices[0].message.content;
    }
    seen.calls = completion.choices[0].message.tool_calls?.map((call) => call.function);
    seen.attempts = completion.failsoft.attempts;
  } catch ({ kind, status, attempts, message }) {
    Object.assign(seen, { error: { kind, status, message }, isReading: seen.firstMs !== undefined, attempts });
  }
  return { ...seen, ms: elapsed() };
}

/** Runs all cells at the same time. Returns what was seen, in their order. */
export async function runInPage(cells) {
  // Chromium opens at most six connections to a server, so each row has a server of its own.
  const faults = [...new Set(cells.map(({ fault }) => fault))];
  const emulators = new Map(await Promise.all(faults.map(async (fault) => [fault, await startEmulator()])));
  const opened = await openPage(PACKAGE);
  try {
    return await Promise.all(cells.map(({ fault, isStreamed, request, dialect }) => (
      opened.page.evaluate(observe, { isStreamed, request, dialect, baseURL: emulators.get(fault).baseURL, giveUp: GIVE_UP_MS })
    )));
  } finally {
    await opened.close();
    await Promise.all([...emulators.values()].map((emulator) => emulator.stop()));
  }
}
