// The dashboard's page of experiments: an admin tries a cheaper variant on samples of calls, and applies it to a part of the calls.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { LOOKS, checkLook, signIn, startDashboard } from '../support/dashboard.mjs';
import { CLIENT_KEY, clientKey } from '../support/edge.mjs';

const [OWNER, READER, SECRET] = ['owner', 'reader', 'samples'].map((name) => `${name}-0123456789-0123456789-0123456789`);
const [FIRST, CHEAPER, WORSE] = ['openai/gpt-4o', 'openai/gpt-4o-mini', 'meta-llama/llama-3.3-70b-instruct'];
const SAMPLES = 22;

let edge, emulator, context, page, complaints, open, stop;

before(async () => {
  ({ edge, emulator, context, page, complaints, open, stop } = await startDashboard({
    failsoft: (emulator) => ({ upstream: { url: emulator.baseURL, dialect: 'openrouter' }, keys: [clientKey()], admins: [{ name: 'reader', token: 'READER_TOKEN', scopes: ['read'] }] }),
    secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER, SAMPLES_SECRET: SECRET },
  }));
  await signIn(page, edge.origin, OWNER);
});

after(() => stop?.());

const post = (path, key, body) => fetch(edge.origin + path, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
const admin = async (path) => (await fetch(`${edge.origin}/admin/${path}`, { headers: { authorization: `Bearer ${OWNER}` } })).json();

/** Begins an experiment with the form, and follows it to its end; with `leaves`, on another page meanwhile. */
async function tryModel(model, { leaves = false } = {}) {
  await open('cheaper');
  await page.fill('[name=value]', model);
  await page.fill('[name=judge]', 'rule/judge');
  await page.fill('[name=samples]', '20');
  await page.fill('[name=margin]', '25');
  await page.keyboard.press('Enter');
  await page.waitForSelector('h2:has-text("Experiment: ")');
  if (leaves) {
    const [{ id }] = (await admin('routes/chat/experiments')).data;
    await open('audit');
    while ((await admin(`routes/chat/experiments/${id}`)).state !== 'done') await new Promise((resolve) => setTimeout(resolve, 100));
    await open(`cheaper?name=chat&experiment=${id}`);
  }
  await page.waitForSelector('h2:text-is("Experiment: done")');
}

test('without samples the page says how to get some', async () => {
  await open('cheaper');
  await page.waitForSelector('text=No samples yet');
  for (const look of LOOKS) {
    await page.setViewportSize(look.viewport);
    await checkLook(page, look, 'cheaper-empty');
  }
  await page.setViewportSize(LOOKS[0].viewport);
});

test('the page follows an experiment, which goes on without it, and shows what it has found', async () => {
  assert.equal((await post('/admin/routes', OWNER, { name: 'chat', route: { models: [FIRST], sampling: { percent: 100 } } })).status, 201);
  for (let at = 0; at < SAMPLES; at += 1) {
    const answer = await post('/v1/chat/completions', CLIENT_KEY, { model: 'route/chat', max_tokens: 100, messages: [{ role: 'user', content: `<b>Question</b> ${at}` }] });
    assert.equal(answer.status, 200, await answer.text());
  }
  while ((await admin('samples')).data[0]?.samples !== SAMPLES) await new Promise((resolve) => setTimeout(resolve, 100));
  await tryModel(WORSE);
  assert.match(await page.textContent('main'), /Not recommended/);
  await tryModel(CHEAPER, { leaves: true });
  const text = await page.textContent('main');
  assert.match(text, /Recommended: the variant saves/);
  assert.match(text, /0 better, 20 equal, 0 worse/);
  assert.match(text, /Intervals of 97\.5 %, because 2 variants were compared/);
  const [{ id }] = (await admin('routes/chat/experiments')).data;
  const shown = await admin(`routes/chat/experiments/${id}`);
  assert.equal(await page.getAttribute('progress', 'value'), '20');
  assert.ok(shown.result.recommended && text.includes('94 %'), String(shown.result.savings.part));
});

for (const look of LOOKS) {
  test(`the page fits, and axe-core finds nothing, on ${look.name}`, async () => {
    const [{ id }] = (await admin('routes/chat/experiments')).data;
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    for (const [name, hash] of [['cheaper', 'cheaper'], ['experiment', `cheaper?name=chat&experiment=${id}`]]) {
      await open(hash);
      if (name === 'experiment') await page.click('summary');
      await checkLook(page, look, name);
      assert.equal(await page.locator('main img, main b, main script').count(), 0);
    }
  });
}

test('the variant is applied to a part of the calls by keyboard', async () => {
  await page.setViewportSize(LOOKS[0].viewport);
  await page.focus('form[aria-label="Apply it"] [name=percent]');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('25');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=25 % of the calls get version 2');
  const route = await admin('routes/chat');
  assert.deepEqual([route.version, route.split.version, route.split.percent], [1, 2, 25]);
  assert.deepEqual((await admin('routes/chat/versions/2')).route.models, [CHEAPER]);
});

test('an experiment is stopped after a second press', async () => {
  await emulator.hold();
  const { id } = await (await post('/admin/routes/chat/experiments', OWNER, { models: [CHEAPER], judge: { model: 'rule/judge' }, samples: 20, margin: 25 })).json();
  await open(`cheaper?name=chat&experiment=${id}`);
  await page.waitForSelector('h2:text-is("Experiment: tests the judge")');
  await page.click('main button:text-is("Stop")');
  await page.click('text=Stop the experiment now?');
  await page.waitForSelector('h2:text-is("Experiment: stopped: by an admin")');
  await page.waitForSelector('main button:text-is("Stop")', { state: 'hidden' });
  await emulator.release();
  assert.equal((await admin(`routes/chat/experiments/${id}`)).state, 'stopped');
  await fetch(`${edge.origin}/admin/routes/chat/experiments/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${OWNER}` } });
});

test('samples and experiments are deleted after a second press, and a reader deletes nothing', async () => {
  await open('cheaper?name=chat');
  await page.click('tbody a');
  await page.click('main button:text-is("Delete")');
  await page.click('text=Delete the experiment now?');
  await page.waitForSelector('h1:text-is("Cheaper")');
  await page.waitForSelector('h2:has-text("Samples")');
  assert.equal((await admin('routes/chat/experiments')).data.length, 1);
  await page.fill('[name=account]', 'key:nobody');
  await page.keyboard.press('Enter');
  // The form is empty when the page has been drawn again.
  await page.waitForFunction(() => document.querySelector('[name=account]')?.value === '');
  assert.equal((await admin('samples')).data[0].samples, SAMPLES);
  await page.click('main button:text-is("Delete")');
  await page.click('text=Delete the samples now?');
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('Delete the samples now'));
  assert.deepEqual((await admin('samples')).data, []);
  await page.click('text=Sign out');
  await page.waitForSelector('#token');
  await signIn(page, edge.origin, READER);
  await open('cheaper?name=chat');
  assert.deepEqual(await page.$$eval('main button', (all) => all.map(({ textContent }) => textContent)), []);
  await context.clearCookies();
});

test('nothing went wrong on the pages, under their Content-Security-Policy', () => assert.deepEqual(complaints, []));
