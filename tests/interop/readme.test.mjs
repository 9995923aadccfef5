// Every snippet of the README, as a reader would run it: in a module, with the package and openai installed. Only the
// addresses are others: the edge and OpenRouter are the ones of this test.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { clientKey, startEdge } from '../support/edge.mjs';
import { PACKAGE, ROOT, startEmulator } from '../support/process.mjs';

const KEY = 'fs_web_example';
const OPENROUTER = 'https://openrouter.ai/api/v1';

const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const snippets = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code);

let emulator, edge, folder;

before(async () => {
  emulator = await startEmulator();
  edge = await startEdge({
    failsoft: {
      upstream: { url: emulator.baseURL, dialect: 'openrouter' },
      keys: [clientKey({}, KEY)],
      models: ['*'],
      routes: { support: { models: ['fault/unavailable', 'openai/gpt-4o'] } },
    },
  });
  folder = await mkdtemp(join(tmpdir(), 'failsoft-readme-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(PACKAGE, join(folder, 'node_modules/failsoft'));
  await symlink(join(ROOT, 'tests/node_modules/openai'), join(folder, 'node_modules/openai'));
});

after(async () => {
  await edge?.stop();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const here = (code) => code.replaceAll('https://edge.example.com', edge.origin).replaceAll(OPENROUTER, emulator.baseURL);

/** A script that names no address means OpenRouter's: its requests go to the emulator. */
const REDIRECT = (url) => `const real = fetch; globalThis.fetch = (to, init) => real(String(to).replace('${OPENROUTER}', '${url}'), init);\n`;

const scripts = snippets('js');
/** The JSON among the snippets: the one that says `word`. */
const json = (word) => [...readme.matchAll(/^ *```json\n([\s\S]*?)^ *```/gm)].map(([, text]) => text).find((text) => text.includes(`"${word}"`));

test('there are snippets for the page, a script, an SDK, and the edge', () => {
  assert.equal(scripts.length, 4);
});

for (const [at, code] of scripts.entries()) {
  test(`snippet ${at + 1} runs: ${code.split('\n').find((line) => line.startsWith('const'))}`, async () => {
    const file = join(folder, `snippet-${at}.mjs`);
    await writeFile(file, here(code));
    await writeFile(join(folder, 'redirect.mjs'), REDIRECT(emulator.baseURL));
    const env = { ...process.env, OPENROUTER_API_KEY: 'sk-or-example' };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', join(folder, 'redirect.mjs'), file], { env });
    assert.match(stdout, /says:/);
    assert.equal(stderr, '');
  });
}

test('the request over plain HTTP streams an answer', async () => {
  const [command] = snippets('sh').filter((code) => code.startsWith('curl'));
  const { stdout } = await promisify(execFile)('bash', ['-c', here(command)]);
  assert.match(stdout, /"openai\/gpt-4o"/);
  assert.ok(stdout.trimEnd().endsWith('data: [DONE]'));
});

test('the ledger can be asked what each feature cost', async () => {
  const [, query] = /--command \\\n *"(SELECT [^"]+)"/.exec(readme);
  const until = Date.now() + 10_000;
  let rows = [];
  while (rows.length === 0 && Date.now() < until) rows = await edge.database.all(query);
  assert.ok(rows[0].requests >= 1 && rows[0].usd > 0, JSON.stringify(rows));
});

test('the digest of a client key is made as the README says', async () => {
  const [command] = [...readme.matchAll(/^ *(printf .*sha256sum)$/gm)].map(([, line]) => line);
  const { stdout } = await promisify(execFile)('bash', ['-c', command]);
  assert.equal(stdout.split(' ')[0], clientKey({}, KEY).sha256);
});

test('the configuration of the README makes an edge that is ready, for the page that it names', async () => {
  const configured = await startEdge({ failsoft: json('keys').replace('<the digest>', clientKey({}, KEY).sha256) });
  try {
    assert.equal((await fetch(`${configured.origin}/healthz`)).status, 200);
    const headers = { authorization: `Bearer ${KEY}`, origin: 'https://app.example.com' };
    const { data } = await (await fetch(`${configured.origin}/v1/models`, { headers })).json();
    assert.equal(data[0].id, 'route/support');
  } finally {
    await configured.stop();
  }
});

test('the ways in of the README are ready, and its commands make a key and revoke it', async () => {
  const secret = '0123456789abcdef0123456789abcdef';
  const secrets = { ADMIN_TOKEN: secret, TURNSTILE_SECRET: 'example', SESSION_SECRET: secret };
  const { routes } = JSON.parse(json('keys'));
  const configured = await startEdge({ failsoft: { ...JSON.parse(json('users')), routes }, secrets });
  const [make, revoke] = snippets('sh').find((code) => code.includes('/admin/keys')).split(/\n(?=curl)/);
  const run = async (command) => {
    const code = command.replace('https://edge.example.com', configured.origin);
    return JSON.parse((await promisify(execFile)('bash', ['-c', code], { env: { ...process.env, ADMIN_TOKEN: secret } })).stdout);
  };
  const status = async (key) => {
    const headers = { authorization: `Bearer ${key}`, origin: 'https://app.example.com' };
    return (await fetch(`${configured.origin}/v1/models`, { headers })).status;
  };
  try {
    assert.equal((await fetch(`${configured.origin}/healthz`)).status, 200);
    const { id, key } = await run(make);
    assert.equal(await status(key), 200);
    assert.ok((await run(revoke.replace('0123456789abcdef', id))).revokedAt);
    assert.equal(await status(key), 401);
  } finally {
    await configured.stop();
  }
});

test('the policy of the README is one for a call and for a route', async () => {
  const policy = JSON.parse(json('hedge'));
  const { chatWithFallback } = await import(pathToFileURL(join(PACKAGE, 'index.js')));
  await emulator.script(policy.judge.model, ['echo:90']);
  // A bound on cost wants prices, which OpenRouter tells.
  const options = { baseURL: emulator.baseURL, dialect: 'openrouter', apiKey: 'sk-or-example', models: ['openai/gpt-4o'], policy };
  const { failsoft } = await chatWithFallback([{ role: 'user', content: 'words:40' }], options);
  assert.deepEqual([failsoft.accepted, failsoft.attempts.map(({ score }) => score)], [true, [undefined, 90]]);
  const upstream = { url: emulator.baseURL, dialect: 'openrouter' };
  const configured = await startEdge({ failsoft: { upstream, access: 'loopback', routes: { polite: { models: ['openai/gpt-4o'], policy } } } });
  try {
    assert.equal((await fetch(`${configured.origin}/healthz`)).status, 200);
  } finally {
    await configured.stop();
  }
});

test('the upstreams of the README make an edge that is ready', async () => {
  const upstreams = JSON.parse(json('upstreams'));
  const keys = Object.fromEntries(upstreams.upstreams.map(({ key }) => [key, 'sk-example']));
  const configured = await startEdge({ failsoft: { ...upstreams, access: 'loopback', models: ['*'] }, secrets: keys });
  try {
    assert.equal((await fetch(`${configured.origin}/healthz`)).status, 200);
  } finally {
    await configured.stop();
  }
});
