// `npm create failsoft-edge`: from the packed files to an edge that answers, in a clean folder and without Rust.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { readCommands } from '../newcomer/steps.mjs';
import { freePort } from '../support/edge.mjs';
import { ROOT, start, startEmulator } from '../support/process.mjs';
import { SCHEMA, schemaErrors } from '../support/schema.mjs';

const run = promisify(execFile);
const npm = { npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };

let folder, edge, key, packed;

/** The packed files of both packages. */
async function pack() {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder, join(ROOT, 'pkg-edge'), join(ROOT, 'pkg-create-edge')]);
  packed = Object.fromEntries(JSON.parse(stdout).map(({ name, files }) => [name, files.map(({ path }) => path).sort()]));
  return JSON.parse(stdout).map(({ filename }) => join(folder, filename));
}

/** What `npm create failsoft-edge` runs, from the packed file. */
const create = (tarball, ...args) => run('npm', ['exec', '--yes', `--package=${tarball}`, '--', 'create-failsoft-edge', ...args], { cwd: folder, env: { ...process.env, ...npm } });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failsoft-create-'));
  const [worker, creator] = await pack();
  const made = await create(creator, 'my-edge', '--upstream=openrouter', '--models=fault/unavailable, openai/gpt-4o', '--origins=https://app.example.com', `--edge=${worker}`);
  key = /client key of the edge is (\S+)/.exec(made.stdout)[1];
  edge = join(folder, 'my-edge');
  // wrangler is the one of these tests, so that nothing is downloaded.
  const manifest = JSON.parse(await readFile(join(edge, 'package.json'), 'utf8'));
  manifest.dependencies.wrangler = `file:${join(ROOT, 'tests/node_modules/wrangler')}`;
  await writeFile(join(edge, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--install-links=false', '--legacy-peer-deps'], { cwd: edge, env: { ...process.env, ...npm } });
});
after(() => rm(folder, { recursive: true, force: true }));

/** Runs a script of the folder until the edge is ready. */
async function serve(script, env = {}, ...args) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const given = { ...process.env, UPSTREAM_API_KEY: '', ...env };
  const { stop } = await start(process.execPath, [join(edge, 'node_modules/failsoft-edge/cli.js'), script, '--port', String(port), ...args], { ready: new RegExp(`^${origin}$`), cwd: edge, env: given });
  const call = (path, body) => fetch(`${origin}${path}`, { method: body ? 'POST' : 'GET', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, ...(body && { body: JSON.stringify(body) }) });
  return { origin, stop, call };
}

/** The status of the scheduler's route for a request with this `Host`, which `fetch` does not let a program choose. */
const statusFor = (host, origin) => new Promise((resolve, reject) => {
  get(`${origin}/cdn-cgi/local/scheduled`, { headers: { host } }, (response) => resolve(response.resume().statusCode)).once('error', reject);
});

/** The files that the packages of an edge have, besides those of the folders below. */
const OWN = {
  'create-failsoft-edge': ['LICENSE', 'cli.js', 'package.json', 'project.js'],
  'failsoft-edge': [
    'LICENSE', 'README.md', 'build/functions.txt', 'build/index.js', 'build/index_bg.wasm', 'cli.js', 'deploy.js', 'emulator.js',
    'entry.mjs', 'package.json', 'project.js', 'serve.js', 'testing.js', 'wrangler.json',
  ],
};
/** What the build makes of the dashboard, of the documentation and of the package for the pages. */
const DASHBOARD = ['chart.css', 'dashboard.css', 'dashboard.js', 'index.html', 'uplot-license.txt'];
const DOCUMENTATION = ['docs.css', 'docs.js', 'index.html', 'playground.png', 'search.json'];

test('from an empty folder to an answer, the documentation needs five commands, the call included', async () => {
  assert.equal((await readCommands()).length, 4);
});

test('the packages have exactly the files that they need', async () => {
  const names = async (path, keeps) => (await readdir(join(ROOT, path), { withFileTypes: true })).filter((entry) => entry.isFile() && keeps(entry.name)).map(({ name }) => name);
  const all = () => true;
  const pages = (await names('www/docs', (name) => name.endsWith('.md') && name !== 'README.md')).map((name) => name.replace('.md', '.html'));
  const scripts = await names('pkg', (name) => name.endsWith('.js') || name.endsWith('.wasm'));
  const schemas = await names('www/schema', all);
  const below = (folder, files) => files.map((name) => `${folder}/${name}`);
  const expected = [
    ...OWN['failsoft-edge'],
    ...schemas,
    ...below('migrations', await names('worker/migrations', all)),
    ...below('assets', await names('www', all)),
    ...below('assets/schema', schemas),
    ...below('assets/dashboard', DASHBOARD),
    ...below('assets/docs', [...DOCUMENTATION, ...pages]),
    ...below('assets/failsoft', scripts),
  ];
  assert.deepEqual(packed['failsoft-edge'], expected.sort());
  assert.deepEqual(packed['create-failsoft-edge'], OWN['create-failsoft-edge']);
});

test('the folder has what it needs: a valid configuration, a private file for the key, and no key', async () => {
  const configuration = JSON.parse(await readFile(join(edge, 'failsoft.json'), 'utf8'));
  assert.deepEqual(schemaErrors(configuration), []);
  // An editor finds the schema where the configuration names it.
  assert.deepEqual(JSON.parse(await readFile(join(edge, configuration.$schema), 'utf8')), SCHEMA);
  assert.deepEqual(configuration.routes, { chat: { models: ['fault/unavailable', 'openai/gpt-4o'] } });
  assert.deepEqual(configuration.origins, ['https://app.example.com']);
  assert.ok(!JSON.stringify(configuration).includes(key));
  assert.equal((await stat(join(edge, '.dev.vars'))).mode & 0o777, 0o600);
  assert.match(await readFile(join(edge, '.gitignore'), 'utf8'), /^\.dev\.vars$/m);
});

test('wrong answers are refused before anything is written', async () => {
  const bin = join(ROOT, 'pkg-create-edge/cli.js');
  for (const [args, message] of [
    [['--upstream=opanai'], /opanai is neither openrouter, openai, anthropic nor a URL/],
    [['--origins=app.example.com'], /app\.example\.com is no origin/],
    [['--models=,'], /name at least one model/],
    [['--model=a'], /Unknown option '--model'/],
  ]) await assert.rejects(run(process.execPath, [bin, 'other', ...args], { cwd: folder }), ({ stderr }) => message.test(stderr));
  await assert.rejects(run(process.execPath, [bin, 'my-edge'], { cwd: folder }), ({ stderr }) => /my-edge is not empty/.test(stderr));
  await assert.rejects(stat(join(folder, 'other')), /ENOENT/);
});

/** What wrangler offers to developers is closed: nobody reads or changes what is stored. */
async function offersNoTools(origin) {
  for (const path of ['explorer', 'explorer/api', 'explorer/api/d1/database', 'observability', 'platform-proxy']) {
    const response = await fetch(`${origin}/cdn-cgi/local/${path}`);
    assert.ok([400, 404].includes(response.status), `${path}: ${response.status}`);
    assert.doesNotMatch(await response.text(), /LEDGER|Explorer API/);
  }
}

test('dev answers with an emulator: the next model, a stream, the playground and the documentation', async () => {
  const { origin, stop, call } = await serve('dev');
  try {
    const messages = [{ role: 'user', content: 'Hello!' }];
    const response = await call('/v1/chat/completions', { model: 'route/chat', messages });
    const completion = await response.json();
    assert.equal(response.status, 200, JSON.stringify(completion));
    assert.equal(completion.choices[0].message.content, 'openai/gpt-4o says: Hello!');
    const stream = await call('/v1/chat/completions', { model: 'route/chat', messages, stream: true });
    assert.match(await stream.text(), /data: \[DONE\]/);
    assert.equal((await fetch(`${origin}/v1/chat/completions`, { method: 'POST', body: '{}' })).status, 401);
    await offersNoTools(origin);
    for (const path of ['/', '/docs/', '/failsoft/index.js']) assert.equal((await fetch(`${origin}${path}`)).status, 200, path);
  } finally {
    await stop();
  }
});

test('serve keeps what it stores, and its scheduler runs', async () => {
  const upstream = await startEmulator();
  const configuration = JSON.parse(await readFile(join(edge, 'failsoft.json'), 'utf8'));
  await writeFile(join(edge, 'failsoft.json'), JSON.stringify({ ...configuration, upstream: { url: upstream.baseURL, dialect: 'openrouter' } }));
  const ask = async () => {
    const { origin, stop, call } = await serve('serve', { UPSTREAM_API_KEY: 'sk-or-example' });
    try {
      const response = await call('/v1/chat/completions', { model: 'route/chat', messages: [{ role: 'user', content: 'Hello!' }] });
      assert.equal(response.status, 200, await response.text());
      assert.equal((await fetch(`${origin}/cdn-cgi/local/scheduled`)).status, 200);
      // Behind a proxy that keeps the name of the host, a stranger does not reach it.
      assert.equal(await statusFor('edge.example.com', origin), 403);
      await offersNoTools(origin);
      const { requests } = await (await call('/v1/usage')).json();
      return requests.month.used;
    } finally {
      await stop();
    }
  };
  try {
    const [first, second] = [await ask(), await ask()];
    // Each run makes one call, and the calls of `dev` count, too.
    assert.ok(first > 1, String(first));
    assert.equal(second, first + 1);
    const log = await upstream.log();
    assert.ok(log.some(({ headers }) => headers.authorization === 'Bearer sk-or-example'));
  } finally {
    await upstream.stop();
  }
});

test('serve does not admit everybody where other machines reach it', async () => {
  const open = await mkdtemp(join(folder, 'open-'));
  await writeFile(join(open, 'failsoft.json'), JSON.stringify({ access: 'loopback', upstream: { url: 'http://127.0.0.1:9/v1' } }));
  const serveAt = (host) => run(process.execPath, [join(edge, 'node_modules/failsoft-edge/cli.js'), 'serve', `--host=${host}`], { cwd: open, env: { ...process.env, UPSTREAM_API_KEY: 'sk-or-example' } });
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'edge.example.com']) await assert.rejects(serveAt(host), ({ stderr }) => /"access": "loopback" admits everybody/.test(stderr), host);
  // Here it goes on, and fails later: the folder has no wrangler.
  await assert.rejects(serveAt('127.0.0.1'), ({ stderr }) => !stderr.includes('admits everybody'));
});

test('deploy names its steps, and wrangler can build what is deployed', async () => {
  const { stdout } = await run(process.execPath, ['node_modules/failsoft-edge/cli.js', 'deploy', '--dry-run'], { cwd: edge, env: { ...process.env, UPSTREAM_API_KEY: 'sk-or-example', CI: '1' } });
  assert.match(stdout, /1 of 5: create the database of the ledger\n2 of 5: create its tables\n3 of 5: deploy the Worker\n4 of 5: store the configuration\n5 of 5: store UPSTREAM_API_KEY\n/);
  assert.match(stdout, /--dry-run: exiting now/);
  assert.ok(!stdout.includes('sk-or-example'));
});
