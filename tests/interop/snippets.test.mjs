// Every code block of the documentation works as written. Only addresses differ: https://edge.example.com is the edge of
// this test, and OpenRouter is the emulator. A code block that no check covers fails.
//
// What a block is, its language and its label say:
//
// | block            | check                                                                        |
// |------------------|------------------------------------------------------------------------------|
// | js               | a module that runs, prints an answer, and reports no error                   |
// | js jest          | tests that Jest passes                                                       |
// | ts               | a module that compiles                                                       |
// | json failsoft.json | an edge with this configuration is ready                                   |
// | json policy      | a call and a route accept this policy                                        |
// | sh               | each command: see `COMMANDS`                                                 |
// | html             | tests/browser/start.test.mjs opens the page in Chromium                      |
// | sql              | the database of the ledger answers it with rows                              |
// | kotlin swift dart | it names only codes that the edge has, and calls only an endpoint of the edge |

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { freePort, sha256, startEdge } from '../support/edge.mjs';
import { blocks, commands, documents } from '../support/markdown.mjs';
import { PACKAGE, ROOT, start, startEmulator } from '../support/process.mjs';

const KEY = 'fs_web_example';
const EDGE = 'https://edge.example.com';
const DEV = 'http://127.0.0.1:8787';
const OPENROUTER = 'https://openrouter.ai/api/v1';
const SECRET = '0123456789abcdef0123456789abcdef';
/** A key file of Google, as far as the edge reads one when it starts. */
const PLAY_INTEGRITY_KEY = JSON.stringify({ type: 'service_account', client_email: 'e', private_key_id: 'k', private_key: '-----BEGIN PRIVATE KEY-----AAAA-----END PRIVATE KEY-----' });
const SECRETS = { ADMIN_TOKEN: `admin-${SECRET}`, SESSION_SECRET: `session-${SECRET}`, TURNSTILE_SECRET: 'example', METRICS_TOKEN: `metrics-${SECRET}`, SAMPLES_SECRET: `samples-${SECRET}`, PLAY_INTEGRITY_KEY };
/** The id that the documentation gives to a managed key. */
const KEY_ID = '0123456789abcdef';

const run = promisify(execFile);
const all = (await documents()).flatMap(blocks);
const at = ({ path, line, language }) => `${path}:${line} (${language})`;
const find = (language, label) => all.filter((block) => block.language === language && block.label.startsWith(label));

/** The README's configuration: its sample key has to work in every sample. */
const sample = JSON.parse(find('json', 'failsoft.json').find(({ path }) => path === 'README.md').code);

let emulator, edge, folder, made;

before(async () => {
  emulator = await startEmulator();
  const routes = { ...sample.routes, chat: { models: ['fault/unavailable', 'openai/gpt-4o'] } };
  edge = await startEdge({ failsoft: { ...sample, routes, upstream: { url: emulator.baseURL, dialect: 'openrouter' } }, secrets: SECRETS });
  // The page about cheaper variants changes a stored route.
  const stored = await fetch(`${edge.origin}/admin/routes`, { method: 'POST', headers: { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` }, body: JSON.stringify({ name: 'faq', route: { models: ['openai/gpt-4o'] } }) });
  assert.equal(stored.status, 201, await stored.text());
  folder = await mkdtemp(join(tmpdir(), 'failsoft-snippets-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(PACKAGE, join(folder, 'node_modules/failsoft'));
  await mkdir(join(folder, 'node_modules/@types'));
  await mkdir(join(folder, 'node_modules/@ai-sdk'));
  await mkdir(join(folder, 'node_modules/@langchain'));
  await mkdir(join(folder, 'node_modules/expo'));
  // On a phone, this is a native module. Its contract is that of the web's fetch.
  await writeFile(join(folder, 'node_modules/expo/package.json'), '{ "name": "expo", "type": "module", "exports": { "./fetch": "./fetch.js" } }');
  await writeFile(join(folder, 'node_modules/expo/fetch.js'), 'export const fetch = globalThis.fetch;');
  for (const name of ['openai', 'zod', 'react', '@types/react', 'ai', '@ai-sdk/react', '@ai-sdk/openai-compatible', '@langchain/core', '@langchain/openai']) await symlink(join(ROOT, 'tests/node_modules', name), join(folder, 'node_modules', name));
});

after(async () => {
  await edge?.stop();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const here = (text) => text.replaceAll(EDGE, edge.origin).replaceAll(DEV, edge.origin).replaceAll(OPENROUTER, emulator.baseURL);

/** Runs a module in `cwd`. A script that names no address calls OpenRouter: its requests go to the emulator. */
async function runModule(code, cwd) {
  const redirect = `const real = fetch; globalThis.fetch = (to, init) => real(String(to).replace('${OPENROUTER}', '${emulator.baseURL}'), init);\n`;
  await writeFile(join(cwd, 'redirect.mjs'), redirect);
  await writeFile(join(cwd, 'snippet.mjs'), code);
  const env = { ...process.env, OPENROUTER_API_KEY: 'sk-or-example' };
  const { stdout, stderr } = await run(process.execPath, ['--import', join(cwd, 'redirect.mjs'), join(cwd, 'snippet.mjs')], { env });
  assert.match(stdout, /says:/);
  assert.equal(stderr, '');
  return stdout;
}

/** An edge with this configuration is ready. What a block leaves out, so that it stays short, is added. */
async function isReady(failsoft) {
  const open = failsoft.keys || failsoft.users || failsoft.visitors || failsoft.admins ? {} : { access: 'loopback' };
  const named = JSON.stringify(failsoft).match(/"[A-Z][A-Z0-9_]+_(KEY|HEADERS)"/g) ?? [];
  const tokens = (failsoft.admins ?? []).map(({ token }) => [token, `${token}-${SECRET}`]);
  const others = Object.fromEntries([...named.map((name) => [JSON.parse(name), `authorization=${JSON.parse(name)}-example`]), ...tokens]);
  const configured = await startEdge({ failsoft: { routes: sample.routes, ...open, ...failsoft }, secrets: { ...SECRETS, ...others } });
  try {
    const health = await fetch(`${configured.origin}/healthz`);
    assert.equal(health.status, 200, await health.text());
  } finally {
    await configured.stop();
  }
}

async function acceptsPolicy(policy) {
  const { chatWithFallback } = await import(pathToFileURL(join(PACKAGE, 'index.js')));
  if (policy.judge) await emulator.script(policy.judge.model, ['echo:90']);
  const options = { baseURL: emulator.baseURL, dialect: 'openrouter', apiKey: 'sk-or-example', models: ['openai/gpt-4o'], policy };
  const { failsoft } = await chatWithFallback([{ role: 'user', content: 'words:40' }], options);
  assert.equal(failsoft.accepted, true);
  if (policy.judge) assert.deepEqual(failsoft.attempts.map(({ score }) => score), [undefined, 90]);
  await isReady({ routes: { example: { models: ['openai/gpt-4o'], policy } } });
}

/** Runs a command of a shell block that calls the edge; gives what it printed. */
async function runShell(command) {
  const code = here(command).replaceAll(KEY_ID, made ?? KEY_ID).replace(/^curl/, 'curl -sS --fail-with-body');
  const { stdout } = await run('bash', ['-ec', code], { env: { ...process.env, ...SECRETS, KEY } });
  const { id, key } = keyOf(stdout);
  if (key) made = id;
  return stdout;
}

function keyOf(stdout) {
  try {
    return JSON.parse(stdout) ?? {};
  } catch {
    return {};
  }
}

const wrangler = JSON.parse((await readFile(join(ROOT, 'worker/wrangler.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
const help = run('cargo', ['xtask', 'help'], { cwd: ROOT }).then(({ stdout }) => stdout);

/** What is checked of a command, by how it begins. */
const COMMANDS = [
  // tests/edge/experiments.test.mjs makes experiments: they need samples.
  [/^curl .*\/experiments\b/, async () => {}],
  // No device has a key at this edge. tests/edge/app-attest-keys.test.mjs revokes one.
  [/^curl .*\/admin\/devices\//, (command) => assert.rejects(runShell(command), ({ stdout }) => JSON.parse(stdout).error.code === 'device_not_found')],
  [/^curl .*(https:\/\/edge\.example\.com|http:\/\/127\.0\.0\.1:8787)/, async (command) => assert.notEqual(await runShell(command), '')],
  [/^printf %s fs_web_example \| sha256sum$/, async (command) => {
    assert.equal((await runShell(command)).split(' ')[0], sha256(KEY));
    assert.equal(sample.keys[0].sha256, sha256(KEY));
  }],
  [/^openssl rand -hex \d+$/, async (command) => assert.match(await runShell(command), /^[0-9a-f]+\n$/)],
  [/^cargo xtask/, async (command) => {
    const [, task, ...words] = command.replace(/ 2>.*/, '').split(' ').slice(1);
    const known = (await help).split(/\W+/);
    for (const word of [task, ...words].filter((word) => /^-*[a-z]+$/.test(word))) {
      assert.ok(known.includes(word.replace(/^-+/, '')), `cargo xtask help does not mention ${word}`);
    }
  }],
  [/^cargo (test|clippy|fmt|doc|check|tree|run)\b/, async () => {}],
  [/^(\.ci\/run|bash \.ci\/run)$/, async () => {}],
  [/^npx wrangler d1 (create|migrations apply) failsoft\b/, async () => {
    assert.equal(wrangler.d1_databases[0].database_name, 'failsoft');
  }],
  [/^npx wrangler d1 execute failsoft /, async (command) => {
    const [, query] = /--command +"([^"]+)"/.exec(command);
    await answersWithRows(query);
  }],
  [/^(openssl rand -hex 32 \| )?npx wrangler secret put [A-Z_]+( < (\.\.\/failsoft|key)\.json)?$/, async (command) => {
    const [, name] = /put ([A-Z_]+)/.exec(command);
    const configuration = await readFile(join(ROOT, 'www/docs/configuration.md'), 'utf8');
    assert.ok(configuration.includes(`\`${name}\``), `configuration.md does not describe ${name}`);
  }],
  [/^npx wrangler (tail|rollback|deployments list)$/, async () => {}],
  // tests/interop/create-edge.test.mjs runs what makes an edge.
  [/^npm (exec --package=\.\/create-failsoft-edge-0\.1\.0\.tgz -- create-failsoft-edge|run dev)\b/, async () => {}],
  [/^(cd|mkdir|git|npm (pack|install)|node) /, async () => {}],
  // tests/browser/start.test.mjs opens the page.
  [/^python3 -m http\.server \d+$/, async () => {}],
  // tests/interop/examples.test.mjs runs the examples.
  [/^npm run (build|preview|start)$/, async () => {}],
  [/^npm install$/, async () => {}],
];

async function answersWithRows(query) {
  const until = Date.now() + 30_000;
  let rows = [];
  while (rows.length === 0 && Date.now() < until) rows = await edge.database.all(query);
  assert.ok(rows.length > 0, 'no rows');
}

/** Compiles a module beside the packages that the documentation names. */
async function compiles(code) {
  const file = join(folder, 'snippet.mts');
  await writeFile(file, code);
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--preserveSymlinks', '--module', 'nodenext', '--target', 'es2022', '--jsx', 'react-jsx', '--lib', 'es2022,dom,dom.iterable,dom.asynciterable', '--types', ''];
  await run(process.execPath, [join(ROOT, 'tests/node_modules/typescript/bin/tsc'), ...flags, file], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
}

/** Jest runs the tests of a block without configuration, and each passes. */
async function passesJest(code) {
  await writeFile(join(folder, 'snippet.test.js'), code);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  const { stderr } = await run(process.execPath, [join(ROOT, 'tests/node_modules/jest/bin/jest.js'), '--rootDir', folder], { cwd: folder });
  assert.match(stderr, new RegExp(`Tests: +${code.match(/^test\(/gm).length} passed`));
}

/** Code for phones, which no compiler here reads: tests/edge/phones.test.mjs checks what its SDKs require. */
async function namesWhatTheEdgeHas(code) {
  const codes = code.match(/(?<=['"])[a-z]+(_[a-z]+)+(?=['"])/g) ?? [];
  const page = await readFile(join(ROOT, 'www/docs/errors.md'), 'utf8');
  assert.deepEqual(codes.filter((name) => !page.includes(`### \`${name}\``)), []);
  const urls = code.match(/https:\/\/[^\s'"]+/g) ?? [];
  assert.deepEqual(urls.filter((url) => !/^https:\/\/edge\.example\.com(\/v1\/?|\/v1\/chat\/completions)?$/.test(url)), []);
  assert.ok(codes.length > 0 && /edge\.example\.com/.test(code));
}

const CHECKS = {
  kotlin: ({ code }) => namesWhatTheEdgeHas(code),
  swift: ({ code }) => namesWhatTheEdgeHas(code),
  dart: ({ code }) => namesWhatTheEdgeHas(code),
  js: ({ code, label }) => (label === 'jest' ? passesJest(code) : runModule(here(code), folder)),
  ts: ({ code }) => compiles(code),
  json: ({ code, label }) => {
    const value = JSON.parse(code);
    if (label === 'failsoft.json') return isReady(value);
    if (label === 'policy') return acceptsPolicy(value);
    throw new Error(`no check for JSON that is labelled "${label}"`);
  },
  async sh({ code }) {
    for (const command of commands(code)) {
      const found = COMMANDS.find(([pattern]) => pattern.test(command));
      assert.ok(found, `no check for: ${command}`);
      await found[1](command);
    }
  },
  sql: ({ code }) => answersWithRows(code.replace(/;\s*$/, '')),
  text: () => {},
  html: ({ path }) => assert.equal(path, 'www/docs/start.md'),
};

test('the README and the package have the samples that a newcomer needs', () => {
  const languages = (path) => all.filter((block) => block.path === path).map(({ language }) => language);
  assert.deepEqual(languages('README.md'), ['sh', 'sh', 'js', 'sh', 'json', 'sh', 'sh', 'sh']);
  assert.ok(languages('pkg-template/README.md').includes('js'));
});

test('the first lines of the README run against what `cargo xtask dev` starts, with the package that `npm pack` makes', async () => {
  const app = join(folder, 'my-app');
  await mkdir(app);
  const options = { cwd: app, env: { ...process.env, npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' } };
  const packed = await run('npm', ['pack', PACKAGE], options);
  await writeFile(join(app, 'package.json'), '{"private": true}');
  await run('npm', ['install', `./${packed.stdout.trim()}`], options);
  const port = await freePort();
  const env = { ...process.env };
  delete env.OPENROUTER_API_KEY;
  const origin = 'http://localhost:5173';
  const dev = await start('cargo', ['xtask', 'dev', '--port', String(port), '--origin', origin], { ready: new RegExp(`^http://127.0.0.1:${port}$`), cwd: ROOT, env });
  try {
    const [{ code }] = find('js', '').filter(({ path }) => path === 'README.md');
    assert.ok(code.trim().split('\n').length <= 8);
    const stdout = await runModule(code.replace(DEV, `http://127.0.0.1:${port}`), app);
    assert.equal(stdout.replaceAll(/\s+/g, ' '), 'openai/gpt-4o says: Why is the sky blue? answered by openai/gpt-4o ');
    // The page that the README names may call.
    const response = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { origin } });
    assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [200, origin]);
  } finally {
    await dev.stop();
  }
});

test('the key of the README works for its page, and for a program', async () => {
  for (const headers of [{ origin: sample.origins[0] }, {}]) {
    const response = await fetch(`${edge.origin}/v1/models`, { headers: { authorization: `Bearer ${KEY}`, ...headers } });
    assert.equal(response.status, 200);
    if (headers.origin) assert.equal(response.headers.get('access-control-allow-origin'), headers.origin);
  }
});

for (const block of all) {
  const code = block.code.trim().split('\n').find((line) => !/^(import|#|\{|$)/.test(line)) ?? block.code.trim();
  const isFirst = block.path === 'README.md' && block.language === 'js';
  if (!isFirst) test(`${at(block)} works: ${code.trim().slice(0, 60)}`, async () => {
    const check = CHECKS[block.language];
    assert.ok(check, `no check for code blocks in "${block.language}"`);
    await check(block);
  });
}
