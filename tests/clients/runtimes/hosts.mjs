// The runtimes that run here. Each gives a function that runs a check of program.mjs there, with an entry of the package.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { BROWSERS } from '../../support/browsers.mjs';
import { serve } from '../../support/chromium.mjs';
import { PACKAGE, ROOT } from '../../support/process.mjs';
import { startModules } from '../../support/workerd.mjs';

const exec = promisify(execFile);
const HERE = join(ROOT, 'tests/clients/runtimes');
const INSTALLED = join(HERE, 'node_modules');
const WORKER = `import * as failsoft from './failsoft.js';
import { run } from './program.mjs';
export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    if (!searchParams.has('name')) return new Response('ready');
    return run(failsoft, searchParams.get('name'), searchParams.get('to')).then((cell) => new Response(cell), (error) => new Response(error.stack, { status: 500 }));
  },
};`;

/** The program at `path` in the package of `scope` that npm installs for this machine. */
const programOf = async (scope, path) => join(INSTALLED, scope, (await readdir(join(INSTALLED, scope)))[0], path);

/** Starts everything. `stop` ends it. */
export async function startRuntimes() {
  if (!existsSync(INSTALLED)) await exec('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: HERE });
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-runtimes-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(PACKAGE, join(folder, 'node_modules/failsoft'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "dependencies": { "failsoft": "*" } }');
  for (const name of ['program.mjs', 'cli.mjs']) await cp(join(HERE, name), join(folder, name));
  await cp(PACKAGE, join(folder, 'page'), { recursive: true });
  await cp(join(HERE, 'program.mjs'), join(folder, 'page/program.js'));
  const program = (command, ...args) => async (entry, name, baseURL) => {
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' };
    return (await exec(command, [...args, join(folder, 'cli.mjs'), entry, name, baseURL], { cwd: folder, env })).stdout.trim();
  };
  const [pages, worker] = await Promise.all([startPages(join(folder, 'page')), startWorker()]);
  return {
    node: program(process.execPath),
    bun: program(await programOf('@oven', 'bin/bun'), 'run'),
    deno: program(await programOf('@deno', 'deno'), 'run', '--allow-all', '--node-modules-dir=manual'),
    worker: worker.run,
    ...pages.runs,
    element: pages.element,
    stop: async () => {
      await Promise.all([pages.stop(), worker.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWorker() {
  const files = { 'failsoft.js': join(PACKAGE, 'workerd.js'), 'failsoft_bg.wasm': join(PACKAGE, 'failsoft_bg.wasm'), 'program.mjs': join(HERE, 'program.mjs') };
  const { origin, stop } = await startModules(WORKER, files);
  const run = async (_, name, baseURL) => {
    const response = await fetch(`${origin}/?${new URLSearchParams({ name, to: baseURL })}`);
    if (!response.ok) throw new Error(await response.text());
    return response.text();
  };
  return { run, stop };
}

/** The files of the entries in a page without a bundler. */
const FILES = { failsoft: 'index.js', 'failsoft/slim': 'slim.js' };

/** The globals in whose place a page of React Native has its own. */
const FETCH = ['fetch', 'Headers', 'Request', 'Response'];

async function startPages(folder) {
  const [server, reactNative] = await Promise.all([serve(folder), readFile(join(INSTALLED, 'whatwg-fetch/dist/fetch.umd.js'), 'utf8')]);
  const started = Object.entries(BROWSERS).filter(([, { skip }]) => !skip).map(async ([name, { start }]) => [name, await start()]);
  const browsers = Object.fromEntries(await Promise.all(started));
  /** Gives an empty page of the browser `name` to `act`. Without the globals `lacking`, it has the `fetch` of React Native. */
  const inPage = async (name, act, lacking) => {
    const page = await browsers[name].newPage();
    try {
      if (lacking) await page.addInitScript(`for (const name of ${JSON.stringify(lacking)}) delete globalThis[name];\n${reactNative}`);
      await page.goto(server.origin);
      return await act(page);
    } finally {
      await page.close();
    }
  };
  const runner = (browser, lacking) => (entry, name, baseURL, meanwhile) => inPage(browser, async (page) => {
    const cell = page.evaluate(async ([file, name, baseURL]) => {
      const [failsoft, { run }] = await Promise.all([import(`/package/${file}`), import('/package/program.js')]);
      return run(failsoft, name, baseURL);
    }, [FILES[entry], name, baseURL]);
    await meanwhile?.(page);
    return cell;
  }, lacking);
  const element = (browser, baseURL) => inPage(browser, (page) => page.evaluate(async (baseURL) => {
    const [{ createClient }] = await Promise.all([import('/package/index.js'), import('/package/element.js')]);
    const chat = document.body.appendChild(document.createElement('failsoft-chat'));
    chat.client = createClient({ baseURL, apiKey: 'client-key', models: ['fault/unavailable', 'openai/gpt-4o'], policy: { retry: { base: 1 } } });
    await chat.chat.send('Hello!');
    return chat.shadowRoot.querySelector('[part~=assistant] [part=text]').textContent;
  }, baseURL));
  const stop = async () => {
    await Promise.all(Object.values(browsers).map((browser) => browser.close()));
    await server.stop();
  };
  const runs = Object.fromEntries(Object.keys(BROWSERS).map((name) => [name, runner(name)]));
  return { runs: { ...runs, reactNative: runner('chromium', FETCH), hermes: runner('chromium', [...FETCH, 'WebAssembly']) }, element, stop };
}
