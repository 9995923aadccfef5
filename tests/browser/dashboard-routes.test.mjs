// Routes in the dashboard: an admin makes, changes, compares, splits and rolls back a route by keyboard and mouse, and the edge has
// what the page shows.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { LOOKS, checkLook, signIn, startDashboard, violations } from '../support/dashboard.mjs';

const [OWNER, READER] = ['owner', 'reader'].map((name) => `${name}-0123456789-0123456789-0123456789`);
const [FIRST, SECOND] = ['openai/gpt-4o', 'openai/gpt-4o-mini'];
const HOSTILE = '<img src=x onerror="document.title=1"> \'; DROP TABLE routes; --';

let emulator, edge, context, page, complaints, open, stop;

before(async () => {
  ({ emulator, edge, context, page, complaints, open, stop } = await startDashboard({
    failsoft: (emulator) => ({ upstream: { url: emulator.baseURL, dialect: 'openrouter' }, routes: { seed: { models: [SECOND] } }, admins: [{ name: 'reader', token: 'READER_TOKEN', scopes: ['read'] }] }),
    secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER },
  }));
  await signIn(page, edge.origin, OWNER);
});

after(() => stop?.());

async function admin(method, path, body, headers) {
  const answer = await fetch(`${edge.origin}/admin/routes${path}`, { method, headers: { authorization: `Bearer ${OWNER}`, ...headers }, body: body && JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}
const stored = async (name) => (await admin('GET', `/${name}`)).json;
const models = () => page.$$eval('.models .id', (all) => all.map(({ textContent }) => textContent));
const text = async () => JSON.parse(await page.inputValue('[name=route]'));
const shows = (found) => page.waitForSelector(`main >> text=${found}`);

/** Presses a button whose second press acts. */
async function pressTwice(label, question) {
  const button = page.locator('main button', { hasText: label }).first();
  await button.click();
  await page.locator('main button', { hasText: question }).click();
}

test('a route is made by keyboard, with a list of models that can be sorted', async () => {
  await open('routes');
  await page.focus('text=Make a route');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[name=name]');
  await page.fill('[name=name]', 'chat');
  for (const model of [SECOND, FIRST]) {
    await page.focus('[placeholder="openai/gpt-4o-mini"]');
    await page.keyboard.type(model);
    await page.keyboard.press('Enter');
  }
  await page.focus(`[aria-label="Move ${FIRST} up"]`);
  await page.keyboard.press('Enter');
  assert.deepEqual(await models(), [FIRST, SECOND]);
  assert.deepEqual(await text(), { models: [FIRST, SECOND] });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), `Move ${FIRST} down`);
  await page.fill('[name=note]', HOSTILE);
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:has-text("Route chat")');
  await shows('Version 1');
  const { version, route, changedBy } = await stored('chat');
  assert.deepEqual([version, route, changedBy], [1, { models: [FIRST, SECOND] }, 'ADMIN_TOKEN']);
});

test('a route with a wrong field, a wrong model or no JSON is not stored, and the page says why', async () => {
  await open('route?name=chat');
  const save = (route) => page.fill('[name=route]', route).then(() => page.click('text=Save as the next version'));
  await save('{"models": [');
  await shows('This is not JSON');
  assert.deepEqual(await models(), []);
  await save('[]');
  await shows('A route is a JSON object');
  await save(JSON.stringify({ models: [FIRST], modls: [] }));
  await page.waitForSelector('.notice code:has-text("route.modls")');
  await save(JSON.stringify({ models: ['openai/gpt-4o-mni', HOSTILE] }));
  await shows('did you mean openai/gpt-4o-mini?');
  assert.deepEqual(await models(), ['openai/gpt-4o-mni', HOSTILE]);
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.deepEqual(await violations(page), []);
  assert.equal((await stored('chat')).version, 1);
  await page.click('text=Save in spite of this');
  await page.waitForSelector('h2:has-text("Version 2")');
  await page.click(`[aria-label="Remove openai/gpt-4o-mni"]`);
  assert.deepEqual((await text()).models, [HOSTILE]);
});

test('a change that somebody else has overtaken is not stored', async () => {
  await open('route?name=chat');
  const made = await admin('PUT', '/chat', { route: { models: [SECOND], policy: { attempts: 2 } }, note: 'by somebody else' }, { 'if-match': '*' });
  assert.equal(made.status, 200);
  await page.fill('[name=route]', JSON.stringify({ models: [FIRST] }));
  await page.click('text=Save as the next version');
  await shows('somebody has changed this route');
  assert.deepEqual((await stored('chat')).route, made.json.route);
});

test('two versions are compared, and one press more rolls back', async () => {
  await open('route?name=chat');
  await page.selectOption('form[aria-label="Show what differs"] [name=from]', '1');
  await page.selectOption('form[aria-label="Show what differs"] [name=to]', '3');
  await page.click('button:has-text("Show what differs")');
  const rows = page.locator('section:has(h2:text-is("What differs")) tbody tr');
  await rows.first().waitFor();
  assert.deepEqual(await rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent))), [
    ['models', JSON.stringify([FIRST, SECOND]), JSON.stringify([SECOND])], ['policy.attempts', '–', '2'],
  ]);
  const back = page.locator('tr', { has: page.locator('th:text-is("1")') }).locator('button');
  await back.click();
  assert.equal((await stored('chat')).version, 3, 'the first press asks');
  assert.match(await back.getAttribute('aria-label'), /^All calls to version 1\? of the route chat$/);
  await back.click();
  await page.waitForSelector('h2:has-text("Version 1")');
  assert.equal((await stored('chat')).version, 1);
});

test('a split is begun, changed, compared and ended', async () => {
  await open('route?name=chat');
  const form = page.locator('form[aria-label="Split"]');
  await form.locator('[name=version]').selectOption('3');
  await form.locator('[name=percent]').fill('10');
  await form.locator('[name=by]').selectOption('user');
  await form.locator('button').click();
  await shows('10 % of the calls get version 3');
  const { split } = await stored('chat');
  assert.deepEqual([split.version, split.percent, split.by], [3, 10, 'user']);
  await page.waitForSelector('table:has-text("Fallback rate")');
  await page.fill('form[aria-label="Split"] [name=percent]', '12.5');
  await page.keyboard.press('Enter');
  await shows('12.5 % of the calls get version 3');
  await pressTwice('Take version 3', 'All calls to version 3?');
  await shows('All calls get version 3.');
  const now = await stored('chat');
  assert.deepEqual([now.version, now.split], [3, null]);
  await page.fill('[name=route]', JSON.stringify({ models: [SECOND] }));
  await page.fill('form.part [name=percent]', '5');
  await page.click('text=Save as the next version');
  await shows('5 % of the calls get version 4');
  await pressTwice('End the split', 'All calls to version 3?');
  await shows('All calls get version 3.');
});

test('a dry run shows its steps, and sends nothing', async () => {
  await open('route?name=chat');
  await emulator.clear();
  await page.click('text=Try without sending');
  await page.waitForSelector('.timeline');
  const steps = await page.$$eval('.timeline li strong', (all) => all.map(({ textContent }) => textContent));
  assert.deepEqual(steps, ['Version 3 is chosen', 'Held', SECOND]);
  await page.fill('[name=request]', '{"messages": []}');
  await page.click('text=Try without sending');
  await page.waitForSelector('.timeline .trouble');
  await page.fill('[name=request]', '{');
  await page.click('text=Try without sending');
  await shows('This is not JSON');
  assert.deepEqual((await emulator.log()).filter(({ path }) => path?.includes('completions')), []);
});

for (const look of LOOKS) {
  test(`the pages of routes fit, and axe-core finds nothing, on ${look.name}`, async () => {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    for (const [name, hash] of [['routes', 'routes'], ['route-new', 'route'], ['route-deployed', 'route?name=seed'], ['route', 'route?name=chat']]) {
      await open(hash);
      if (name === 'route') {
        for (const button of ['Try without sending', 'Show what differs', 'Compare']) await page.click(`main button:text-is("${button}")`);
        await page.waitForSelector('.timeline');
        await page.waitForSelector('table:has-text("Fallback rate")');
      }
      await checkLook(page, look, name);
      assert.equal(await page.locator('main img, main script').count(), 0);
    }
  });
}

test('an admin without the scope routes sees everything and changes nothing', async () => {
  await page.click('text=Sign out');
  await page.waitForSelector('#token');
  await signIn(page, edge.origin, READER);
  await open('route?name=chat');
  await shows('it needs the scope routes');
  assert.equal(await page.getAttribute('[name=route]', 'readonly'), '');
  const buttons = await page.$$eval('main button', (all) => all.map(({ textContent }) => textContent));
  assert.deepEqual(buttons, ['Show what differs', 'Compare', 'Try without sending']);
  await open('routes');
  assert.equal(await page.locator('text=Make a route').count(), 0);
  await context.clearCookies();
  await signIn(page, edge.origin, OWNER);
});

test('a route is deleted after a second press', async () => {
  await open('route?name=chat');
  await pressTwice('Delete', 'Delete the route now?');
  await page.waitForSelector('h1:text-is("Routes")');
  assert.equal((await admin('GET', '/chat')).status, 404);
});

test('nothing went wrong on the pages, under their Content-Security-Policy', () => {
  assert.deepEqual(complaints.filter((text) => !/status of 4(00|12)/.test(text)), []);
});
