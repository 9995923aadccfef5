// The playground in Chromium: a visitor chooses a fault, sends a message and watches the fallback.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { complaintsOf, launch } from '../support/chromium.mjs';
import { startWrangler } from '../support/edge.mjs';
import { asked, startEmulator } from '../support/process.mjs';

let emulator, edge, browser, page, complaints;

before(async () => {
  emulator = await startEmulator();
  const upstream = { url: emulator.baseURL, dialect: 'openai' };
  edge = await startWrangler({ failsoft: { upstream, access: 'loopback', emulator: `${emulator.origin}/emulator` } });
  browser = await launch();
  page = await browser.newPage();
  complaints = complaintsOf(page);
  await page.goto(edge.origin);
});

after(async () => {
  await browser?.close();
  await edge?.stop();
  await emulator?.stop();
});

/** Sends the message, waits until the call is over, and returns the state of the result. */
async function send() {
  const result = page.locator('#result');
  // Without this, the state that an earlier call left would end the wait.
  await result.evaluate(({ dataset }) => (dataset.state = 'asking'));
  await page.click('#send');
  await page.waitForFunction(() => !['asking', 'answering'].includes(document.getElementById('result').dataset.state));
  return result.getAttribute('data-state');
}

async function ask(message) {
  await page.fill('#message', message);
  assert.equal(await send(), 'answered');
}

test('shows the answer to a message, the model and the cost', async () => {
  await page.waitForSelector('[data-fault]');
  await ask('Good morning');
  assert.match(await page.textContent('#answer'), /Good morning/);
  assert.match(await page.textContent('#headline'), /openai\/gpt-4o/);
  assert.match(await page.textContent('#facts'), /\$0\.0/);
});

test('a fault in the first model is answered by the next model, and the page shows both requests', async () => {
  await emulator.clear();
  await page.selectOption('#fault', { value: 'unavailable' });
  await ask('Good evening');
  assert.match(await page.textContent('#answer'), /Good evening/);
  assert.equal(await page.locator('#timeline .row.failed').count(), 1);
  assert.match(await page.textContent('#timeline .row.failed'), /fault\/unavailable/);
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable'], ['openai/gpt-4o']]);
});

test('another model continues a cut answer, and the page shows both requests', async () => {
  await emulator.clear();
  await page.selectOption('#fault', { value: 'cut' });
  await ask('words:40');
  assert.match(await page.textContent('#answer'), /word1 .*word38/);
  assert.match(await page.textContent('#timeline .row.failed'), /fault\/cut/);
  assert.equal((await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).length, 2);
});

test('every fault that has a button ends with an answer, on an edge like that of `cargo xtask dev`', async () => {
  const upstream = { url: emulator.baseURL, dialect: 'openrouter' };
  const dev = await startWrangler({ failsoft: { upstream, access: 'loopback', emulator: `${emulator.origin}/emulator` } });
  try {
    await page.goto(dev.origin);
    await page.waitForSelector('[data-fault]');
    const faults = await page.$$eval('[data-fault]', (buttons) => buttons.map((button) => button.dataset.fault));
    assert.ok(faults.length > 8);
    for (const fault of faults) {
      await page.click(`[data-fault="${fault}"]`);
      assert.equal(await send(), 'answered', fault);
    }
  } finally {
    await dev.stop();
  }
});

test('nothing went wrong on the page, under its Content-Security-Policy', () => {
  assert.deepEqual(complaints, []);
});
