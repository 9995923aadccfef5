// A request that fails in a page: the error names the host, and what may be the reason as far as a page can know.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE } from '../support/process.mjs';

let browser, server;

before(async () => {
  browser = await launch();
  server = await serve(PACKAGE, {});
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/**
 * The error of a call to `baseURL` from a page at `origin`. `beforePage` gets the page before the page loads, and `beforeCall`
 * gets the browser's context when the page and the package have loaded.
 */
async function failure({ origin = server.origin, baseURL, beforePage = async () => {}, beforeCall = async () => {} }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    await beforePage(page);
    await page.goto(origin);
    await page.evaluate(() => import('/package/index.js').then(({ init }) => init()));
    await beforeCall(context);
    return await page.evaluate(async (baseURL) => {
      const { chat } = await import('/package/index.js');
      const call = chat([{ role: 'user', content: '?' }], { model: 'a/a', baseURL, policy: { retry: { same: 0 } } });
      return call.then(() => ({}), ({ kind, message, cause }) => ({ kind, message, cause: cause?.message }));
    }, baseURL);
  } finally {
    await context.close();
  }
}

test('nothing listens: the host and the possible reasons are named', async () => {
  const { kind, message, cause } = await failure({ baseURL: 'http://127.0.0.1:1/v1' });
  assert.equal(kind, 'network');
  assert.match(message, /^the connection to 127\.0\.0\.1:1 failed: Failed to fetch\./);
  for (const reason of ['CORS', 'connect-src', 'nothing listens', server.origin]) assert.ok(message.includes(reason), message);
  assert.equal(cause, 'Failed to fetch');
});

test('a server that does not allow the origin: CORS is among the reasons', async () => {
  const other = createServer((request, response) => response.end('{}'));
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
  try {
    const host = `127.0.0.1:${other.address().port}`;
    const { kind, message } = await failure({ baseURL: `http://${host}/v1` });
    assert.equal(kind, 'network');
    assert.match(message, new RegExp(`^the connection to ${host.replaceAll('.', '\\.')} failed.*\\(CORS\\)`));
  } finally {
    other.close();
  }
});

test('a device that is offline is named as the reason', async () => {
  const beforeCall = (context) => context.setOffline(true);
  const { kind, message } = await failure({ baseURL: `${server.origin}/v1`, beforeCall });
  assert.equal(kind, 'network');
  assert.match(message, /This device is offline$/);
});

test('an https page that calls an http address: mixed content is named as the reason', async () => {
  const script = await readFile(join(PACKAGE, 'index.js'), 'utf8');
  const beforePage = (page) => page.route('https://app.example/**', (route) => {
    const isScript = route.request().url().endsWith('.js');
    return route.fulfill({ contentType: isScript ? 'text/javascript' : 'text/html', body: isScript ? script : '<!doctype html>' });
  });
  const { kind, message } = await failure({ origin: 'https://app.example/', baseURL: 'http://api.example/v1', beforePage });
  assert.equal(kind, 'network');
  assert.match(message, /^the connection to api\.example failed.*mixed content/);
});
