// The playground as a person meets it: the page from the edge, a fault picked, a fallback watched.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../support/chromium.mjs';
import { startWrangler } from '../support/edge.mjs';
import { asked, startEmulator } from '../support/process.mjs';

let emulator, edge, browser, page;
const complaints = [];

before(async () => {
  emulator = await startEmulator();
  const upstream = { url: emulator.baseURL, dialect: 'openai' };
  edge = await startWrangler({ failsoft: { upstream, access: 'loopback', emulator: `${emulator.origin}/emulator` } });
  browser = await launch();
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(edge.origin);
});

after(async () => {
  await browser?.close();
  await edge?.stop();
  await emulator?.stop();
});

async function ask(message, state) {
  await page.fill('#message', message);
  await page.click('#send');
  await page.waitForSelector(`#result[data-state=${state}]`);
}

test('a message is answered, and the page says by whom and for how much', async () => {
  await page.waitForSelector('[data-fault]');
  await ask('Good morning', 'answered');
  assert.match(await page.textContent('#answer'), /Good morning/);
  assert.match(await page.textContent('#headline'), /openai\/gpt-4o/);
  assert.match(await page.textContent('#facts'), /\$0\.0/);
});

test('a picked fault is answered by the next model, and the page shows what was tried', async () => {
  await emulator.clear();
  await page.selectOption('#fault', { value: 'unavailable' });
  await ask('Good evening', 'answered');
  assert.match(await page.textContent('#answer'), /Good evening/);
  assert.equal(await page.locator('#timeline .row.failed').count(), 1);
  assert.match(await page.textContent('#timeline .row.failed'), /fault\/unavailable/);
  assert.deepEqual(asked(await emulator.log()), [['fault/unavailable'], ['openai/gpt-4o']]);
});

test('an answer that is cut goes on, and the page shows both', async () => {
  await emulator.clear();
  await page.selectOption('#fault', { value: 'cut' });
  await ask('words:40', 'answered');
  assert.match(await page.textContent('#answer'), /word1 .*word38/);
  assert.match(await page.textContent('#timeline .row.failed'), /fault\/cut/);
  assert.equal((await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).length, 2);
});

test('nothing went wrong on the page, under its Content-Security-Policy', () => {
  assert.deepEqual(complaints, []);
});
