// The package in projects of bundlers without configuration: in one file, and with its WebAssembly in a separate one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE, ROOT, start, startEmulator } from '../support/process.mjs';

const VITE = join(ROOT, 'tests/node_modules/vite/bin/vite.js');
const run = promisify(execFile);

let browser, emulator, tarball, folder;

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'failsoft-bundlers-')));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: PACKAGE });
  tarball = join(folder, JSON.parse(stdout)[0].filename);
  [browser, emulator] = await Promise.all([launch(), startEmulator()]);
});
after(async () => {
  await browser?.close();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A folder whose page imports `entry`. */
async function createProject(entry) {
  const project = await mkdtemp(join(folder, 'project-'));
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  await writeFile(join(project, 'index.html'), '<!doctype html><title>test</title><script type="module" src="/main.js"></script>');
  await writeFile(join(project, 'main.js'), `import { chat } from '${entry}';\nglobalThis.chat = chat;\n`);
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', '--loglevel=error', tarball], { cwd: project });
  return project;
}

/** The answer that a page gets from a model; `open` loads the page. */
async function answerIn(open) {
  const page = await browser.newPage();
  try {
    await open(page);
    await page.waitForFunction(() => globalThis.chat);
    return await page.evaluate(async (baseURL) => {
      const data = await chat([{ role: 'user', content: 'Hello?' }], { baseURL, apiKey: 'client-key', model: 'openai/gpt-4o' });
      return data.choices[0].message.content;
    }, emulator.baseURL);
  } finally {
    await page.close();
  }
}

/** Serves the project with Vite's `command`, and returns the answer that its page gets. */
async function answerUnder(command, project) {
  const args = [VITE, ...command, '--host', '127.0.0.1', '--port', '0', '--strictPort'];
  const env = { ...process.env, NO_COLOR: '1' };
  const { match, stop } = await start(process.execPath, args, { ready: /Local:\s+(\S+)/, cwd: project, env });
  return answerIn((page) => page.goto(match[1])).finally(stop);
}

for (const entry of ['failsoft', 'failsoft/slim']) {
  test(`${entry}: a page of Vite gets an answer, on the development server and built`, async () => {
    const project = await createProject(entry);
    assert.equal(await answerUnder([], project), 'openai/gpt-4o says: Hello?');
    await run(process.execPath, [VITE, 'build'], { cwd: project });
    assert.equal(await answerUnder(['preview'], project), 'openai/gpt-4o says: Hello?');
  });

  test(`${entry}: a page of esbuild gets an answer`, async () => {
    const project = await createProject(entry);
    const outdir = join(project, 'dist');
    await build({ entryPoints: [join(project, 'main.js')], outdir, bundle: true, format: 'esm', logLevel: 'error' });
    // esbuild does not know files that a script names with `new URL`.
    if (entry === 'failsoft/slim') await copyFile(join(project, 'node_modules/failsoft/failsoft_bg.wasm'), join(outdir, 'failsoft_bg.wasm'));
    const server = await serve(outdir);
    const open = async (page) => {
      await page.goto(server.origin);
      await page.evaluate(() => import('/package/main.js'));
    };
    assert.equal(await answerIn(open).finally(server.stop), 'openai/gpt-4o says: Hello?');
  });
}
