// <failsoft-chat> in Chromium, below a strict Content-Security-Policy and with axe-core.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { launch, openQuiet, serve } from '../support/chromium.mjs';
import { PACKAGE } from '../support/process.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launch(), serve(PACKAGE, { 'content-security-policy': POLICY })]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page with an element, whose models have these faults; a complaint of the console is an error of the test. */
async function open(t, { faults = {}, delay = 0, attributes = {}, reply, scheme = 'light' } = {}) {
  const page = await openQuiet(t, browser, { colorScheme: scheme });
  await page.goto(server.origin);
  await page.evaluate(async ({ faults, delay, attributes, reply }) => {
    const [{ createClient }, { createFaultyFetch }] = await Promise.all([import('/package/index.js'), import('/package/testing.js')]);
    const fetch = createFaultyFetch({ faults, delay, ...(reply && { reply: () => reply }) });
    window.requests = fetch.requests;
    const element = document.createElement('failsoft-chat');
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    // Before the browser knows the element, as an app may do.
    if (attributes.edge === undefined) element.client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 } } });
    window.events = [];
    for (const type of ['failsoft-answer', 'failsoft-error']) document.addEventListener(type, ({ detail }) => window.events.push([type, detail.message.content ?? detail.advice.detail]));
    document.documentElement.lang = 'en';
    document.body.append(element);
    await import('/package/element.js');
  }, { faults, delay, attributes, reply });
  const part = (name) => page.locator(`[part~="${name}"]`);
  const send = async (text) => {
    await part('input').fill(text);
    await part('input').press('Enter');
  };
  const isReady = () => page.waitForFunction(() => ['ready', 'error'].includes(document.querySelector('failsoft-chat').chat.state.status));
  const texts = () => part('text').allTextContents();
  return { page, part, send, isReady, texts };
}

/** What axe-core finds in the page. */
async function violations(page) {
  // axe-core runs scripts of its own, which the page's policy does not concern.
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document.querySelector('failsoft-chat'), { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test('Enter sends, the answer of another model comes, and the next question has the conversation', async (t) => {
  const { page, part, send, isReady, texts } = await open(t, { faults: { 'a/a': ['unavailable'] }, attributes: { system: 'Be brief.' } });
  await part('input').fill('one');
  await part('input').press('Shift+Enter');
  await part('input').press('End');
  await part('input').pressSequentially('two');
  await part('input').press('Enter');
  await part('assistant').waitFor();
  await isReady();
  assert.deepEqual(await texts(), ['one\ntwo', 'b/b says: one\ntwo']);
  assert.deepEqual(await part('author').allTextContents(), ['You', 'Assistant · b/b']);
  assert.equal(await part('input').inputValue(), '');
  await send('three');
  await isReady();
  const { messages } = await page.evaluate(() => window.requests.at(-1).body);
  assert.deepEqual(messages.map(({ role }) => role), ['system', 'user', 'assistant', 'user']);
  assert.deepEqual(await page.evaluate(() => window.events.map(([type]) => type)), ['failsoft-answer', 'failsoft-answer']);
});

test('what a model says is text, in whichever pieces it comes', async (t) => {
  const reply = '<img src=x onerror="window.hit = true"> <script>window.hit = true</script> **bold**';
  const { page, send, isReady, texts } = await open(t, { reply });
  await send('<b>me</b>');
  await isReady();
  assert.deepEqual(await texts(), ['<b>me</b>', reply]);
  assert.deepEqual(await page.evaluate(() => [window.hit, document.querySelector('failsoft-chat').shadowRoot.querySelectorAll('img, script, b').length]), [undefined, 0]);
});

for (const [name, stop] of [['Escape', ({ part }) => part('input').press('Escape')], ['the button', ({ part }) => part('send').click()]]) {
  test(`${name} stops an answer: the text stays, is marked, and another answer replaces it`, async (t) => {
    const opened = await open(t, { faults: { 'a/a': ['stalled'] } });
    const { page, part, send, isReady, texts } = opened;
    await send('one two three four');
    await page.waitForFunction(() => document.querySelector('failsoft-chat').chat.state.status === 'streaming');
    assert.deepEqual([await part('send').textContent(), await part('messages').getAttribute('aria-busy')], ['Stop', 'true']);
    await stop(opened);
    await isReady();
    assert.equal(await part('note').last().textContent(), 'This answer is incomplete.');
    assert.ok(await part('note').last().isVisible());
    assert.deepEqual([await part('send').textContent(), await part('messages').getAttribute('aria-busy')], ['Send', 'false']);
    await part('regenerate').click();
    await page.waitForFunction(() => window.events.length > 0);
    assert.deepEqual(await texts(), ['one two three four', 'a/a says: one two three four']);
    assert.equal(await part('note').last().isVisible(), false);
    // The button that was pressed has gone; the keyboard is where the next question is written.
    assert.equal(await page.evaluate(() => document.querySelector('failsoft-chat').shadowRoot.activeElement.id), 'input');
  });
}

test('an error is an alert with advice; trying again goes on, and a final error offers no such button', async (t) => {
  const { page, part, send, isReady, texts } = await open(t, { faults: { 'a/a': ['network', 'network', 'none', 'unauthorized'], 'b/b': ['network', 'network', 'unauthorized'] } });
  await send('one');
  await part('retry').waitFor();
  assert.equal(await part('error').getAttribute('role'), 'alert');
  assert.equal(await part('advice').textContent(), 'There is no connection. Check your network, then try again.');
  assert.deepEqual(await violations(page), []);
  await part('retry').click();
  await page.waitForFunction(() => window.events.some(([type]) => type === 'failsoft-answer'));
  assert.deepEqual([await texts(), await part('error').textContent()], [['one', 'a/a says: one'], '']);
  await send('two');
  await isReady();
  assert.deepEqual([await part('advice').textContent(), await part('retry').count()], ['You are not signed in, or your session has ended. Sign in again.', 0]);
});

test('Enter while a word of Japanese is being written, and while an answer comes, sends nothing; nor does an empty input', async (t) => {
  const { page, part, send } = await open(t, { faults: { 'a/a': 'silent' } });
  await part('input').fill('にほ');
  await part('input').dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  assert.equal(await part('message').count(), 0);
  await part('input').fill('  ');
  await part('input').press('Enter');
  await part('send').click();
  assert.equal(await part('message').count(), 0);
  await send('one');
  assert.equal(await part('status').textContent(), 'Waiting for an answer …');
  await send('two');
  assert.deepEqual([await part('message').count(), await part('input').inputValue()], [1, 'two']);
  await page.evaluate(() => document.querySelector('failsoft-chat').remove());
  await page.waitForFunction(() => window.requests.length === 1);
});

test('an element that moves keeps its answer; one that leaves stops it', async (t) => {
  const { page, send } = await open(t, { faults: { 'a/a': 'stalled' } });
  await send('one two three four');
  const status = () => page.evaluate(() => window.element.chat.state.status);
  await page.waitForFunction(() => (window.element = document.querySelector('failsoft-chat')).chat.state.status === 'streaming');
  await page.evaluate(() => document.body.appendChild(document.createElement('main')).append(window.element));
  assert.equal(await status(), 'streaming');
  await page.evaluate(() => window.element.remove());
  assert.equal(await status(), 'ready');
});

test('without a client, the attributes are those of a client of the edge, loaded with the first message', async (t) => {
  const { page, send, isReady, texts } = await open(t, { attributes: { edge: '/', token: 'fs_web_example', models: 'a/a, b/b', label: 'Chat with the shop', placeholder: 'Ask' } });
  const requests = [];
  await page.route('**/v1/chat/completions', (route) => {
    const request = route.request();
    requests.push([request.headers().authorization, request.postDataJSON()]);
    const choice = { index: 0, delta: { content: 'from the edge' }, finish_reason: 'stop' };
    return route.fulfill({ contentType: 'text/event-stream', body: `data: ${JSON.stringify({ model: 'b/b', choices: [choice] })}\n\ndata: [DONE]\n\n` });
  });
  await send('one');
  await isReady();
  assert.deepEqual(await texts(), ['one', 'from the edge']);
  const [[authorization, { models }]] = requests;
  assert.deepEqual([authorization, models], ['Bearer fs_web_example', ['a/a', 'b/b']]);
  assert.ok(await page.getByRole('region', { name: 'Chat with the shop' }).isVisible());
  assert.equal(await page.getByLabel('Your message').getAttribute('placeholder'), 'Ask');
});

test('without an edge and a client, the event names what is missing', async (t) => {
  const { page, send, isReady } = await open(t, { attributes: { edge: '' } });
  await page.evaluate(() => document.querySelector('failsoft-chat').removeAttribute('edge'));
  await send('one');
  await isReady();
  const [[type, detail]] = await page.evaluate(() => window.events);
  assert.deepEqual([type, detail], ['failsoft-error', '<failsoft-chat> needs the attribute edge or the property client']);
});

test('words change at once, also those of messages and errors', async (t) => {
  const { page, part, send, isReady } = await open(t, { faults: { 'a/a': ['none', 'network', 'network'], 'b/b': ['network', 'network'] } });
  await send('one');
  await isReady();
  await send('two');
  await part('retry').waitFor();
  await page.evaluate(() => {
    document.querySelector('failsoft-chat').words = { send: 'Senden', user: 'Sie', assistant: 'Antwort', retry: 'Noch einmal', input: 'Ihre Frage', advice: ({ kind }) => `Fehler: ${kind}` };
  });
  assert.deepEqual(await part('author').allTextContents(), ['Sie', 'Antwort · a/a', 'Sie']);
  assert.deepEqual(await Promise.all(['send', 'retry', 'label', 'advice'].map((name) => part(name).textContent())), ['Senden', 'Noch einmal', 'Ihre Frage', 'Fehler: network']);
});

test('messages that the app sets are shown in its order', async (t) => {
  const { page, texts } = await open(t);
  const set = (list) => page.evaluate((list) => document.querySelector('failsoft-chat').chat.setMessages(list.map((id) => ({ id, role: 'user', content: [{ type: 'text', text: id }] }))), list);
  for (const list of [['a', 'b', 'c'], ['c', 'a'], ['d', 'c', 'b', 'a'], []]) {
    await set(list);
    assert.deepEqual(await texts(), list);
  }
});

for (const scheme of ['light', 'dark']) {
  test(`axe-core finds nothing in a ${scheme} page, before and after an answer; a page can style it`, async (t) => {
    const { page, part, send, isReady } = await open(t, { scheme });
    await page.evaluate(() => (document.documentElement.style.colorScheme = 'light dark'));
    assert.deepEqual(await violations(page), []);
    await send('one');
    await isReady();
    assert.deepEqual(await violations(page), []);
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('failsoft-chat { --failsoft-accent: rgb(1, 2, 3); } failsoft-chat::part(input) { border-width: 7px; }');
      document.adoptedStyleSheets = [sheet];
    });
    assert.deepEqual(await Promise.all([part('send').evaluate((node) => getComputedStyle(node).backgroundColor), part('input').evaluate((node) => getComputedStyle(node).borderTopWidth)]), ['rgb(1, 2, 3)', '7px']);
    assert.equal(await page.evaluate(() => document.querySelector('failsoft-chat').shadowRoot.querySelectorAll('[style], style').length), 0);
  });
}
