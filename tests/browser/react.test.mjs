// failsoft/react with React itself in Chromium, in StrictMode.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkFallback, useApp } from '../support/app.mjs';

/** A page with a chat. `window.faults` are those of the models a/a and b/b. */
const APP = `
  import { StrictMode, createElement as h, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { createClient } from 'failsoft';
  import { useChat } from 'failsoft/react';
  import { createFaultyFetch } from 'failsoft/testing';

  const faulty = createFaultyFetch({ faults: window.faults, delay: window.delay });
  window.requests = faulty.requests;
  window.signals = [];
  const fetch = (url, options) => {
    window.signals.push(options.signal);
    return faulty(url, options);
  };
  const client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 } } });
  window.statuses = [];

  function Chat({ suffix }) {
    const { messages, status, model, error, send, stop, retry, regenerate } = useChat({ client, onFinish: ({ content }) => { window.finished = content + suffix; } });
    if (window.statuses.at(-1) !== status) window.statuses.push(status);
    return h('main', null,
      h('ul', null, messages.map(({ id, role, content }) => h('li', { key: id, className: role }, content))),
      h('output', null, [status, model, error?.advice.text].join('|')),
      h('button', { id: 'send', onClick: () => send('one two three four') }),
      h('button', { id: 'stop', onClick: stop }), h('button', { id: 'retry', onClick: retry }), h('button', { id: 'regenerate', onClick: regenerate }));
  }
  function App() {
    const [isShown, show] = useState(true);
    const [suffix, setSuffix] = useState('.');
    return h('div', null, isShown && h(Chat, { suffix }), h('button', { id: 'hide', onClick: () => show(false) }), h('button', { id: 'suffix', onClick: () => setSuffix('!') }));
  }
  createRoot(document.body.appendChild(document.createElement('div'))).render(h(StrictMode, null, h(App)));`;

const app = useApp(APP);

/** Opens the page with these faults. */
const open = (t, faults = {}, delay = 0) => app(t, { faults, delay });

test('an answer streams into the page, from the model that the page names', async (t) => {
  const opened = await open(t, { 'a/a': 'unavailable' });
  const { page } = opened;
  await checkFallback(opened, '');
  // StrictMode renders twice, but sends once.
  assert.equal(await page.evaluate(() => window.requests.length), 2);
});

test('stop ends a stream, and the text so far stays', async (t) => {
  const { page, output, messages } = await open(t, { 'a/a': 'stalled' });
  await page.click('#send');
  await page.waitForSelector('li.assistant:not(:empty)');
  await page.click('#stop');
  await output('ready|a/a|');
  assert.ok('assistant: a/a says: one two three four'.startsWith((await messages())[1]));
});

test('an error is shown with advice, and retry asks again; regenerate replaces the answer', async (t) => {
  const { page, output, messages } = await open(t, { 'a/a': ['network', 'network', 'none', 'unavailable'], 'b/b': ['network', 'network'] });
  await page.click('#send');
  await output('error||There is no connection. Check your network, then try again.');
  await page.click('#retry');
  await output('ready|a/a|');
  await page.click('#regenerate');
  await output('ready|b/b|');
  assert.deepEqual(await messages(), ['user: one two three four', 'assistant: b/b says: one two three four']);
});

test('a component that leaves stops its answer', async (t) => {
  const { page } = await open(t, { 'a/a': 'stalled' });
  await page.click('#send');
  await page.waitForSelector('li.assistant:not(:empty)');
  assert.deepEqual(await page.evaluate(() => window.signals.map(({ aborted }) => aborted)), [false]);
  await page.click('#hide');
  await page.waitForFunction(() => window.signals.at(-1).aborted);
  assert.equal(await page.locator('output').count(), 0);
});

test('a callback of the last rendering is called', async (t) => {
  const { page, output } = await open(t);
  await page.click('#suffix');
  await page.click('#send');
  await output('ready|a/a|');
  assert.equal(await page.evaluate(() => window.finished), 'a/a says: one two three four!');
});
