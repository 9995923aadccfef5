// An app of React in Chromium, built from its source with the package.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { after, before } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';

import { launch, openQuiet, serve } from './chromium.mjs';
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
    const page = await openQuiet(t, browser);
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

/** Sends a message in an app whose first model does not answer. The second one does, and the output is `ready|MODEL` and `rest`. */
export async function checkFallback({ page, output, messages }, rest) {
  await page.click('#send');
  await output(`ready|b/b|${rest}`);
  assert.deepEqual(await messages(), ['user: one two three four', 'assistant: b/b says: one two three four']);
  assert.deepEqual(await page.evaluate(() => window.statuses), ['ready', 'submitted', 'streaming', 'ready']);
}
