// What becomes of the WebAssembly on its way into a page: what can be mended is, and all else says what to do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE } from '../support/process.mjs';

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** The answer, or the error, that a page gets which is served as said. */
async function outcome(headers, wasm) {
  const server = await serve(PACKAGE, headers, wasm);
  const page = await browser.newPage();
  try {
    await page.goto(server.origin);
    return await page.evaluate(async () => {
      const { chat } = await import('/package/index.js');
      const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
      const said = (data) => data.choices[0].message.content;
      const asked = chat([{ role: 'user', content: '?' }], { model: 'a/a', baseURL: '/v1', fetch });
      return asked.then(said, ({ kind, message }) => ({ kind, message }));
    });
  } finally {
    await page.close();
    await server.stop();
  }
}

test('it loads, and asks for two files', async () => {
  const server = await serve(PACKAGE);
  const page = await browser.newPage();
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  try {
    await page.goto(server.origin);
    await page.evaluate(async () => (await import('/package/index.js')).init());
    assert.deepEqual(asked.filter((path) => path.startsWith('/package/')), ['/package/index.js', '/package/failsoft_bg.wasm']);
  } finally {
    await page.close();
    await server.stop();
  }
});

test('a Content-Security-Policy that allows WebAssembly is enough', async () => {
  assert.equal(await outcome({ 'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" }), 'yes');
});

test('a Content-Security-Policy that forbids WebAssembly is named, with what to add', async () => {
  const { kind, message } = await outcome({ 'content-security-policy': "script-src 'self'" });
  assert.equal(kind, 'wasmUnavailable');
  assert.match(message, /Content-Security-Policy.*'wasm-unsafe-eval'.*script-src/);
});

test('a wrong content type does not matter', async () => {
  assert.equal(await outcome({}, { type: 'text/plain' }), 'yes');
});

test('a page in place of the WebAssembly is named, with what to do', async () => {
  const { kind, message } = await outcome({}, { type: 'text/html', body: '<!doctype html>' });
  assert.equal(kind, 'wasmUnavailable');
  assert.match(message, /failsoft_bg\.wasm is text\/html, not WebAssembly; serve failsoft_bg\.wasm there, or .* init\(\)/);
});

test('a file that is not there is named, with its status', async () => {
  const { kind, message } = await outcome({}, { status: 404, type: 'text/html', body: '' });
  assert.equal(kind, 'wasmUnavailable');
  assert.match(message, /failsoft_bg\.wasm answered with status 404; .*init\(\)/);
});
