// failsoft/slim in a page: the WebAssembly is a file of its own, which the browser compiles while it downloads.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE } from '../support/process.mjs';

const WASM = '/package/failsoft_bg.wasm';

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Opens a page that has imported the entry. `window.ask` gets an answer, or what an error says; `window.used` has what compiled. */
async function open(t, { headers, change } = {}) {
  const server = await serve(PACKAGE, headers);
  const page = await browser.newPage();
  t.after(async () => {
    await page.close();
    await server.stop();
  });
  const requests = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  if (change) await page.route(`**${WASM}`, change);
  await page.goto(server.origin);
  await page.evaluate(async () => {
    window.used = [];
    for (const name of ['instantiateStreaming', 'instantiate']) {
      const original = WebAssembly[name];
      WebAssembly[name] = (...given) => (window.used.push(name), original(...given));
    }
    const { chat } = await import('/package/slim.js');
    const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
    const asked = () => chat([{ role: 'user', content: '?' }], { model: 'a/a', baseURL: '/v1', fetch });
    window.ask = () => asked().then((data) => data.choices[0].message.content, ({ kind, message }) => ({ kind, message }));
  });
  const ask = () => page.evaluate(() => window.ask());
  const used = () => page.evaluate(() => window.used);
  return { page, ask, used, downloads: () => requests.filter((path) => path === WASM).length };
}

test('calls at the same time request the file once, and it is compiled while it comes; an import requests nothing', async (t) => {
  const { page, used, downloads } = await open(t);
  assert.equal(downloads(), 0);
  assert.deepEqual(await page.evaluate(() => Promise.all([window.ask(), window.ask()])), ['yes', 'yes']);
  assert.deepEqual([downloads(), await used()], [1, ['instantiateStreaming']]);
});

for (const type of ['application/octet-stream', 'text/plain', '']) {
  test(`a server that sends the file as ${JSON.stringify(type)} is good enough`, async (t) => {
    const change = async (route) => route.fulfill({ response: await route.fetch(), headers: { 'content-type': type } });
    const { ask, used, downloads } = await open(t, { change });
    assert.equal(await ask(), 'yes');
    assert.deepEqual([downloads(), await used()], [1, ['instantiateStreaming', 'instantiate']]);
  });
}

for (const [name, fail, expected] of [
  ['is missing', (route) => route.fulfill({ status: 404, body: 'Not Found' }), /404/],
  ['does not come', (route) => route.abort('internetdisconnected'), /fetch/i],
  ['is the page of the app', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }), /magic/],
]) {
  test(`if the file ${name}, the error names its address, and the next call gets an answer`, async (t) => {
    let isFirst = true;
    const change = (route) => {
      const isWhole = !isFirst;
      isFirst = false;
      return isWhole ? route.continue() : fail(route);
    };
    const { ask } = await open(t, { change });
    const { kind, message } = await ask();
    assert.equal(kind, 'wasmUnavailable');
    assert.match(message, expected);
    assert.match(message, /failsoft\/slim expects its file failsoft_bg\.wasm at http:\/\/127\.0\.0\.1:\d+\/package\/failsoft_bg\.wasm/);
    assert.equal(await ask(), 'yes');
  });
}

test('a Content-Security-Policy needs the same words as for the package in one file, and the origin of the file in connect-src', async (t) => {
  const policy = (words) => ({ headers: { 'content-security-policy': `default-src 'none'; ${words}` } });
  assert.equal(await (await open(t, policy("script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"))).ask(), 'yes');
  const { kind, message } = await (await open(t, policy("script-src 'self'; connect-src 'self'"))).ask();
  assert.equal(kind, 'wasmUnavailable');
  assert.match(message, /Content-Security-Policy.*'wasm-unsafe-eval'.*script-src/);
});
