// The dashboard in Chromium, over a day of 10,000 calls: every page by keyboard, on a phone and on a desktop, in light and in dark,
// without a violation that axe-core finds. Every figure equals the one that is computed from the rows.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { LOOKS, checkLook, ready as isReady, startDashboard, violations as findViolations } from '../support/dashboard.mjs';
import { WORKER, startWrangler } from '../support/edge.mjs';
import { countRows, percentile, select, values } from '../support/figures.mjs';
import { HOSTILE, dayOfCalls, writeToFile } from '../support/ledger.mjs';
import { generator } from '../support/random.mjs';
import { count, percent, usd } from '../../www/dashboard/format.js';

const ADMIN = 'admin-0123456789-0123456789-0123456789';
const DAY = 86_400_000;
const PAGES = ['overview', 'features', 'models', 'upstreams', 'users', 'routes', 'keys', 'budgets', 'breakers', 'alerts', 'audit', 'calls', 'cheaper', 'cache', 'start'];

let edge, browser, context, page, complaints, open, stop;
const now = Date.now();
const rows = dayOfCalls(generator(7), { calls: 10_000, from: now - DAY, to: now - 60_000 });

before(async () => {
  ({ edge, browser, context, page, complaints, open, stop } = await startDashboard({
    failsoft: (emulator) => ({
      upstream: { url: emulator.baseURL, dialect: 'openrouter' },
      routes: { chat: { models: ['openai/gpt-4o', 'openai/gpt-4o-mini'], budget: { usd: { day: 50 } } } },
      budget: { usd: { day: 100 } },
    }),
    secrets: { ADMIN_TOKEN: ADMIN },
    seed: (file) => writeToFile(file, rows),
  }));
});

after(() => stop?.());

const ready = () => isReady(page);
const violations = () => findViolations(page);

test('an admin signs in by keyboard, and scripts do not see the session', async () => {
  await page.goto(`${edge.origin}/dashboard/`);
  await page.waitForSelector('#token:focus');
  assert.deepEqual(await violations(), []);
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]:not([hidden])');
  await page.fill('#token', '');
  await page.keyboard.type(ADMIN);
  await page.keyboard.press('Enter');
  await ready();
  assert.equal(await page.textContent('h1'), 'Overview');
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ['failsoft-admin', true, 'Strict']);
  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.ok(!(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).includes(ADMIN));
});

test('the figures of the overview equal those of the rows', async () => {
  await open('overview', '?range=24h');
  const range = await page.evaluate(() => JSON.parse(performance.getEntriesByType('resource').filter(({ name }) => name.includes('/admin/overview') && name.includes('at=')).slice(-1).map(({ name }) => JSON.stringify(Object.fromEntries(new URL(name).searchParams)))[0]));
  const some = select(rows, { from: Number(range.from), to: Number(range.to) });
  const expected = countRows(some);
  const answered = expected.calls - expected.failed - expected.aborted;
  const shown = (name) => page.textContent(`[data-figure="${name}"]`);
  assert.ok(expected.calls > 9_000);
  assert.equal(await shown('Spend'), usd(expected.usd));
  assert.equal(await shown('Calls'), count(expected.calls));
  assert.equal(await shown('Fallback rate'), percent(expected.fallbacks, answered));
  assert.equal(await shown('Errors'), percent(expected.failed, expected.calls));
  const milliseconds = async (name) => {
    const text = await shown(name);
    return parseFloat(text.replace(',', '')) * (text.endsWith('ms') ? 1 : 1_000);
  };
  for (const [name, measure] of [['First token', 'call_first_token'], ['Whole call', 'call_duration']]) {
    const exact = percentile(values(some, measure), 50);
    assert.ok(Math.abs((await milliseconds(name)) - exact) <= 0.06 * exact, `${name}: ${exact}, shown ${await shown(name)}`);
  }
  // The table below a chart adds up to the figure above it.
  await page.locator('details:has-text("The figures as a table")').last().locator('summary').click();
  const calls = await page.$$eval('details[data-part="table of Calls"] tbody tr', (list) => list.map((row) => Number(row.children[1].textContent.replaceAll(',', ''))));
  assert.equal(calls.reduce((sum, each) => sum + each, 0), expected.calls);
});

for (const [name, of] of [['features', 'feature'], ['models', 'model'], ['routes', 'route'], ['upstreams', 'upstream']]) {
  test(`the page of ${name} has a row for each, and the rows add up`, async () => {
    await open(name, '?range=24h');
    const figures = page.locator('.region table').first();
    const list = await figures.locator('tbody tr').evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
    const value = { feature: (row) => row.feature ?? 'none', model: (row) => row.model ?? row.asked[0], route: (row) => row.route ?? 'none', upstream: (row) => row.upstream }[of];
    const attempts = of === 'model' || of === 'upstream';
    const { from } = Object.fromEntries(new URL(await page.evaluate(() => performance.getEntriesByType('resource').filter(({ name: url }) => url.includes('/admin/usage')).at(-1).name)).searchParams);
    const some = rows.filter(({ at }) => at >= Number(from));
    assert.deepEqual(list.map(([title]) => title).sort(), [...new Set(some.map(value))].sort());
    for (const [title, spend, , number] of list) {
      const own = countRows(some.filter((row) => value(row) === title));
      assert.deepEqual([spend, number], [usd(own.usd), count(attempts ? own.attempts : own.calls)], title);
    }
    const whole = countRows(some);
    const footer = await figures.locator('tfoot tr > *').evaluateAll((cells) => cells.map((cell) => cell.textContent));
    assert.deepEqual([footer[1], footer[3]], [usd(whole.usd), count(attempts ? whole.attempts : whole.calls)]);
  });
}

test('names with HTML and SQL are text on every page, and a call shows its attempts on one axis', async () => {
  for (const name of PAGES) {
    await open(name, '?range=24h');
    assert.equal(await page.locator('main img, main script, main b').count(), 0, name);
    assert.match(await page.title(), / · failsoft$/);
  }
  await open('features', '?range=24h');
  assert.ok((await page.textContent('main')).includes(HOSTILE.feature));
  await open('calls', '?range=24h&ended=fallback');
  await page.locator('.call summary').first().click();
  assert.ok((await page.locator('.call[open] .attempts li').count()) >= 2);
  const [first, second] = await page.$$eval('.call[open] .line .wait', (pieces) => pieces.map((piece) => piece.getBoundingClientRect().left));
  assert.ok(second > first);
});

test('while the figures may lack rows, each page that has them says so once, also where there is nothing to show', async () => {
  const pattern = /\/admin\/(overview|usage)/;
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), missing: 1_234 } });
  });
  const notices = () => page.locator('.region .notice', { hasText: 'not complete' }).allTextContents();
  const notice = 'These figures are not complete: the edge still adds older attempts to them, up to 1,234.';
  const withFigures = ['overview', 'features', 'models', 'upstreams', 'users', 'routes', 'keys', 'cache'];
  try {
    for (const name of PAGES) {
      await open(name, '?range=24h');
      assert.deepEqual(await notices(), withFigures.includes(name) ? [notice] : [], name);
    }
    for (const name of ['overview', 'features', 'users']) {
      await open(name, '?range=24h&client=nobody');
      assert.equal(await page.locator('.region table').count(), 0, name);
      assert.deepEqual(await notices(), [notice], name);
    }
  } finally {
    await page.unroute(pattern);
  }
  await open('overview', '?range=24h');
  assert.deepEqual(await notices(), []);
});

for (const look of LOOKS) {
  test(`every page fits, and axe-core finds nothing, on ${look.name}`, async () => {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    for (const name of PAGES) {
      await open(name, '?range=24h');
      if (name === 'calls') await page.locator('.call summary').first().click();
      await page.waitForTimeout(50);
      await checkLook(page, look, name);
    }
  });
}

/** A page whose clock stands still after `open`, so that no figure is renewed before the test lets the time pass. */
async function openStill(t) {
  // A clock belongs to a whole context, so this page has one of its own. It has a session of its own, too: when time passes, it gets
  // another id, and one that it shared would soon end in the other context.
  const own = await browser.newContext();
  t.after(() => own.close());
  assert.equal((await own.request.post(`${edge.origin}/admin/session`, { headers: { authorization: `Bearer ${ADMIN}` } })).status(), 201);
  const still = await own.newPage();
  await still.setViewportSize(LOOKS[0].viewport);
  await still.clock.install({ time: now });
  await still.clock.pauseAt(now + 1_000);
  const show = async (name) => {
    await still.goto(`${edge.origin}/dashboard/#/${name}?range=24h`);
    await still.reload();
    await isReady(still);
  };
  return { still, show };
}

test('every page is reached and used by keyboard alone', async (t) => {
  const { still, show } = await openStill(t);
  for (const name of PAGES) {
    await show(name);
    const expected = await still.$$eval('a[href], button:not(:disabled), input, select, summary, [tabindex="0"]', (list) => list.filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest('details:not([open]) > :not(summary)')).length);
    const reached = new Set();
    for (let at = 0; at < expected; at += 1) {
      await still.keyboard.press('Tab');
      const found = await still.evaluate(() => {
        const each = document.activeElement;
        globalThis.places ??= new Map();
        if (!globalThis.places.has(each)) globalThis.places.set(each, globalThis.places.size);
        const { outlineStyle, outlineWidth } = getComputedStyle(each);
        return { place: globalThis.places.get(each), seen: each !== document.body && outlineStyle !== 'none' && outlineWidth !== '0px' };
      });
      assert.ok(found.seen, `${name}: the focus is not visible`);
      reached.add(found.place);
    }
    assert.equal(reached.size, expected, name);
  }
  await show('overview');
  await still.focus('nav.pages a[href*="models"]');
  await still.keyboard.press('Enter');
  await isReady(still);
  assert.equal(await still.textContent('h1'), 'Models');
  assert.match(still.url(), /range=24h/);
});

test('new figures leave the focus where it is: on a table, a button, a summary and a link', async (t) => {
  const { still, show } = await openStill(t);
  await show('overview');
  await still.$$eval('.region details', (list) => list.forEach((each) => (each.open = true)));
  const places = await still.$$eval('.region :is(a[href], button, summary, .scroll)', (list) => list.filter((each) => each.checkVisibility()).map((each) => each.localName));
  assert.deepEqual([...new Set(places)].sort(), ['a', 'button', 'div', 'summary']);
  const focused = () => still.evaluate(() => {
    const each = document.activeElement;
    const name = (one) => `${one.localName} ${one.getAttribute('aria-label') ?? one.textContent}`;
    return [name(each), [...document.querySelectorAll('.region *')].filter((one) => name(one) === name(each)).indexOf(each)];
  });
  const all = await still.locator('.region :is(a[href], button, summary, .scroll)').count();
  for (let at = 0; at < all; at += 1) {
    await still.locator('.region :is(a[href], button, summary, .scroll)').nth(at).focus();
    const before = await focused();
    await still.evaluate(() => (document.querySelector('.region').firstElementChild.dataset.old = ''));
    // The quarter of an hour at which the range ends is another one then.
    await still.clock.fastForward(15 * 60_000);
    await still.waitForFunction(() => !document.querySelector('[data-old]'));
    assert.deepEqual(await focused(), before);
  }
});

test('a new figure appears by itself, and what is open stays open', async () => {
  await open('calls', '?range=24h');
  await page.locator('.call summary').first().click();
  const opened = await page.locator('.call[open]').getAttribute('data-part');
  const key = await page.evaluate(async () => {
    const { csrf } = await (await fetch('/admin/session')).json();
    const made = await fetch('/admin/keys', { method: 'POST', headers: { 'x-failsoft-csrf': csrf }, body: '{"name":"live"}' });
    return (await made.json()).key;
  });
  const body = JSON.stringify({ model: 'route/chat', messages: [{ role: 'user', content: 'words:3' }] });
  const answer = await fetch(`${edge.origin}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-feature': 'just now' }, body });
  assert.equal(answer.status, 200);
  await page.waitForSelector('.call:has-text("just now")');
  assert.equal(await page.locator('.call[open]').getAttribute('data-part'), opened);
});

test('a new secret of a key stays on the page while figures change, and a button says what its second press does', async () => {
  await open('keys');
  await page.click('summary:has-text("Make a key")');
  await page.fill('[name="name"]', 'rotated');
  await page.click('text=Make the key');
  await page.waitForSelector('tr:has-text("rotated")');
  const rotate = page.locator('tr:has-text("rotated") button').first();
  await rotate.click();
  assert.match(await rotate.getAttribute('aria-label'), /^Replace the secret now\?/);
  await rotate.click();
  await page.waitForSelector('text=The new secret of “rotated”');
  const secret = await page.textContent('.secret code');
  const body = JSON.stringify({ model: 'route/chat', messages: [{ role: 'user', content: 'words:3' }] });
  const answer = await fetch(`${edge.origin}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }, body });
  assert.equal(answer.status, 200);
  await page.waitForFunction(() => [...document.querySelectorAll('tr')].some((row) => row.textContent.includes('rotated') && row.lastElementChild.previousElementSibling.textContent === '1'));
  assert.equal(await page.textContent('.secret code'), secret);
});

test('the first steps lead from a key to an answer, and to code in five languages', async () => {
  await open('start');
  await page.click('text=Make a client key');
  await page.waitForSelector('.secret code');
  await page.click('text=Call the route');
  await page.waitForFunction(() => /answered:/.test(document.querySelector('.answer')?.textContent));
  for (const [language, line] of [['page', 'createClient'], ['curl', 'curl'], ['python', 'from openai import OpenAI'], ['swift', 'URLRequest'], ['kotlin', 'HttpRequest']]) {
    await page.selectOption('[data-part="language"]', language);
    const code = await page.textContent('.step:last-child pre');
    assert.ok(code.includes(line) && code.includes(edge.origin) && code.includes('route/chat'), language);
  }
});

test('an edge that is not set up says what is missing, and the page writes its configuration', async () => {
  const bare = await startWrangler({ failsoft: '{"routes":{"chat":{"models":[]}}}' });
  const other = await browser.newPage();
  try {
    await other.goto(`${bare.origin}/dashboard/`);
    await other.waitForSelector('.step');
    assert.match(await other.textContent('.step .notice'), /routes\.chat\.models/);
    await other.fill('[data-part="models"]', 'a/b, c/d');
    const written = JSON.parse(await other.textContent('.step pre'));
    assert.deepEqual(written.routes.chat.models, ['a/b', 'c/d']);
  } finally {
    await other.close();
    await bare.stop();
  }
});

test('the page weighs at most 200 KB with gzip, and asks no other host', async () => {
  const names = ['index.html', 'dashboard.js', 'dashboard.css', 'chart.css', '../theme.css', '../favicon.svg'];
  const files = await Promise.all(names.map((name) => readFile(join(WORKER, 'build/assets/dashboard', name))));
  const weight = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  assert.ok(weight <= 200_000, `${weight} bytes`);
  const hosts = await page.evaluate(() => [...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin))]);
  assert.deepEqual(hosts, [edge.origin]);
});

test('after a sign-out the page shows nothing', async () => {
  await open('overview');
  await page.click('text=Sign out');
  await page.waitForSelector('#token');
  assert.equal(await page.evaluate(async () => (await fetch('/admin/overview')).status), 401);
});

test('nothing went wrong on the pages, under their Content-Security-Policy', () => assert.deepEqual(complaints, []));
