// The dashboard's page of stored answers: how many each route has, what they saved, and their deletion.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { LOOKS, checkLook, ready, signIn, startDashboard } from '../support/dashboard.mjs';
import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { bytes, span, usd } from '../../www/dashboard/format.js';

const [OWNER, READER] = ['owner', 'reader'].map((name) => `${name}-0123456789-0123456789-0123456789`);
const OTHER = 'fs_other_client';
const MODEL = 'openai/gpt-4o';
const REFRESH = 10_000;

let edge, browser, context, page, complaints, open, stop;

before(async () => {
  ({ edge, browser, context, page, complaints, open, stop } = await startDashboard({
    failsoft: (emulator) => ({
      upstream: { url: emulator.baseURL, dialect: 'openrouter' },
      keys: [clientKey(), clientKey({ name: 'other' }, OTHER)],
      admins: [{ name: 'reader', token: 'READER_TOKEN', scopes: ['read'] }],
    }),
    secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER },
  }));
  await signIn(page, edge.origin, OWNER);
});

after(() => stop?.());

const send = (method, path, key, body, headers) => fetch(edge.origin + path, { method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
const admin = async (path) => (await fetch(`${edge.origin}/admin/${path}`, { headers: { authorization: `Bearer ${OWNER}` } })).json();
const stored = async (name) => (await admin('cache')).data.find(({ route }) => route === name);
const calls = async () => (await admin('usage?by=route&times=no')).data.find(({ name }) => name === 'faq')?.calls ?? 0;

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Asks the route faq, and returns whether the answer was stored, and its cost. */
async function ask(question, key = CLIENT_KEY) {
  const answer = await send('POST', '/v1/chat/completions', key, { model: 'route/faq', messages: [{ role: 'user', content: question }] });
  assert.equal(answer.status, 200);
  const { usage } = await answer.json();
  return { isHit: answer.headers.get('x-failsoft-cache') === 'hit', cost: usage.cost };
}

/** Asks for an answer that is not stored yet, and waits until it is. Returns its cost. */
async function askNew(question, key) {
  const before = (await stored('faq')).answers;
  const { isHit, cost } = await ask(question, key);
  assert.ok(!isHit && cost > 0);
  await until(async () => (await stored('faq')).answers > before);
  return cost;
}

const cells = (rows) => page.locator(`.region table ${rows} tr`).evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));

test('a lifetime and a size are shown in a unit that fits', () => {
  assert.deepEqual([1, 90, 3_600, 5_400, 86_400, 2_592_000].map(span), ['1 second', '90 seconds', '1 hour', '90 minutes', '1 day', '30 days']);
  assert.deepEqual([0, 999, 1_000, 12_345, 50_000_000, 2_500_000_000].map(bytes), ['0 B', '999 B', '1 kB', '12 kB', '50 MB', '2.5 GB']);
});

test('while no route stores answers, the page says how one does', async () => {
  await open('cache');
  await page.waitForSelector('h2:text-is("No route stores its answers")');
  assert.ok((await page.textContent('.nothing')).includes('"cache": {"lifetime": 3600}'));
  assert.equal(await page.locator('main button').count(), 0);
  for (const look of LOOKS) {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await checkLook(page, look, 'cache-empty');
  }
  await page.setViewportSize(LOOKS[0].viewport);
});

test('each route has its answers, the calls that they answered, and what these would have cost', async () => {
  for (const [name, cache] of [['faq', {}], ['unused', { lifetime: 90 }], ['plain', undefined]]) {
    assert.equal((await send('POST', '/admin/routes', OWNER, { name, route: { models: [MODEL], cache } })).status, 201);
  }
  const questions = [['words:20 one'], ['words:300 two'], ['words:80 three'], ['words:5 four', OTHER]];
  let cost = 0;
  for (const question of questions) cost += await askNew(...question);
  for (const question of questions) assert.deepEqual(await ask(...question), { isHit: true, cost: 0 });
  await until(async () => (await calls()) === 8);
  await open('cache', '?range=24h');
  const size = bytes((await stored('faq')).bytes);
  const figures = ['4', size, '8', '4 (50 %)', usd(cost)];
  assert.deepEqual(await cells('tbody'), [['faq', '1 hour', ...figures, 'Delete'], ['unused', '90 seconds', '0', '0 B', '0', '0', '$0', 'Delete']]);
  assert.deepEqual(await cells('tfoot'), [['All', '', ...figures, '']]);
  await open('cache', '?range=24h&route=unused');
  assert.deepEqual((await cells('tbody')).map(([route]) => route), ['unused']);
  await open('cache', '?range=24h&route=plain');
  await page.waitForSelector('h2:text-is("This route does not store its answers")');
});

for (const look of LOOKS) {
  test(`the page fits, and axe-core finds nothing, on ${look.name}`, async () => {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await open('cache', '?range=24h');
    await checkLook(page, look, 'cache-full');
  });
}

test('new figures wait while somebody writes the name of an account', async (t) => {
  const own = await browser.newContext({ storageState: await context.storageState() });
  t.after(() => own.close());
  const still = await own.newPage();
  await still.clock.install();
  await still.goto(`${edge.origin}/dashboard/#/cache?range=24h`);
  await ready(still);
  const before = await calls();
  await still.focus('[name=account]');
  await still.keyboard.type('key:ot');
  await ask('words:20 one');
  await until(async () => (await calls()) > before);
  const renew = async () => {
    const answered = still.waitForResponse(/\/admin\/usage/);
    await still.clock.runFor(REFRESH);
    await answered;
    await ready(still);
  };
  const shownCalls = () => still.textContent('tbody tr:has-text("faq") td:nth-child(5)');
  // The second time shows that the first one is over.
  await renew();
  await renew();
  assert.deepEqual([await still.inputValue('[name=account]'), await shownCalls()], ['key:ot', String(before)]);
  await still.fill('[name=account]', '');
  await renew();
  await still.waitForFunction((old) => document.querySelector('tbody tr td:nth-child(5)').textContent !== old, String(before));
});

test('the answers of an account, of a route and of all routes are deleted by keyboard, and nobody gets them again', async () => {
  await page.setViewportSize(LOOKS[0].viewport);
  await open('cache', '?range=24h');
  await page.focus('[name=account]');
  await page.keyboard.type('key:other');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[aria-live] >> text="Deleted answers: 1"');
  assert.equal((await stored('faq')).answers, 3);
  const press = async (label) => {
    const button = page.locator(`button[aria-label="${label}"]`);
    await button.focus();
    await page.keyboard.press('Enter');
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /^Delete the answers now\?/);
    await page.keyboard.press('Enter');
  };
  await press('Delete answers of the route faq');
  await page.waitForSelector('[aria-live] >> text="Deleted answers: 3"');
  assert.equal((await stored('faq')).answers, 0);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Delete answers of the route faq');
  await askNew('words:20 one');
  await askNew('words:5 four', OTHER);
  await press('Delete all answers of all routes');
  await page.waitForSelector('[aria-live] >> text="Deleted answers: 2"');
  assert.equal((await stored('faq')).answers, 0);
});

test('a route whose cache is off keeps the figures of its calls, and a reader deletes nothing', async () => {
  const changed = await send('PUT', '/admin/routes/faq', OWNER, { route: { models: [MODEL] } }, { 'if-match': '*' });
  assert.equal(changed.status, 200);
  await page.click('text=Sign out');
  await page.waitForSelector('#token');
  await signIn(page, edge.origin, READER);
  await until(async () => (await stored('faq')) === undefined);
  await open('cache', '?range=24h');
  const [[route, lifetime, answers, , , cached]] = await cells('tbody');
  assert.deepEqual([route, lifetime, answers], ['faq', 'off', '0']);
  assert.match(cached, /^[5-9] \(/);
  assert.deepEqual(await page.$$eval('.region button', (all) => all.map(({ textContent }) => textContent)), ['Download as CSV']);
  await context.clearCookies();
});

test('nothing went wrong on the pages, under their Content-Security-Policy', () => assert.deepEqual(complaints, []));
