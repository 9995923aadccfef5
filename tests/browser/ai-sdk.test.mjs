// useChat of the AI SDK with the transport of failsoft/ai in Chromium.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkFallback, useApp } from '../support/app.mjs';

/** A page with a chat. `window.faults` are those of the models a/a and b/b. */
const APP = `
  import { StrictMode, createElement as h } from 'react';
  import { createRoot } from 'react-dom/client';
  import { useChat } from '@ai-sdk/react';
  import { createClient } from 'failsoft';
  import { adviceOf, createTransport } from 'failsoft/ai';
  import { createFaultyFetch } from 'failsoft/testing';

  const faulty = createFaultyFetch({ faults: window.faults });
  window.requests = faulty.requests;
  window.signals = [];
  const fetch = (url, options) => {
    window.signals.push(options.signal);
    return faulty(url, options);
  };
  const transport = createTransport(createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 } } }));
  window.statuses = [];
  window.texts = new Set();

  const textOf = ({ parts }) => parts.map(({ type, text }) => (type === 'text' ? text : '')).join('');

  function Chat() {
    const { messages, status, error, sendMessage, stop, regenerate } = useChat({ transport });
    if (window.statuses.at(-1) !== status) window.statuses.push(status);
    const last = messages.at(-1);
    if (last?.role === 'assistant') window.texts.add(textOf(last));
    const advice = error && adviceOf(error);
    return h('main', null,
      h('ul', null, messages.map((message) => h('li', { key: message.id, className: message.role }, textOf(message)))),
      h('output', null, [status, last?.metadata?.model, advice?.text, advice?.canRetry].join('|')),
      h('button', { id: 'send', onClick: () => sendMessage({ text: 'one two three four' }) }),
      h('button', { id: 'stop', onClick: stop }), h('button', { id: 'regenerate', onClick: () => regenerate() }));
  }
  createRoot(document.body.appendChild(document.createElement('div'))).render(h(StrictMode, null, h(Chat)));`;

const app = useApp(APP);
const open = (t, faults = {}) => app(t, { faults });

test('an answer streams into the page from the next model, whose name is in its metadata', async (t) => {
  const opened = await open(t, { 'a/a': 'unavailable' });
  const { page } = opened;
  await checkFallback(opened, '|');
  const texts = await page.evaluate(() => [...window.texts]);
  assert.ok(texts.length > 1, String(texts));
  for (const text of texts) assert.ok('b/b says: one two three four'.startsWith(text), text);
});

test('stop closes the connection, without an error, and the text so far stays', async (t) => {
  const { page, output, messages } = await open(t, { 'a/a': ['stalled'] });
  await page.click('#send');
  await page.waitForSelector('li.assistant:not(:empty)');
  await page.click('#stop');
  await output('ready|a/a||');
  const [, answer] = await messages();
  assert.ok(answer.length > 'assistant: '.length && 'assistant: a/a says: one two three four'.startsWith(answer), answer);
  await page.waitForFunction(() => window.signals.every(({ aborted }) => aborted));
  // The conversation goes on, with what was said.
  await page.click('#send');
  await page.waitForFunction(() => document.querySelectorAll('li').length === 4);
  await output('ready|a/a||');
  const roles = await page.evaluate(() => window.requests.at(-1).body.messages.map(({ role }) => role));
  assert.deepEqual(roles, ['user', 'assistant', 'user']);
});

test('regenerate replaces the answer, and asks with the conversation before it', async (t) => {
  const { page, output, messages } = await open(t, { 'a/a': ['none', 'unavailable'] });
  await page.click('#send');
  await output('ready|a/a||');
  await page.click('#regenerate');
  await output('ready|b/b||');
  assert.deepEqual(await messages(), ['user: one two three four', 'assistant: b/b says: one two three four']);
  assert.deepEqual(await page.evaluate(() => window.requests.at(-1).body.messages.length), 1);
});

for (const [name, fault, times, advice, canRetry, requests] of [
  ['before the first word', 'network', 2, 'There is no connection. Check your network, then try again.', true, 4],
  ['with a final error', 'unauthorized', 1, 'You are not signed in, or your session has ended. Sign in again.', false, 1],
]) {
  test(`a call that fails ${name} gives the error with its advice`, async (t) => {
    const faults = Array(times).fill(fault);
    const { page, output, messages } = await open(t, { 'a/a': faults, 'b/b': faults });
    await page.click('#send');
    await output(`error||${advice}|${canRetry}`);
    // The SDK does not repeat what failsoft has repeated.
    assert.equal(await page.evaluate(() => window.requests.length), requests);
    await page.click('#regenerate');
    await output('ready|a/a||');
    assert.deepEqual(await messages(), ['user: one two three four', 'assistant: a/a says: one two three four']);
  });
}

test('a stream that breaks off gives the error with its advice, and the text so far stays', async (t) => {
  const { page, output, messages } = await open(t, { 'a/a': 'errorInStream' });
  await page.click('#send');
  await page.waitForFunction(() => document.querySelector('output').textContent.startsWith('error|'));
  const [, answer] = await messages();
  assert.ok('assistant: a/a says: one two three four'.startsWith(answer) && answer.length > 'assistant: '.length, answer);
  await output('error|a/a|The answer did not come. Try again.|true');
});
