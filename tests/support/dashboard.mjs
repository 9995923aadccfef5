// The dashboard in Chromium, for its tests.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { complaintsOf, launch } from './chromium.mjs';
import { startWrangler } from './edge.mjs';
import { startEmulator } from './process.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** If this is set, screenshots are written there. */
const { FAILSOFT_SCREENSHOTS: SHOTS } = process.env;

export const LOOKS = [
  { name: 'desktop-light', viewport: { width: 1360, height: 900 }, colorScheme: 'light' },
  { name: 'desktop-dark', viewport: { width: 1360, height: 900 }, colorScheme: 'dark' },
  { name: 'phone-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];

/**
 * An edge in front of an emulator, with the configuration that `failsoft(emulator)` gives, and a browser with one page. The other
 * options are those of `startWrangler`. `complaints` are the errors of the page and its console.
 */
export async function startDashboard({ failsoft, ...options }) {
  const started = [];
  const stop = async () => {
    for (const end of started.reverse()) await end();
  };
  try {
    const emulator = await startEmulator();
    started.push(emulator.stop);
    const edge = await startWrangler({ failsoft: failsoft(emulator), ...options });
    started.push(edge.stop);
    const browser = await launch();
    started.push(() => browser.close());
    const context = await browser.newContext({ timezoneId: 'Asia/Kathmandu' });
    const page = await context.newPage();
    const complaints = complaintsOf(page, { ignored: /401/ });
    page.setDefaultTimeout(60_000);
    await page.setViewportSize(LOOKS[0].viewport);
    if (SHOTS) await mkdir(SHOTS, { recursive: true });
    const open = async (name, query = '') => {
      await page.goto(`${edge.origin}/dashboard/#/${name}${query}`);
      await page.reload();
      await ready(page);
    };
    return { emulator, edge, browser, context, page, complaints, open, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Signs in at the dashboard of `origin` with an admin token. */
export async function signIn(page, origin, token) {
  await page.goto(`${origin}/dashboard/`);
  await page.fill('#token', token);
  await page.keyboard.press('Enter');
  await ready(page);
}

/** Waits until the page shows its data. */
export const ready = (page) => page.waitForFunction(() => document.querySelector('.region') && !document.querySelector('.region[aria-busy]'));

/** What axe-core finds on the page. */
export async function violations(page) {
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: values }), RULES);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(', ')}`);
}

export async function shoot(page, name, fullPage = true) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}

/** Checks that the page, which the test names `name`, fits on the screen of `look`, and that axe-core finds nothing. */
export async function checkLook(page, look, name) {
  await shoot(page, `${name}-${look.name}`, name !== 'calls');
  assert.deepEqual(await violations(page), [], `${name} on ${look.name}`);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= look.viewport.width, `${name} is ${width} wide`);
}
