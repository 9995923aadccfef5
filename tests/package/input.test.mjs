// Invalid input: the error says what to do, and nothing is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

const { chatWithFallback, chatStreaming, chat, createClient, createFetch, parseStream, estimateTokens, isChatError } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const MESSAGES = [{ role: 'user', content: 'Hello?' }];
const unsent = () => assert.fail('a request was sent');
const fine = { apiKey: 'sk-or-test', model: 'a/a', fetch: unsent };

async function refusalOf(messages, options, call = chatWithFallback) {
  const error = await call(messages, options).then(() => assert.fail('the promise resolved'), (error) => error);
  assert.ok(isChatError(error) && error.kind === 'invalidRequest', String(error.stack));
  return error.message;
}

const TABLE = [
  ['no messages', undefined, fine, '`messages` must be an array of {role, content}'],
  ['empty messages', [], fine, '`messages` is empty; give at least one message'],
  ['a message without a role', [{ content: 'x' }], fine, /`messages\[0\]\.role` must be a string/],
  ['no models', MESSAGES, { ...fine, model: undefined }, '`models` is missing; name at least one model'],
  ['models of another type', MESSAGES, { ...fine, models: 'a/a' }, '`models` must be an array of model ids'],
  ['an unknown option', MESSAGES, { ...fine, temperture: 1 }, '`temperture` is not a known field; did you mean `temperature`?'],
  ['a misspelt callback', MESSAGES, { ...fine, onFalback: () => {} }, '`onFalback` is not a known field; did you mean `onFallback`?'],
  ['an option that nobody knows', MESSAGES, { ...fine, frobnicate: 1 }, /`frobnicate` is not a known option; .*`body`/],
  ['a policy out of range', MESSAGES, { ...fine, policy: { attempts: 0 } }, '`policy.attempts` must be a whole number from 1 to 32'],
  ['NaN', MESSAGES, { ...fine, temperature: NaN }, '`temperature` is NaN, which JSON cannot carry'],
  ['an infinite number inside', [{ role: 'user', content: [{ type: 'text', size: Infinity }] }], fine, '`messages[0].content[0].size` is Infinity, which JSON cannot carry'],
  ['a BigInt', MESSAGES, { ...fine, seed: 1n }, '`seed` is a BigInt, which JSON cannot carry'],
  ['a function among the data', MESSAGES, { ...fine, tools: [{ run() {} }] }, '`tools[0].run` is a function, which JSON cannot carry'],
  ['a number as text', MESSAGES, { ...fine, temperature: 'hot' }, '`temperature` must be a finite number'],
  ['a signal that is none', MESSAGES, { ...fine, signal: {} }, '`signal` must be an AbortSignal'],
  ['a fetch that is none', MESSAGES, { ...fine, fetch: 'x' }, '`fetch` must be a function'],
  ['no key', MESSAGES, { ...fine, apiKey: undefined }, /`apiKey` is missing; .*`edge`/],
  ['a key with a line end', MESSAGES, { ...fine, apiKey: 'sk-or-canary\n' }, /`apiKey` is empty, or has characters/],
  ["a provider's key for an edge", MESSAGES, { model: 'a/a', fetch: unsent, edge: 'https://edge.example', token: 'sk-or-canary' }, /`token` looks like a provider's secret key/],
  ['an edge beside a key', MESSAGES, { ...fine, edge: 'https://edge.example' }, /`apiKey` does not go with `edge`/],
  ['a token without an edge', MESSAGES, { ...fine, token: 'x' }, /`token` goes with `edge`/],
  ['an address that is none', MESSAGES, { ...fine, baseURL: 'openrouter.ai' }, /`baseURL` must be a URL/],
  ['a dialect that is none', MESSAGES, { ...fine, dialect: 'x' }, /`dialect` must be "openrouter" or "openai"/],
  ['a header that HTTP cannot carry', MESSAGES, { ...fine, headers: { 'a b': 'canary' } }, '`headers` has a name or value that HTTP cannot carry'],
  ['options that are none', MESSAGES, 'x', 'the options must be an object'],
  ['no upstream', MESSAGES, { model: 'a/a', fetch: unsent, upstreams: [] }, /`upstreams` must be an array of upstreams/],
  ['an upstream beside several', MESSAGES, { ...fine, upstreams: [{}] }, /`apiKey` does not go with `upstreams`/],
  ['an upstream without its key', MESSAGES, { model: 'a/a', fetch: unsent, upstreams: [{ baseURL: '/v1' }, {}] }, /`upstreams\[1\]\.apiKey` is missing/],
  ['a field that an upstream has not', MESSAGES, { model: 'a/a', fetch: unsent, upstreams: [{ url: '/v1' }] }, /`upstreams\[0\]\.url` is not a known field; known are: baseURL/],
];

for (const [name, messages, options, expected] of TABLE) {
  for (const call of [chatWithFallback, chatStreaming]) {
    test(`${call.name} rejects ${name}`, async () => {
      const message = await refusalOf(messages, options, call);
      if (typeof expected === 'string') assert.equal(message, expected);
      else assert.match(message, expected);
      assert.ok(!message.includes('canary'));
    });
  }
}

test('the error for `stream: true` names the function for streams', async () => {
  assert.match(await refusalOf(MESSAGES, { ...fine, stream: true }), /chatStreaming/);
});

/** Runs `body` with a global `window`, as in a page. */
async function inPage(body) {
  globalThis.window = { document: {} };
  try {
    return await body();
  } finally {
    delete globalThis.window;
  }
}

test('the key of a provider is refused in a page, unless the caller allows it', async () => {
  await inPage(async () => {
    for (const apiKey of ['sk-canary', 'sk-or-canary', 'sk-ant-canary', 'AIzacanary', 'gsk_canary', 'xai-canary']) {
      const message = await refusalOf(MESSAGES, { ...fine, apiKey });
      assert.match(message, /every visitor of this page could read.*`edge`.*dangerouslyAllowBrowser/);
    }
    assert.match(await refusalOf(MESSAGES, { ...fine, apiKey: undefined, headers: { Authorization: 'Bearer sk-or-canary' } }), /every visitor/);
    let sent = 0;
    const fetch = async () => {
      sent++;
      return Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
    };
    await chat(MESSAGES, { ...fine, fetch, dangerouslyAllowBrowser: true });
    await chat(MESSAGES, { model: 'a/a', fetch, baseURL: 'https://api.example/v1', apiKey: 'client-key' });
    assert.equal(sent, 2);
  });
});

test('an answer that is not JSON is a failure of the upstream', async () => {
  const fetch = async () => new Response('<html>', { headers: { 'content-type': 'text/html' } });
  await assert.rejects(chat(MESSAGES, { ...fine, fetch, policy: { retry: { same: 0 } } }), { kind: 'badResponse' });
});

test('`body` passes unknown fields to the upstream', async () => {
  let sent;
  const fetch = async (url, init) => {
    sent = JSON.parse(init.body);
    return Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
  };
  const client = createClient({ ...fine, fetch, body: { frobnicate: 1 } });
  await client.chat(MESSAGES, { body: { novel: [{ z: 1, a: 2 }] } });
  assert.deepEqual([sent.frobnicate, JSON.stringify(sent.novel)], [1, '[{"z":1,"a":2}]']);
});

test('parseStream and createFetch throw at once for a wrong argument', () => {
  assert.throws(() => parseStream('data: {}'), /a Response or a ReadableStream/);
  assert.throws(() => createFetch({}), /a client/);
});

test('estimateTokens takes a text or messages', async () => {
  // OpenAI's tokenizer counts ten.
  const tokens = await estimateTokens('The quick brown fox jumps over the lazy dog.');
  assert.ok(tokens >= 8 && tokens <= 14, String(tokens));
  // Three tokens a message, one for the role, and three that begin the answer.
  assert.equal((await estimateTokens(MESSAGES)) - (await estimateTokens('Hello?')), 7);
});
