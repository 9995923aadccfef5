// A real Chromium, and a server for a page with the built package.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const TYPES = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css', '.wasm': 'application/wasm' };
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', headless: true, args: FLAGS });
}

/** The errors of a page, and what its console says with one of these types, except what matches `ignored`. The list grows. */
export function complaintsOf(page, { types = ['error'], ignored } = {}) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => types.includes(message.type()) && !ignored?.test(message.text()) && complaints.push(message.text()));
  return complaints;
}

/** A page for the test `t`, which fails if the page or its console complains. */
export async function openQuiet(t, browser, options) {
  const page = await browser.newPage(options);
  const complaints = complaintsOf(page, { types: ['error', 'warning'] });
  t.after(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });
  return page;
}

/** Serves `folder` below `/package/` and an empty page at `/`, with `headers` on every response. */
export async function serve(folder, headers = {}) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname);
    if (!path.startsWith('/package/')) {
      response.writeHead(200, { 'content-type': 'text/html', ...headers }).end('<!doctype html><title>test</title>');
      return;
    }
    try {
      const found = await readFile(join(folder, path.slice('/package/'.length)));
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', ...headers }).end(found);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}
