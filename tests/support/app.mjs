// An app of React in Chromium, built from its source with the package.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { after, before } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';

import { launch, serve } from './chromium.mjs';
import { PACKAGE, ROOT } from './process.mjs';

/** Builds the app for the tests of a file. Gives a function that opens it, in which `window` has the given values. */
export function useApp(source) {
  let browser, server, folder;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'failsoft-app-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(PACKAGE, join(folder, 'node_modules/failsoft'));
    await writeFile(join(folder, 'app.js'), source);
    // The development build of React has the second mount of StrictMode.
    const define = { 'process.env.NODE_ENV': '"development"' };
    await build({ entryPoints: [join(folder, 'app.js')], outfile: join(folder, 'out/app.js'), bundle: true, format: 'esm', nodePaths: [join(ROOT, 'tests/node_modules')], define, logLevel: 'error' });
    [browser, server] = await Promise.all([launch(), serve(join(folder, 'out'))]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What the console says is an error of the test. */
  return async (t, values) => {
    const page = await browser.newPage();
    const complaints = [];
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    t.after(async () => {
      await page.close();
      assert.deepEqual(complaints, []);
    });
    await page.goto(server.origin);
    await page.evaluate(async (values) => {
      Object.assign(window, values);
      await import('/package/app.js');
    }, values);
    await page.waitForSelector('output');
    const output = (text) => page.waitForFunction((text) => document.querySelector('output').textContent === text, text);
    const messages = () => page.$$eval('li', (items) => items.map(({ className, textContent }) => `${className}: ${textContent}`));
    return { page, output, messages };
  };
}
