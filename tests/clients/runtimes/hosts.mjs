// The runtimes that run here. Each gives a function that runs a check of program.mjs there, with an entry of the package.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { launch, serve } from '../../support/chromium.mjs';
import { startWorkerd } from '../../support/edge.mjs';
import { PACKAGE, ROOT } from '../../support/process.mjs';

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
const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker), (name = "network", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "program.mjs", esModule = embed "program.mjs"),
    (name = "failsoft.js", esModule = embed "failsoft.js"),
    (name = "failsoft_bg.wasm", wasm = embed "failsoft_bg.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  globalOutbound = "network",
);
`;

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
  const [page, worker] = await Promise.all([startPages(join(folder, 'page')), startWorker()]);
  return {
    node: program(process.execPath),
    bun: program(await programOf('@oven', 'bin/bun'), 'run'),
    deno: program(await programOf('@deno', 'deno'), 'run', '--allow-all', '--node-modules-dir=manual'),
    worker: worker.run,
    ...page.runs,
    element: page.element,
    stop: async () => {
      await Promise.all([page.stop(), worker.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWorker() {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-runtimes-worker-'));
  for (const [from, to] of [[join(PACKAGE, 'workerd.js'), 'failsoft.js'], [join(PACKAGE, 'failsoft_bg.wasm'), 'failsoft_bg.wasm'], [join(HERE, 'program.mjs'), 'program.mjs']]) await cp(from, join(folder, to));
  await writeFile(join(folder, 'worker.js'), WORKER);
  await writeFile(join(folder, 'config.capnp'), CONFIG);
  const { origin, stop } = await startWorkerd(['serve', join(folder, 'config.capnp')], {}, ['http'], folder);
  const run = async (_, name, baseURL) => {
    const response = await fetch(`${origin}/?${new URLSearchParams({ name, to: baseURL })}`);
    if (!response.ok) throw new Error(await response.text());
    return response.text();
  };
  return { run, stop };
}

/** The files of the entries in a page without a bundler. */
const FILES = { failsoft: 'index.js', 'failsoft/slim': 'slim.js' };

async function startPages(folder) {
  const [browser, server, reactNative] = await Promise.all([launch(), serve(folder), readFile(join(INSTALLED, 'whatwg-fetch/dist/fetch.umd.js'), 'utf8')]);
  const open = async (lacking) => {
    const page = await browser.newPage();
    // React Native's own `fetch`, in place of the browser's.
    if (lacking) await page.addInitScript(`for (const name of ${JSON.stringify(lacking)}) delete globalThis[name];\n${reactNative}`);
    await page.goto(server.origin);
    return page;
  };
  const inPage = (lacking) => async (entry, name, baseURL, meanwhile) => {
    const page = await open(lacking);
    try {
      const cell = page.evaluate(async ([file, name, baseURL]) => {
        const [failsoft, { run }] = await Promise.all([import(`/package/${file}`), import('/package/program.js')]);
        return run(failsoft, name, baseURL);
      }, [FILES[entry], name, baseURL]);
      await meanwhile?.(page);
      return await cell;
    } finally {
      await page.close();
    }
  };
  const element = async (baseURL) => {
    const page = await open();
    try {
      return await page.evaluate(async (baseURL) => {
        const [{ createClient }] = await Promise.all([import('/package/index.js'), import('/package/element.js')]);
        const chat = document.body.appendChild(document.createElement('failsoft-chat'));
        chat.client = createClient({ baseURL, apiKey: 'client-key', models: ['fault/unavailable', 'openai/gpt-4o'], policy: { retry: { base: 1 } } });
        await chat.chat.send('Hello!');
        return chat.shadowRoot.querySelector('[part~=assistant] [part=text]').textContent;
      }, baseURL);
    } finally {
      await page.close();
    }
  };
  const FETCH = ['fetch', 'Headers', 'Request', 'Response'];
  const stop = async () => {
    await browser.close();
    await server.stop();
  };
  return { runs: { chromium: inPage(), reactNative: inPage(FETCH), hermes: inPage([...FETCH, 'WebAssembly']) }, element, stop };
}
