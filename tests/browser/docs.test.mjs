// The documentation as a reader meets it: the pages that the edge serves, their links, the search, a phone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { complaintsOf, launch } from '../support/chromium.mjs';
import { startWrangler } from '../support/edge.mjs';

let edge, browser, page, complaints;

before(async () => {
  edge = await startWrangler({ failsoft: { access: 'loopback' } });
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  complaints = complaintsOf(page);
});

after(async () => {
  await browser?.close();
  await edge?.stop();
});

const pageLinks = () => page.$$eval('.pages nav > ol > li > a', (links) => links.map((link) => link.href));

test('every link between pages leads to a page, and every anchor to a heading', async () => {
  await page.goto(`${edge.origin}/docs/`);
  const pages = await pageLinks();
  assert.ok(pages.length >= 10);
  for (const address of pages) {
    await page.goto(address);
    const links = await page.$$eval('a[href]', (found) => found.map((link) => link.href));
    for (const link of new Set(links.filter((href) => href.startsWith(edge.origin)))) {
      const { pathname, hash } = new URL(link);
      const response = await fetch(link);
      assert.equal(response.status, 200, `${address} links ${link}`);
      if (hash && pathname.startsWith('/docs/')) assert.match(await response.text(), new RegExp(`id="${hash.slice(1)}"`), `${address} links ${link}`);
      else await response.body.cancel();
    }
  }
});

test('the search finds a section, and the keyboard opens it', async () => {
  await page.goto(`${edge.origin}/docs/`);
  await page.keyboard.press('/');
  await page.keyboard.type('rotate managed key');
  await page.waitForSelector('#results a');
  assert.match(await page.textContent('#found'), /result/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/docs\/access#managed-keys$/);
});

test('the search says when there is nothing to find', async () => {
  await page.goto(`${edge.origin}/docs/`);
  await page.fill('#search', 'xylophone');
  await page.waitForSelector('#results .note');
  assert.match(await page.textContent('#results'), /Nothing found for “xylophone”/);
  await page.keyboard.press('Escape');
  assert.equal(await page.isVisible('#results'), false);
});

test('on a phone no page is wider than the screen, and the list of pages is folded', async () => {
  const phone = await browser.newPage({ viewport: { width: 360, height: 740 } });
  await page.goto(`${edge.origin}/docs/`);
  for (const address of [...(await pageLinks()), `${edge.origin}/`]) {
    await phone.goto(address);
    assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 360, address);
  }
  await phone.goto(`${edge.origin}/docs/lanes`);
  assert.equal(await phone.isVisible('.pages nav'), false);
  await phone.click('.pages summary');
  assert.equal(await phone.isVisible('.pages nav'), true);
  await phone.close();
});

test('in dark mode the text is lighter than the page', async () => {
  const dark = await browser.newPage({ colorScheme: 'dark' });
  await dark.goto(`${edge.origin}/docs/`);
  const [text, paper] = await dark.evaluate(() => {
    const { color, backgroundColor } = getComputedStyle(document.body);
    return [color, backgroundColor].map((value) => Number(/\d+/.exec(value)));
  });
  assert.ok(text > 200 && paper < 50, `${text} on ${paper}`);
  await dark.close();
});

test('without JavaScript every page has its text and its list of pages, and no search that does nothing', async () => {
  await page.goto(`${edge.origin}/docs/`);
  const addresses = await pageLinks();
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
  const reader = await plain.newPage();
  for (const address of addresses) {
    await reader.goto(address);
    assert.ok((await reader.locator('main').innerText()).length > 1_000, address);
  }
  assert.equal(await reader.locator('.pages nav > ol > li').count(), addresses.length);
  assert.deepEqual([await reader.isVisible('.pages nav'), await reader.isVisible('#search')], [true, false]);
  await plain.close();
});

test('no page calls another host, sets a cookie or stores anything about its reader', async () => {
  const context = await browser.newContext();
  const reader = await context.newPage();
  const others = [];
  reader.on('request', (request) => request.url().startsWith(edge.origin) || others.push(request.url()));
  await reader.goto(`${edge.origin}/docs/`);
  await reader.fill('#search', 'budget');
  await reader.waitForSelector('#results a');
  await reader.click('#results a');
  await reader.waitForSelector('main');
  const stored = await reader.evaluate(() => localStorage.length + sessionStorage.length);
  assert.deepEqual([others, await context.cookies(), stored], [[], [], 0]);
  await context.close();
});

test('the search finds an option and an error code by its name', async () => {
  for (const [query, address] of [['firstToken', '/docs/options#policytimeoutsfirsttoken'], ['token_expired', '/docs/errors#token_expired']]) {
    await page.goto(`${edge.origin}/docs/`);
    await page.fill('#search', query);
    await page.waitForSelector('#results a');
    const found = await page.$$eval('#results a', (links) => links.slice(0, 3).map((link) => new URL(link.href).pathname + new URL(link.href).hash));
    assert.ok(found.includes(address), `${query}: ${found}`);
  }
});

test('the playground and the documentation link each other', async () => {
  await page.goto(edge.origin);
  await page.click('a.guide');
  await page.waitForURL(`${edge.origin}/docs/`);
  await page.click('a.playground');
  await page.waitForURL(`${edge.origin}/`);
});

test('nothing went wrong on the pages, under their Content-Security-Policy', () => {
  assert.deepEqual(complaints, []);
});
