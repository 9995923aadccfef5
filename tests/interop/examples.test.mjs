// Every example of www/examples in Chromium: from a clean folder, with the packed package, by the commands of its README.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { launch } from '../support/chromium.mjs';
import { clientKey, freePort, startEdge } from '../support/edge.mjs';
import { QUIET, commandsFor, createRepository, runAll } from '../support/examples.mjs';
import { ROOT, start, startEmulator } from '../support/process.mjs';

const FOLDER = 'www/examples';
const TOKEN = 'fs_web_example';
const PAGES = ['react', 'svelte', 'vue', 'element', 'ai-sdk', 'react-native'];
const ANSWER = 'openai/gpt-4o says: Hello!';

let browser, emulator, edge, repository, preview, origin;

before(async () => {
  [browser, emulator, repository] = await Promise.all([launch(), startEmulator(), createRepository()]);
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const routes = { example: { models: ['fault/unavailable', 'openai/gpt-4o'] } };
  edge = await startEdge({ failsoft: { keys: [clientKey({}, TOKEN)], origins: [origin], routes, upstream: { url: emulator.baseURL, dialect: 'openrouter' } } });
  const [build, ...rest] = await commandsFor(FOLDER);
  // This is what built the package for these tests.
  assert.equal(build, 'cargo xtask build package');
  const serve = rest.pop();
  await runAll(rest, repository.root, { VITE_EDGE: edge.origin, VITE_TOKEN: TOKEN });
  const [command, ...args] = [...serve.split(' '), '--', '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
  const env = { ...process.env, ...QUIET, NO_COLOR: '1' };
  preview = await start(command, args, { ready: /Local:/, group: true, cwd: join(repository.root, FOLDER), env });
});
after(async () => {
  await browser?.close();
  await Promise.all([preview, edge, emulator].map((started) => started?.stop()));
  await repository?.remove();
});

/** Opens a page; an error that it does not catch fails the test. */
async function open(t, url, before = () => {}) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  t.after(async () => {
    await page.close();
    assert.deepEqual(errors, []);
  });
  await page.addInitScript(before);
  await page.goto(url);
  return page;
}

/** A phone's engine has no WebAssembly, and React Native brings its own `fetch`. */
function becomePhone() {
  for (const name of ['WebAssembly', 'fetch', 'Headers', 'Request', 'Response']) delete globalThis[name];
}

for (const name of PAGES) {
  test(`${name}: the page shows the answer of the next model`, async (t) => {
    const page = await open(t, `${origin}/${name}/`, name === 'react-native' ? becomePhone : undefined);
    const input = page.getByLabel('Your message');
    await input.fill('Hello!');
    await input.press('Enter');
    const answer = page.locator('.assistant, [part~=assistant]').filter({ hasText: ANSWER });
    await answer.waitFor();
    assert.match(await answer.textContent(), /openai\/gpt-4o.*openai\/gpt-4o says: Hello!/);
    assert.match(await page.title(), /^failsoft /);
  });
}

/** What a page of an example that serves gets; `command` starts it. */
async function answerOf(t, command, url, ready, env = {}) {
  const [program, ...args] = command.split(' ');
  const { stop } = await start(program, args, { ready, group: true, cwd: join(repository.root, FOLDER), env: { ...process.env, ...QUIET, ...env } });
  try {
    assert.equal((await fetch(url)).status, 400);
    const page = await open(t, `${url}/?q=Hello!`);
    return await page.locator('body').textContent();
  } finally {
    await stop();
  }
}

/** The command of the README that starts the example `name`. */
async function commandOf(name) {
  const text = await readFile(join(ROOT, FOLDER, 'README.md'), 'utf8');
  return new RegExp(`^\\| \\[${name}\\].*\`([^\`]+)\` \\|$`, 'm').exec(text)[1];
}

test('node: a page shows the answer of the next model', async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  assert.equal(await answerOf(t, await commandOf('node'), url, new RegExp(`^${url}$`), { PORT: String(port) }), ANSWER);
});

test('worker: a page shows the answer of the next model', async (t) => {
  const { dev } = JSON.parse(await readFile(join(ROOT, FOLDER, 'worker/wrangler.json'), 'utf8'));
  assert.equal(await answerOf(t, await commandOf('worker'), `http://${dev.ip}:${dev.port}`, /Ready on/), ANSWER);
});

test('each example has fewer than 60 lines, with the client that all share, and the README names each', async () => {
  const text = await readFile(join(ROOT, FOLDER, 'README.md'), 'utf8');
  const lines = async (path) => (await readFile(path, 'utf8')).split('\n').length - 1;
  const shared = await lines(join(ROOT, FOLDER, 'client.js'));
  const folders = (await readdir(join(ROOT, FOLDER), { withFileTypes: true })).filter((entry) => entry.isDirectory() && !/^(node_modules|dist)$/.test(entry.name));
  assert.deepEqual([...PAGES, 'node', 'worker', 'next'].sort(), folders.map(({ name }) => name).sort());
  for (const { name } of folders) {
    const files = (await readdir(join(ROOT, FOLDER, name), { recursive: true })).filter((file) => /\.(js|jsx|svelte|vue|html)$/.test(file) && !/node_modules|\.next/.test(file));
    const counts = await Promise.all(files.map((file) => lines(join(ROOT, FOLDER, name, file))));
    const total = counts.reduce((sum, count) => sum + count, name === 'next' ? 0 : shared);
    assert.ok(total < 60, `${name} has ${total} lines`);
    assert.ok(text.includes(`[${name}](${name}/`), name);
  }
});
