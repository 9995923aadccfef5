// The pages of the edge and <failsoft-chat> in Firefox and WebKit: they work, they fit, and the console has no complaint. Their tests in
// Chromium have the details.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from '../support/browsers.mjs';
import { serve } from '../support/chromium.mjs';
import { startWrangler } from '../support/edge.mjs';
import { dayOfCalls, writeToFile } from '../support/ledger.mjs';
import { PACKAGE, startEmulator } from '../support/process.mjs';
import { generator } from '../support/random.mjs';

const DAY = 86_400_000;
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";
/** If this is set, screenshots are written there. */
const { FAILSOFT_SCREENSHOTS: SHOTS } = process.env;

let emulator, edge, server;

before(async () => {
  emulator = await startEmulator();
  const failsoft = { upstream: { url: emulator.baseURL, dialect: 'openai' }, access: 'loopback', emulator: `${emulator.origin}/emulator` };
  const now = Date.now();
  const rows = dayOfCalls(generator(7), { calls: 500, from: now - DAY, to: now - 60_000 });
  edge = await startWrangler({ failsoft, seed: (file) => writeToFile(file, rows) });
  server = await serve(PACKAGE, { 'content-security-policy': POLICY });
});
after(async () => {
  await server?.stop();
  await edge?.stop();
  await emulator?.stop();
});

/** In a page: `until(isTrue)` waits for a condition. */
function defineUntil() {
  globalThis.until = async (isTrue) => {
    for (let at = 0; at < 3_000 && !isTrue(); at += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    if (!isTrue()) throw new Error(`still not so: ${isTrue}; the page says: ${document.body.innerText}`);
  };
}

for (const name of ['firefox', 'webkit']) {
  const { title, start, skip } = BROWSERS[name];
  describe(title, { skip }, () => {
    let browser, page;

    before(async () => {
      browser = await start();
      page = await browser.newPage();
    });
    after(() => browser?.close());

    async function open(url) {
      await page.goto(url);
      await page.evaluate(defineUntil);
    }

    /** Checks that the page is not wider than the window, and that nothing complained since the last check. */
    async function check(what) {
      if (SHOTS) {
        await mkdir(SHOTS, { recursive: true });
        await page.screenshot({ path: join(SHOTS, `${what}-${name}.png`) });
      }
      const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(width <= room, `${what} is ${width} wide, and has ${room}`);
      assert.deepEqual(await browser.readComplaints(), []);
    }

    test('the playground shows the answer of the second model', async () => {
      await open(edge.origin);
      const seen = await page.evaluate(async () => {
        const byId = (id) => document.getElementById(id);
        await globalThis.until(() => document.querySelector('[data-fault]'));
        byId('fault').value = 'unavailable';
        byId('fault').dispatchEvent(new Event('change', { bubbles: true }));
        byId('message').value = 'Good evening';
        byId('result').dataset.state = 'asking';
        byId('send').click();
        await globalThis.until(() => !['asking', 'answering'].includes(byId('result').dataset.state));
        return [byId('result').dataset.state, byId('answer').textContent, byId('timeline').querySelectorAll('.row.failed').length];
      });
      await check('playground');
      assert.deepEqual([seen[0], seen[2]], ['answered', 1]);
      assert.match(seen[1], /Good evening/);
    });

    test('the dashboard shows its first view: figures, charts and tables', async () => {
      await open(`${edge.origin}/dashboard/#/overview?range=24h`);
      const seen = await page.evaluate(async () => {
        await globalThis.until(() => document.querySelector('.region') && !document.querySelector('.region[aria-busy]'));
        const isDrawn = (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0);
        // A chart is drawn in the frame that follows, when its width is known.
        await globalThis.until(() => [...document.querySelectorAll('.region canvas')].filter(isDrawn).length === 2);
        return [document.querySelector('h1').textContent, document.querySelector('[data-figure="Calls"]').textContent, document.querySelectorAll('.region tbody tr').length];
      });
      await check('dashboard');
      assert.equal(seen[0], 'Overview');
      assert.match(seen[1], /^\d\d\d$/);
      assert.ok(seen[2] > 10, String(seen[2]));
    });

    test('<failsoft-chat> shows a question and its answer, below a strict policy', async () => {
      await open(server.origin);
      const seen = await page.evaluate(async () => {
        const [{ createClient }, { createFaultyFetch }] = await Promise.all([import('/package/index.js'), import('/package/testing.js'), import('/package/element.js')]);
        const chat = document.body.appendChild(document.createElement('failsoft-chat'));
        const fetch = createFaultyFetch({ faults: { 'a/a': ['unavailable'] } });
        chat.client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 } } });
        const part = (name) => [...chat.shadowRoot.querySelectorAll(`[part~="${name}"]`)];
        part('input')[0].value = 'one two';
        part('send')[0].click();
        await globalThis.until(() => chat.chat.state.messages.length === 2 && chat.chat.state.status === 'ready');
        return [part('text').map(({ textContent }) => textContent), part('author').map(({ textContent }) => textContent), getComputedStyle(part('send')[0]).backgroundColor];
      });
      await check('element');
      assert.deepEqual(seen.slice(0, 2), [['one two', 'b/b says: one two'], ['You', 'Assistant · b/b']]);
      assert.notEqual(seen[2], 'rgba(0, 0, 0, 0)', 'the element has its style');
    });
  });
}
