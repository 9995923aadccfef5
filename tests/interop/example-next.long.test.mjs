// The example for Next.js in Chromium. Its packages and its build take a minute.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { launch } from '../support/chromium.mjs';
import { freePort } from '../support/edge.mjs';
import { QUIET, commandsFor, createRepository, runAll } from '../support/examples.mjs';
import { start } from '../support/process.mjs';

const FOLDER = 'www/examples/next';

let browser, repository, server, origin;

before(async () => {
  [browser, repository] = await Promise.all([launch(), createRepository()]);
  const list = await commandsFor(FOLDER);
  const [command, ...args] = list.pop().split(' ');
  await runAll(['npm pack ./pkg', ...list], repository.root);
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const env = { ...process.env, ...QUIET };
  server = await start(command, [...args, '--', '-H', '127.0.0.1', '-p', String(port)], { ready: /Ready/, group: true, cwd: join(repository.root, FOLDER), env });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await repository?.remove();
});

test('next: the page shows the answer of the next model, which a route streams', async () => {
  const page = await browser.newPage();
  const responses = [];
  page.on('response', (response) => response.url().endsWith('/api/chat') && responses.push(response.headers()['content-type']));
  await page.goto(origin);
  const input = page.getByLabel('Your message');
  await input.fill('Hello!');
  await input.press('Enter');
  await page.locator('.assistant').filter({ hasText: 'openai/gpt-4o says: Hello!' }).waitFor();
  assert.match(responses[0], /^text\/event-stream/);
  await page.close();
});
