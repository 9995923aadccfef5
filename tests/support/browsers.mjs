// The browsers of the tests, and an empty page in one of them.

import { launch, serve } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';
import { startWebKit } from './webkit.mjs';

/**
 * Each browser: its name, the function that starts it, and why its tests are skipped here, if they are. A browser has `newPage` and
 * `close`; a page has `goto`, `evaluate`, `screenshot` and `close`.
 */
export const BROWSERS = {
  chromium: { title: 'Chromium', start: launch, skip: false },
  firefox: { title: 'Firefox', start: startFirefox, skip: false },
  webkit: { title: 'WebKit (WebKitGTK)', start: startWebKit, skip: process.platform !== 'linux' && 'WebKitGTK exists for Linux' },
};

/** Opens an empty page of a server that has the package in `folder`. */
export async function openPage(folder, { start } = BROWSERS.chromium) {
  const [browser, server] = await Promise.all([start(), serve(folder)]);
  const page = await browser.newPage();
  await page.goto(server.origin);
  const close = async () => {
    await browser.close();
    await server.stop();
  };
  return { page, close };
}
