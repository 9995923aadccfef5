// The package in a Vite project without configuration: built, and on the development server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { launch } from '../support/chromium.mjs';
import { PACKAGE, ROOT, start, startEmulator } from '../support/process.mjs';

const VITE = join(ROOT, 'tests/node_modules/vite/bin/vite.js');
const run = promisify(execFile);

let browser, emulator, project;

before(async () => {
  [browser, emulator, project] = await Promise.all([launch(), startEmulator(), createProject()]);
});
after(async () => {
  await browser?.close();
  await emulator?.stop();
  if (project) await rm(project, { recursive: true, force: true });
});

async function createProject() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'failsoft-vite-')));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>test</title><script type="module" src="/main.js"></script>');
  await writeFile(join(folder, 'main.js'), "import { chat } from 'failsoft';\nglobalThis.chat = chat;\n");
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: PACKAGE });
  const tarball = join(folder, JSON.parse(stdout)[0].filename);
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', '--loglevel=error', tarball], { cwd: folder });
  return folder;
}

/** Serves the project with Vite's `command`, and returns the answer that its page gets from a model. */
async function answerUnder(command) {
  const args = [VITE, ...command, '--host', '127.0.0.1', '--port', '0', '--strictPort'];
  const env = { ...process.env, NO_COLOR: '1' };
  const { match, stop } = await start(process.execPath, args, { ready: /Local:\s+(\S+)/, cwd: project, env });
  const page = await browser.newPage();
  try {
    await page.goto(match[1]);
    await page.waitForFunction(() => globalThis.chat);
    return await page.evaluate(async (baseURL) => {
      const data = await chat([{ role: 'user', content: 'Hello?' }], { baseURL, apiKey: 'client-key', model: 'openai/gpt-4o' });
      return data.choices[0].message.content;
    }, emulator.baseURL);
  } finally {
    await page.close();
    await stop();
  }
}

test('a page of the development server gets an answer', async () => {
  assert.equal(await answerUnder([]), 'openai/gpt-4o says: Hello?');
});

test('a page of the built project gets an answer', async () => {
  await run(process.execPath, [VITE, 'build'], { cwd: project });
  assert.equal(await answerUnder(['preview']), 'openai/gpt-4o says: Hello?');
});
