// A client cannot multiply what a call costs: its own rules and clocks add no requests to those of the route.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { ROOT, asked } from '../support/process.mjs';
import { POLICY, SECOND, chat, send, textOf } from './harness.mjs';
import { useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const THIRD = 'anthropic/claude-opus-4.7';
const STRICT = { ...POLICY, pattern: { action: 'next', literals: ['never said'] }, tooShort: { action: 'retry', chars: 40 } };

const { emulator, edge } = useEdge({
  failsoft: {
    routes: { chat: { models: [FIRST, SECOND, THIRD] }, strict: { models: [FIRST, SECOND, THIRD], policy: STRICT } },
    policy: { ...POLICY, attempts: 8 },
  },
});

const requests = async () => asked(await emulator.log()).flat();

for (const stream of [false, true]) {
  const how = stream ? 'a stream' : 'an answer in one piece';
  for (const [name, failsoft] of Object.entries({
    'a forbidden text': { pattern: { action: 'retry', literals: ['e', 'a', 'o'] }, buffer: stream },
    'a forbidden text at the beginning': { pattern: { action: 'next', literals: ['e', 'a', 'o'] }, holdChars: 10 },
    'a length': { tooShort: { action: 'retry', chars: 100_000 }, buffer: stream },
    'words of a refusal': { refusal: { action: 'retry', phrases: ['e', 'a', 'o', 'lorem'] }, tooShort: { action: 'next', chars: 90_000 }, buffer: stream },
  })) {
    if (name.includes('beginning') && !stream) continue;
    test(`the rules of a client add no request: ${name}, ${how}`, async () => {
      await emulator.clear();
      const body = { model: 'route/chat', stream, n: stream ? undefined : 1, failsoft };
      const answer = await chat(edge, body);
      assert.deepEqual(await requests(), [FIRST], answer.text);
    });
  }
}

test('four answers of one megabyte that the client rejects are requested once', async () => {
  await emulator.clear();
  const failsoft = { attempts: 8, pattern: { action: 'retry', literals: ['e', 'a', 'o'] }, tooShort: { action: 'retry', chars: 100_000 } };
  const answer = await chat(edge, { model: 'route/chat', n: 4, metadata: { a: 'x'.repeat(950_000) }, failsoft });
  assert.deepEqual(await requests(), [FIRST], answer.text);
  // Neither do wishes that no answer fulfils cause more requests than the route allows.
  await emulator.clear();
  const schema = { type: 'object', properties: { never: { const: 7 } }, required: ['never'], additionalProperties: false };
  await chat(edge, { model: 'route/chat', response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } }, failsoft: { schemaMismatch: 'retry', invalidJson: 'retry' } });
  assert.ok((await requests()).length <= 3, (await requests()).join());
});

test('the client gets the answer that only its own rules reject, marked as not accepted', async () => {
  const answer = await chat(edge, { model: 'route/chat', failsoft: { tooShort: { action: 'next', chars: 100_000 } } });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(textOf(answer).length > 0);
  assert.equal(answer.json.failsoft.accepted, false);
});

test("the route's own rules cause as many requests as before, and a client's stricter action does not add to them", async () => {
  await emulator.script(FIRST, Array(4).fill('whitespace'));
  const plain = await chat(edge, { model: 'route/chat' });
  assert.equal(plain.status, 200, plain.text);
  assert.deepEqual(await requests(), [FIRST, FIRST, SECOND]);
  await emulator.clear();
  // The route goes on with the next model after a short answer of 20 words: the client cannot ask the same one again.
  const long = { ...POLICY, tooShort: { action: 'next', chars: 100_000 } };
  const routes = { long: { models: [FIRST, SECOND], policy: long } };
  await withEdge({ failsoft: { upstream: { url: emulator.baseURL, dialect: 'openai' }, keys: [clientKey()], routes } }, async (other) => {
    await chat(other, { model: 'route/long', failsoft: { tooShort: { action: 'retry', chars: 100_000 } } });
    assert.deepEqual(await requests(), [FIRST, SECOND]);
  });
});

test("a client's clocks add at most one request", async () => {
  for (const model of [FIRST, SECOND, THIRD]) await emulator.script(model, Array(4).fill('slow-first-token'));
  const failsoft = { timeouts: { firstToken: 300 } };
  const answer = await chat(edge, { model: 'route/chat', stream: true, failsoft });
  assert.deepEqual(await requests(), [FIRST, SECOND], answer.text);
});

test('a client cannot choose another model where the owner ends the call', async () => {
  const policy = { ...POLICY, recover: 'error', onContentFilter: 'fail' };
  const failsoft = { upstream: { url: emulator.baseURL, dialect: 'openai' }, keys: [clientKey()], models: ['*'], policy };
  await withEdge({ failsoft }, async (other) => {
    for (const asked of [{ recover: 'restart' }, { onContentFilter: 'next' }]) {
      const { status, json } = await chat(other, { model: FIRST, failsoft: asked });
      assert.deepEqual([status, json.error.param], [400, `failsoft.${Object.keys(asked)[0]}`]);
    }
  });
});

test('at start-up the log warns about each way in without a bound on money', async () => {
  const budget = { usd: { day: 1 } };
  const users = [{ issuer: 'https://id.example/', audience: 'a', jwks: 'http://127.0.0.1:9/jwks' }];
  const keys = [clientKey({ name: 'bound', budget }), clientKey({ name: 'open', budget: { requests: { day: 9 } } }, 'fs_open')];
  const visitors = { origins: ['https://app.example'], action: 'chat', siteverify: 'http://127.0.0.1:9/siteverify' };
  const failsoft = { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, keys, users, visitors, models: ['*'], policy: POLICY };
  const secret = 'secret-of-this-test-0123456789-0123456789';
  const secrets = { TURNSTILE_SECRET: `t-${secret}`, SESSION_SECRET: `s-${secret}`, ADMIN_TOKEN: `a-${secret}` };
  await withEdge({ failsoft, secrets }, async (other) => {
    const answer = await chat(other, { model: FIRST });
    assert.equal(answer.status, 200, answer.text);
    for (const terms of [{ name: 'managed' }, { name: 'managed and bound', budget }]) {
      const made = await send(other, '/admin/keys', { method: 'POST', key: secrets.ADMIN_TOKEN, body: JSON.stringify(terms) });
      assert.equal(made.status, 201, made.text);
    }
    const lines = other.said().split('\n').filter((line) => line.startsWith('{"event":"setup"'));
    const warnings = new Set(lines.map((line) => JSON.parse(line).warning));
    assert.deepEqual([...warnings].map((warning) => warning.split(' may ')[0]).sort(), ['each user', 'each visitor', 'the key managed', 'the key open']);
  });
});

test('every example in the documentation bounds what each client may spend', async () => {
  const folder = join(ROOT, 'www/docs');
  const pages = (await readdir(folder)).filter((name) => name.endsWith('.md')).map((name) => join(folder, name));
  let clients = 0;
  for (const page of [join(ROOT, 'README.md'), ...pages]) {
    const text = await readFile(page, 'utf8');
    for (const [, json] of text.matchAll(/```json failsoft\.json\n([\s\S]*?)```/g)) {
      const { keys = [], users = [], visitors } = JSON.parse(json);
      for (const client of [...keys, ...users, ...(visitors ? [visitors] : [])]) {
        clients += 1;
        assert.ok(client.budget?.usd, `${page}: ${JSON.stringify(client)}`);
      }
    }
  }
  assert.ok(clients > 4);
});
