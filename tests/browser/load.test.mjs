// How the package loads in a page: as one file, under strict policies, and in browsers that lack a feature.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE } from '../support/process.mjs';

const { estimateTokens } = await import(pathToFileURL(`${PACKAGE}/index.js`));

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/**
 * Loads the package in a page that is served with `headers`, after `lacking` has removed a feature. Returns the answer or the error
 * that the page gets, and the files that the page requests.
 */
async function outcome({ headers = {}, lacking = () => {}, source = '/package/index.js' } = {}) {
  const server = await serve(PACKAGE, headers);
  const page = await browser.newPage();
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  try {
    await page.goto(server.origin);
    await page.evaluate(lacking);
    const said = await page.evaluate(async (source) => {
      const { chat } = await import(source);
      const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
      const said = (data) => data.choices[0].message.content;
      const asked = chat([{ role: 'user', content: '?' }], { model: 'a/a', baseURL: '/v1', fetch });
      return asked.then(said, ({ kind, message }) => ({ kind, message }));
    }, source);
    return { said, asked: asked.filter((path) => path !== '/') };
  } finally {
    await page.close();
    await server.stop();
  }
}

test('the package loads, and the page requests one file', async () => {
  assert.deepEqual(await outcome(), { said: 'yes', asked: ['/package/index.js'] });
});

test('the package loads under a Content-Security-Policy that allows WebAssembly', async () => {
  const headers = { 'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" };
  assert.equal((await outcome({ headers })).said, 'yes');
});

test('the error under a Content-Security-Policy that forbids WebAssembly names the policy and what to add', async () => {
  const { said } = await outcome({ headers: { 'content-security-policy': "script-src 'self'" } });
  assert.equal(said.kind, 'wasmUnavailable');
  assert.match(said.message, /Content-Security-Policy.*'wasm-unsafe-eval'.*script-src/);
});

test('the error in a browser without WebAssembly says so', async () => {
  const { said } = await outcome({ lacking: () => delete globalThis.WebAssembly });
  assert.equal(said.kind, 'wasmUnavailable');
  assert.match(said.message, /this host has no WebAssembly.*Lockdown Mode.*edge/);
});

test('the package loads in a browser that refuses large modules in the main thread, as Chromium before 115 does', async () => {
  const lacking = () => {
    const { Module, Instance } = globalThis.WebAssembly;
    const small = new WeakSet();
    const compile = (target, [bytes]) => {
      if (bytes.byteLength > 4096) throw new RangeError('WebAssembly.Compile is disallowed on the main thread');
      const module = new target(bytes);
      small.add(module);
      return module;
    };
    const instantiate = (target, [module, imports]) => {
      if (!small.has(module)) throw new RangeError('WebAssembly.Instance is disallowed on the main thread');
      return new target(module, imports);
    };
    globalThis.WebAssembly.Module = new Proxy(Module, { construct: compile });
    globalThis.WebAssembly.Instance = new Proxy(Instance, { construct: instantiate });
  };
  assert.equal((await outcome({ lacking })).said, 'yes');
});

for (const charset of ['ascii', 'utf8']) {
  test(`the package loads from a bundle that is written as ${charset}`, async () => {
    const { outputFiles } = await build({ entryPoints: [`${PACKAGE}/index.js`], bundle: true, minify: true, format: 'esm', charset, write: false });
    const source = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
    assert.equal((await outcome({ source })).said, 'yes');
  });
}

for (const charset of ['windows-1252', 'shift_jis', 'utf-16le']) {
  test(`the package loads as a classic script between the tags of a page in ${charset}`, async () => {
    const options = { entryPoints: [`${PACKAGE}/index.js`], bundle: true, minify: true, charset: 'utf8', write: false };
    const { outputFiles } = await build({ ...options, format: 'iife', globalName: 'failsoft' });
    const html = `<!doctype html><script>${outputFiles[0].text}</script>`;
    const body = Buffer.from(html, charset === 'utf-16le' ? 'utf16le' : 'utf8');
    const page = await browser.newPage();
    try {
      await page.route('**/*', (route) => route.fulfill({ headers: { 'content-type': `text/html; charset=${charset}` }, body }));
      await page.goto('http://127.0.0.1/');
      assert.equal(await page.evaluate(() => globalThis.failsoft.estimateTokens('Hello world')), await estimateTokens('Hello world'));
    } finally {
      await page.close();
    }
  });
}
