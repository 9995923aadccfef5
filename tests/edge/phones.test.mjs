// What www/docs/phones.md promises to apps: the snippet for React Native runs as written, and answers, chunks and errors have the
// fields that the SDKs for phones require.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { blocks } from '../support/markdown.mjs';
import { ROOT } from '../support/process.mjs';
import { send } from './harness.mjs';
import { setUp, useEdge } from './use-edge.mjs';

const run = promisify(execFile);
const ISSUER = 'https://id.example.com/';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PATH = 'www/docs/phones.md';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The token of a user of the app, which expires in `seconds`. */
function token(seconds, aud = 'app') {
  const signed = `${encode({ alg: 'ES256', kid: 'one', typ: 'JWT' })}.${encode({ iss: ISSUER, aud, sub: 'ann', exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

let issuer, folder;

setUp(async () => {
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }];
  issuer = createServer((request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys })));
  await new Promise((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(join(tmpdir(), 'failsoft-phones-'));
  await mkdir(join(folder, 'node_modules/expo'), { recursive: true });
  await symlink(join(ROOT, 'tests/node_modules/openai'), join(folder, 'node_modules/openai'));
  // On a phone, this is a native module. Its contract is that of the web's fetch.
  await writeFile(join(folder, 'node_modules/expo/package.json'), '{ "name": "expo", "type": "module", "exports": { "./fetch": "./fetch.js" } }');
  await writeFile(join(folder, 'node_modules/expo/fetch.js'), 'export const fetch = globalThis.fetch;');
});

after(async () => {
  issuer?.close();
  await rm(folder, { recursive: true, force: true });
});

const PRICED = { id: 'openai/gpt-4o', contextLength: 8_000, maxOutput: 1_000, prompt: 1, completion: 1 };

const { edge, emulator } = useEdge((upstream) => {
  const users = { issuer: ISSUER, audience: 'app', jwks: `http://127.0.0.1:${issuer.address().port}/`, routes: ['support'] };
  // The users of `poor` cannot pay for one call.
  const poor = { ...users, audience: 'poor', budget: { usd: { day: 0.000001 } } };
  return {
    failsoft: {
      upstream: { url: upstream.baseURL, dialect: 'openai', models: [PRICED] },
      users: [{ ...users, budget: { usd: { day: 0.5 } } }, poor],
      routes: { support: { models: ['openai/gpt-4o'] } },
    },
  };
});

const page = { path: PATH, text: await readFile(join(ROOT, PATH), 'utf8') };
const [snippet] = blocks(page).filter(({ language }) => language === 'js');

/** Runs the snippet for React Native with a token that the app has, and one that its identity provider then gives. */
async function runSnippet(has, gets) {
  const code = snippet.code.replace('https://edge.example.com', edge.origin).replace("token: 'fs_web_example'", `token: '${has}'`).replace("async () => 'fs_web_example'", `async () => { console.log('renewed'); return '${gets}'; }`);
  const file = join(folder, 'snippet.mjs');
  await writeFile(file, code);
  return run(process.execPath, [file]).then(({ stdout }) => stdout.replaceAll(/\s+/g, ' ').trim(), ({ stderr }) => assert.fail(stderr));
}

test('the snippet for React Native streams an answer with the token that the app has', async () => {
  assert.equal(await runSnippet(token(300), 'unused'), 'openai/gpt-4o says: Hello!');
});

test('it renews a token that has expired, and sends the request once more', async () => {
  assert.equal(await runSnippet(token(-300), token(300)), 'renewed openai/gpt-4o says: Hello!');
});

test('it does not renew a token that is not valid, and shows the error', async () => {
  await assert.rejects(runSnippet(`${token(300)}x`, token(300)), /token_invalid/);
  assert.equal((await emulator.log()).length, 0);
});

test('it says when a budget that is used up resets', async () => {
  assert.match(await runSnippet(token(300, 'poor'), 'unused'), /^No more answers until \d{4}-\d\d-\d\dT00:00:00Z\.$/);
});

const ask = (key, body = {}) => send(edge, '/v1/chat/completions', { key, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'route/support', messages: [{ role: 'user', content: 'words:3' }], ...body }) });

/** Whether `value` has each field of `shape` with its type; a list has elements of the shape's only element. */
function fits(value, shape) {
  if (typeof shape === 'string') return typeof value === shape || (shape.endsWith('?') && (value == null || typeof value === shape.slice(0, -1)));
  if (Array.isArray(shape)) return Array.isArray(value) && value.every((element) => fits(element, shape[0]));
  return value !== null && typeof value === 'object' && Object.entries(shape).every(([name, field]) => fits(value[name], field));
}

/**
 * What the models of the SDKs require of each object: the fields without a default and without `?` in ChatResult, ChatStreamResult
 * and APIError of MacPaw's OpenAI 0.5.1, and in ChatCompletion, ChatCompletionChunk and OpenAIErrorDetails of openai-kotlin 4.1.0.
 */
const COMPLETION = { id: 'string', object: 'string', created: 'number', model: 'string', choices: [{ index: 'number', message: { role: 'string', content: 'string?' }, finish_reason: 'string' }] };
const CHUNK = { id: 'string', object: 'string', created: 'number', model: 'string', choices: [{ index: 'number', delta: { content: 'string?' }, finish_reason: 'string?' }] };
const ERROR = { error: { message: 'string', type: 'string', param: 'string?', code: 'string?' } };

test('answers and chunks have what the SDKs for phones require', async () => {
  const completion = JSON.parse((await ask(token(300))).text);
  assert.ok(fits(completion, COMPLETION), JSON.stringify(completion));
  assert.ok(Number.isInteger(completion.created));
  const { text } = await ask(token(300), { stream: true });
  const lines = text.split('\n').filter((line) => line.startsWith('data: '));
  // openai-kotlin knows the end by this line, with one space.
  assert.equal(lines.pop(), 'data: [DONE]');
  assert.ok(lines.length > 1);
  for (const line of lines) assert.ok(fits(JSON.parse(line.slice(6)), CHUNK), line);
});

test('a shape that lacks a field is noticed', () => {
  assert.equal(fits({ id: 'x', object: 'o', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant' } }] }, COMPLETION), false);
  assert.equal(fits({ error: { message: 'x', type: 'y', code: 402 } }, ERROR), false);
});

test('errors have what the SDKs for phones require, and the code and budget that the page names', async () => {
  const answers = { token_expired: await ask(token(-300)), token_invalid: await ask('a.b.c'), budget_exceeded: await ask(token(300, 'poor'), { stream: true }) };
  for (const [code, { status, text }] of Object.entries(answers)) {
    const body = JSON.parse(text);
    assert.ok(fits(body, ERROR), text);
    assert.deepEqual([status, body.error.code], [code === 'budget_exceeded' ? 402 : 401, code]);
  }
  const { budget } = JSON.parse(answers.budget_exceeded.text).error;
  const [, shown] = /"budget": (\{"bound"[^}]*\})/.exec(page.text);
  assert.deepEqual(Object.keys(budget), Object.keys(JSON.parse(shown)));
});

test('an error in the middle of a stream is an event that no chunk of the SDKs fits, so that no broken answer looks whole', async () => {
  await emulator.script('openai/gpt-4o', ['cut-mid-event', 'unavailable', 'unavailable']);
  const { text } = await ask(token(300), { stream: true });
  const last = JSON.parse(text.trimEnd().split('\n').at(-1).slice(6));
  assert.ok(fits(last, ERROR) && !fits(last, CHUNK), text);
  assert.ok(!text.includes('[DONE]'));
});
