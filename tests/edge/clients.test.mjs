// What current clients send, and what they need back: the requests of tests/fixtures/clients, and others of their kind.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { fetchEventSource } from '@microsoft/fetch-event-source';
import { OpenRouter } from '@openrouter/sdk';
import OpenAI from 'openai';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { ROOT } from '../support/process.mjs';
import { SECOND, events, send, textOf } from './harness.mjs';
import { setUp, useEdge, useEmulator, withEdge } from './use-edge.mjs';

const FOLDER = join(ROOT, 'tests/fixtures/clients');

/** An upstream that speaks as a LiteLLM proxy does about a model that it does not know. */
const upstream = { asked: [] };

setUp(async () => {
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    upstream.asked.push(body.model);
    const answer = (status, json) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    if (request.url.startsWith('/badkey')) return answer(401, { error: { message: 'Incorrect API key provided: sk-or-*test', type: 'invalid_request_error', code: 'invalid_api_key' } });
    if (request.url.startsWith('/poor')) return answer(402, { error: { code: 402, message: 'This request requires more credits. Visit https://openrouter.ai/settings/credits' } });
    if (body.model.startsWith('p/invalid')) {
      const message = `400: {'error': '/chat/completions: Invalid model name passed in model=${body.model}. Call \`/v1/models\` to view available models for your key.'}`;
      return answer(400, { error: { message, type: 'None', param: 'None', code: '400' } });
    }
    if (body.stream && !body.tools) {
      // Without `index`, `created` and `id`, and with nulls that OpenRouter's schema refuses.
      const chunk = (delta, finish_reason) => `data: ${JSON.stringify({ id: null, model: body.model, choices: [{ delta: { ...delta, tool_calls: null }, finish_reason }] })}\n\n`;
      return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${chunk({ content: 'Here.' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`);
    }
    const message = { role: 'assistant', content: 'Here.' };
    if (body.tools) Object.assign(message, { content: null, tool_calls: body.tools.map(({ custom }, at) => ({ id: `call_${at}`, type: 'custom', custom: { name: custom.name, input: 'SELECT "' } })) });
    const choices = [{ index: 0, message, finish_reason: body.tools ? 'tool_calls' : 'stop' }];
    answer(200, { id: 'c', object: 'chat.completion', created: 1, model: body.model, choices });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstream.origin = `http://127.0.0.1:${server.address().port}`;
  after(() => {
    server.closeAllConnections();
    server.close();
  });
});

/** The issuer of the app's users, and what stands in for Turnstile. */
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const AUTHORITY = { issuer: 'https://id.example/', audience: 'app' };
const authority = { verified: [] };

setUp(async () => {
  const server = createServer(async (request, response) => {
    const { secret, response: token } = request.method === 'POST' ? JSON.parse(Buffer.concat(await request.toArray()).toString()) : {};
    if (token) authority.verified.push(token);
    const verdict = { success: secret === SECRETS.TURNSTILE_SECRET && token !== 'tok-of-a-bot', hostname: 'app.example', action: 'chat' };
    const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'ed' }] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(request.url === '/jwks' ? keys : verdict));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  authority.url = `http://127.0.0.1:${server.address().port}`;
  after(() => {
    server.closeAllConnections();
    server.close();
  });
});

const SECRETS = { TURNSTILE_SECRET: 'turnstile-secret-of-the-test', SESSION_SECRET: 'session-0123456789-0123456789-012345' };

/** A token of a user, which is valid until `exp`; `key` signs it. */
function userToken(exp, key = privateKey) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'EdDSA', kid: 'ed' })}.${part({ iss: AUTHORITY.issuer, aud: AUTHORITY.audience, sub: 'ann', exp })}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

const emulator = useEmulator();
const openrouter = () => ({ url: emulator.baseURL, dialect: 'openrouter' });
const SUPPORT = { support: { models: [SECOND] } };
const ROUTES = {
  ...SUPPORT,
  relay: { models: [SECOND], lane: 'relay' },
  lean: { models: [SECOND], lane: 'lean' },
  slow: { models: ['fault/slow-first-token-300'], headersWithin: 0 },
};

const { edge: or } = useEdge(() => ({ failsoft: { upstream: openrouter(), routes: ROUTES } }), emulator);
const { edge: dflt } = useEdge(() => ({ failsoft: { upstream: openrouter(), policy: {} } }), emulator);
const { edge: oa } = useEdge(() => ({ failsoft: { upstream: { url: `${upstream.origin}/v1`, dialect: 'openai' }, routes: ROUTES } }), emulator);
/** The upstream refuses the key of the edge. */
const { edge: badkey } = useEdge(() => ({ failsoft: { upstream: { url: `${upstream.origin}/badkey/v1`, dialect: 'openai' }, routes: SUPPORT } }), emulator);
/** The account of the edge at the upstream is empty. */
const { edge: poor } = useEdge(() => ({ failsoft: { upstream: { url: `${upstream.origin}/poor/v1`, dialect: 'openai' }, routes: SUPPORT } }), emulator);
/** Clients may name routes only. */
const { edge: plain } = useEdge(() => ({ failsoft: { upstream: openrouter(), models: undefined, routes: SUPPORT } }), emulator);
/** A key with a budget that one call is enough for. */
const { edge: budget } = useEdge(() => ({ failsoft: { upstream: openrouter(), keys: [clientKey({ budget: { usd: { day: 0.00001 } } })] } }), emulator);
const people = (visitors) => ({
  secrets: SECRETS,
  failsoft: {
    upstream: openrouter(),
    models: undefined,
    routes: SUPPORT,
    users: [{ ...AUTHORITY, jwks: `${authority.url}/jwks` }],
    visitors: { origins: ['https://app.example'], action: 'chat', siteverify: `${authority.url}/siteverify`, ...visitors },
  },
});
const { edge: users } = useEdge(() => people({}), emulator);
const { edge: apps } = useEdge(() => people({ nativeApps: true }), emulator);
const EDGES = { users, apps, badkey, poor, or, dflt, oa, plain, budget };

const read = (name) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));

/** Sends the request of a case, with `changes` to its body, to its edge and path or to others. */
async function run(name, changes = {}, other = undefined, otherPath = undefined) {
  const { edge, path = '/v1/chat/completions', method = 'POST', bearer = CLIENT_KEY, body, repeat_first_message: times } = read(name);
  const json = body && { ...body, ...changes };
  if (times) json.messages = Array(times).fill(json.messages[0]);
  const answer = await send(EDGES[other ?? edge], otherPath ?? path, { method, key: bearer, headers: { 'content-type': 'application/json' }, body: json && JSON.stringify(json) });
  const isStream = answer.headers['content-type'].startsWith('text/event-stream');
  return { ...answer, sent: json, ...(isStream ? { events: events(answer.text) } : { json: JSON.parse(answer.text) }) };
}

const sentUpstream = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).at(-1).body;

for (const name of ['01-second-turn-of-openai-agents-js', '07-litellm-message-sent-back', '08-parsed-message-sent-back', '15-custom-tool']) {
  test(`${name}: the answer is 200, and the upstream gets messages and tools as the client sent them`, async () => {
    const answer = await run(name);
    assert.equal(answer.status, 200, answer.text);
    const { messages, tools } = await sentUpstream();
    assert.deepEqual([messages, tools], [answer.sent.messages, answer.sent.tools]);
  });
}

test('04-comment-is-an-event-of-its-own: a comment is a line of the block of an event, on every lane and before the first text', async () => {
  const answers = [await run('04-comment-is-an-event-of-its-own')];
  for (const route of ['support', 'relay', 'lean', 'slow']) {
    answers.push(await run('04-comment-is-an-event-of-its-own', { model: `route/${route}` }, 'or'));
  }
  for (const { text } of answers) {
    assert.match(text, /^(: failsoft keep-alive\n)*: failsoft \{.*\}\n(: OPENROUTER PROCESSING\n)*data: /);
    for (const block of text.split('\n\n').slice(0, -1)) assert.ok(block.split('\n').some((line) => line.startsWith('data: ')), block);
  }
});

test('04-comment-is-an-event-of-its-own: @microsoft/fetch-event-source reads the stream of every lane, and sends its request once', async (t) => {
  // The library expects a page.
  Object.assign(globalThis, { window: globalThis, document: { removeEventListener() {} } });
  t.after(() => {
    delete globalThis.window;
    delete globalThis.document;
  });
  for (const route of ['support', 'relay', 'lean', 'slow']) {
    await emulator.clear();
    let text = '';
    await fetchEventSource(`${or.origin}/v1/chat/completions`, {
      method: 'POST',
      openWhenHidden: true,
      headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...read('04-comment-is-an-event-of-its-own').body, model: `route/${route}` }),
      async onopen(response) {
        assert.equal(response.status, 200);
      },
      onmessage({ data }) {
        if (data !== '[DONE]') text += JSON.parse(data).choices[0]?.delta.content ?? '';
      },
      onerror(error) {
        throw error;
      },
    });
    assert.equal(text, 'word1 word2 word3 héllo word5', route);
    assert.equal((await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).length, 1, route);
  }
});

for (const [name, path, status, code] of [
  ['05a-owners-key-refused', '/v1/chat/completions', 502, 'upstream_key_refused'],
  ['05a-owners-key-refused', '/api/v1/chat/completions', 502, 502],
  ['05b-owner-without-credits', '/v1/chat/completions', 503, 'upstream_out_of_credits'],
  ['05b-owner-without-credits', '/api/v1/chat/completions', 503, 503],
]) {
  test(`${name}: at ${path} the client learns that the owner has to act, and nothing that the upstream says`, async () => {
    const answer = await run(name, {}, undefined, path);
    assert.deepEqual([answer.status, answer.json.error.code, answer.json.error.type], [status, code, 'server_error']);
    assert.ok(!/sk-or|credits\.|openrouter\.ai|insufficient_quota/.test(answer.text), answer.text);
  });
}

test('06-headers-after-ten-seconds: the headers of a stream come after 5 s, and a keep-alive comment every 5 s', async () => {
  const { text } = await run('06-headers-after-ten-seconds');
  // The first text comes after 12 s.
  assert.ok(text.startsWith(': failsoft keep-alive\n: failsoft keep-alive\n: failsoft {'), text.slice(0, 100));
});

test('09-max-tokens-above-limit: the limit is lowered, with a warning', async () => {
  const answer = await run('09-max-tokens-above-limit');
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await sentUpstream()).max_tokens, 4_096);
  assert.match(answer.headers['x-failsoft-warnings'], /lowered from 8000 to 4096 \(`limits.outputTokens`\)/);
});

for (const page of ['README.md', 'www/docs/edge.md']) {
  test(`12-readmes-own-curl: an edge with the configuration of ${page} answers the curl of ${page}`, async () => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const configuration = JSON.parse(/```json failsoft\.json\n(.*?)```/s.exec(text)[1]);
    const [, curl] = /^( *curl https:\/\/edge\.example\.com\/v1\/chat\/completions.*?)```/ms.exec(text);
    await withEdge({ failsoft: { ...configuration, upstream: openrouter() } }, async (edge) => {
      const { stdout } = await promisify(execFile)('sh', ['-c', curl.replace('https://edge.example.com', edge.origin).replace('curl', 'curl -s -w "\\n%{http_code}"')]);
      assert.match(stdout, /\n200$/);
      assert.match(stdout, /"content":"/);
      EDGES.readme = edge;
      const example = await run('12-readmes-own-curl');
      assert.ok(example.status === 200 && example.events.done);
    });
  });
}

for (const name of ['p/invalidname', 'p/invalid']) {
  test(`13-litellm-proxy-unknown-model: the next model answers in the place of ${name}`, async () => {
    upstream.asked.length = 0;
    const answer = await run('13-litellm-proxy-unknown-model', { models: [name, 'p/plain'] });
    assert.deepEqual([answer.status, textOf(answer), upstream.asked], [200, 'Here.', [name, 'p/plain']], answer.text);
  });
}

test('15-custom-tool: the client gets the calls of custom tools with their inputs, in one piece and as a stream', async () => {
  const tools = ['sql', 'shell'].map((name) => ({ type: 'custom', custom: { name } }));
  const expected = tools.map(({ custom: { name } }, at) => ({ id: `call_${at}`, type: 'custom', custom: { name, input: 'SELECT "' } }));
  const whole = await run('15-custom-tool', { model: 'p/plain', tools }, 'oa');
  assert.deepEqual(whole.json.choices[0].message.tool_calls, expected);
  const { events: { chunks, done } } = await run('15-custom-tool', { model: 'p/plain', tools, stream: true }, 'oa');
  const pieces = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
  assert.deepEqual(pieces.map(({ index, ...call }) => call), expected);
  assert.deepEqual([pieces.map(({ index }) => index), done], [[0, 1], true]);
});

test('17-long-conversation: a conversation of 1,000 messages is normal, and a longer one names the limit', async () => {
  assert.equal((await run('17-long-conversation')).status, 200);
  const messages = (count) => ({ messages: Array(count).fill({ role: 'user', content: 'words:2' }) });
  const conversation = read('17-long-conversation').body;
  const answer = (count) => send(or, '/v1/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...conversation, ...messages(count) }) });
  assert.equal((await answer(1_001)).status, 200);
  const long = await answer(2_001);
  assert.deepEqual([long.status, JSON.parse(long.text).error.param], [400, 'messages']);
  assert.match(long.text, /limits\.messages/);
});

const usageOf = ({ chunks }) => chunks.filter(({ usage }) => usage).map(({ usage }) => usage);

for (const name of ['02a-usage-hidden-stream', '02b-usage-include-ignored']) {
  test(`${name}: below /api/v1 a stream ends with its usage, asked for or not; below /v1 only where the client asks`, async () => {
    const [usage, ...others] = usageOf((await run(name)).events);
    assert.ok(usage.completion_tokens === 5 && usage.cost > 0 && others.length === 0);
    const { body } = read(name);
    const below = (fields) => send(or, '/v1/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...body, ...fields }) });
    assert.equal(usageOf(events((await below({})).text)).length, 0);
    assert.equal(usageOf(events((await below({ stream_options: { include_usage: true } })).text)).length, 1);
  });
}

for (const lane of ['relay', 'lean']) {
  test(`below /api/v1 the chunks of another upstream have OpenRouter's shape on the lane ${lane}; below /v1 they are the upstream's`, async () => {
    const body = JSON.stringify({ model: `route/${lane}`, stream: true, messages: [{ role: 'user', content: 'hi' }] });
    const ask = async (path) => events((await send(oa, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text).chunks;
    const chunks = await ask('/api/v1/chat/completions');
    assert.ok(chunks.length > 1);
    for (const { id, object, created, choices } of chunks) {
      assert.ok(typeof id === 'string' && object === 'chat.completion.chunk' && created > 0);
      for (const { index, delta } of choices) assert.ok(index === 0 && !('tool_calls' in delta));
    }
    assert.equal((await ask('/v1/chat/completions'))[0].id, null);
  });
}

test('03a-error-code-is-a-string: below /api/v1 the code of every error is the status, and the name of the error is beside it', async () => {
  const failed = await run('03a-error-code-is-a-string');
  assert.deepEqual([failed.status, failed.json.error.code, failed.json.error.metadata.error_type], [429, 429, 'rateLimited']);
  for (const [path, key, body, status, name] of [
    ['/api/v1/chat/completions', CLIENT_KEY, { model: SECOND, n: 100 }, 400, 'invalid_request'],
    ['/api/v1/chat/completions', 'fs_other', {}, 401, 'invalid_api_key'],
    ['/api/v1/nothing', CLIENT_KEY, {}, 404, 'unknown_url'],
  ]) {
    const { error } = JSON.parse((await send(or, path, { method: 'POST', key, body: JSON.stringify(body) })).text);
    assert.deepEqual([error.code, error.metadata.error_type], [status, name]);
    const below = JSON.parse((await send(or, path.slice('/api'.length), { method: 'POST', key, body: JSON.stringify(body) })).text);
    assert.equal(below.error.code, name);
  }
});

test('03b-error-event-without-choices: below /api/v1 the error of a stream is a chunk', async () => {
  const { events: { error, done } } = await run('03b-error-event-without-choices', { failsoft: { recover: 'error' } });
  const { id, object, created, model, choices } = error;
  assert.match(id, /^gen-/);
  assert.deepEqual([object, model, choices], ['chat.completion.chunk', 'fault/error-mid-stream', [{ index: 0, delta: { content: '' }, finish_reason: 'error' }]]);
  assert.ok(Number.isInteger(created) && error.error.code >= 500 && error.failsoft.attempts.length > 0 && !done);
});

test('11-budget-beside-error: the budget is in the error too, and OpenAI\'s package passes it on', async () => {
  const { status, json } = await run('11-budget-beside-error');
  assert.equal(status, 402);
  assert.equal(json.error.code, 'budget_exceeded');
  assert.deepEqual(json.error.budget, json.failsoft.budget);
  const openai = new OpenAI({ baseURL: `${budget.origin}/v1`, apiKey: CLIENT_KEY });
  await assert.rejects(openai.chat.completions.create(read('11-budget-beside-error').body), ({ error }) => {
    assert.deepEqual(error.budget, json.error.budget);
    return true;
  });
  const other = await run('11-budget-beside-error', {}, 'budget', '/api/v1/chat/completions');
  assert.deepEqual([other.json.error.code, other.json.error.metadata.budget], [402, json.error.budget]);
});

test('16-models-retrieve: one model, whose id has slashes that are encoded or not', async () => {
  assert.equal((await run('16-models-retrieve')).json.id, SECOND);
  for (const path of ['/v1/models/openai/gpt-4o', '/v1/models/openai%2Fgpt-4o', '/v1/models/openai%2fgpt-4o/']) {
    const { status, text } = await send(plain, path);
    assert.deepEqual([status, JSON.parse(text)], [200, { id: SECOND, object: 'model', created: 0, owned_by: 'openai' }]);
  }
  const route = JSON.parse((await send(plain, '/v1/models/route%2Fsupport')).text);
  assert.deepEqual([route.id, route.owned_by], ['route/support', 'failsoft']);
  for (const path of ['/v1/models/openai/gpt-5', '/v1/models/route/internal', '/v1/models/%', '/api/v1/model/a/b']) {
    assert.equal((await send(plain, path)).status, 404, path);
  }
  assert.equal((await send(plain, '/v1/models/openai/gpt-4o', { key: null })).status, 401);
  const openai = new OpenAI({ baseURL: `${plain.origin}/v1`, apiKey: CLIENT_KEY });
  assert.equal((await openai.models.retrieve(SECOND)).id, SECOND);
});

test('@openrouter/sdk reads answers, streams, errors and models of the edge', async () => {
  const retryConfig = { strategy: 'none' };
  const sdk = (edge) => new OpenRouter({ apiKey: CLIENT_KEY, serverURL: `${edge.origin}/api/v1`, retryConfig });
  const { chat, models } = sdk(or);
  const ask = (model, more) => ({ chatRequest: { model, messages: [{ role: 'user', content: 'words:3' }], ...more } });
  assert.match((await chat.send(ask('route/support'))).choices[0].message.content, /^word1/);
  let [text, usage] = ['', null];
  for await (const chunk of await chat.send(ask(SECOND, { stream: true }))) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage ??= chunk.usage;
  }
  assert.ok(text.startsWith('word1') && usage.cost > 0);
  await assert.rejects(chat.send(ask('fault/rate-limited-30')), ({ statusCode, constructor }) => statusCode === 429 && constructor.name === 'TooManyRequestsResponseError');
  const broken = await chat.send(ask('fault/error-mid-stream', { stream: true }));
  const errors = [];
  for await (const { error } of broken) if (error) errors.push(error);
  assert.ok(errors.length === 1 && Number.isInteger(errors[0].code));
  await assert.rejects(sdk(budget).chat.send(ask(SECOND)), ({ statusCode, constructor }) => statusCode === 402 && constructor.name === 'PaymentRequiredResponseError');
  const { data } = (await sdk(plain).models.list()).result ?? (await sdk(plain).models.list());
  assert.deepEqual(data.map(({ id }) => id), ['route/support', SECOND]);
  const one = await models.get({ author: 'openai', slug: 'gpt-4o' });
  assert.ok(one.data.id === SECOND && Number(one.data.pricing.prompt) > 0 && one.data.contextLength > 0);
});

test('10-expired-token: the code of a 401 says whether a new token helps', async () => {
  const [now, { body }] = [Math.floor(Date.now() / 1_000), read('10-expired-token')];
  const ask = async (key) => {
    const answer = await send(users, '/v1/chat/completions', { method: 'POST', key, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return [answer.status, JSON.parse(answer.text).error?.code];
  };
  const stranger = generateKeyPairSync('ed25519').privateKey;
  assert.deepEqual(await ask(userToken(now - 3_600)), [401, 'token_expired']);
  assert.deepEqual(await ask(userToken(now - 3_600, stranger)), [401, 'token_invalid'], 'nobody learns about a token that is not signed');
  assert.deepEqual(await ask(userToken('soon')), [401, 'token_invalid']);
  assert.deepEqual(await ask('fs_nobody'), [401, 'invalid_api_key']);
  assert.deepEqual(await ask(userToken(now + 3_600)), [200, undefined]);
});

test('14-session-without-origin: a native app gets a session for a Turnstile token where the owner allows it, and no page can use the session', async () => {
  const closed = await run('14-session-without-origin');
  assert.deepEqual([closed.status, closed.json.error.code], [403, 'origin_not_allowed']);
  assert.match(closed.json.error.message, /`visitors.nativeApps`/);
  assert.deepEqual(authority.verified, []);
  const { status, json: { token } } = await run('14-session-without-origin', {}, 'apps');
  assert.deepEqual([status, authority.verified], [200, ['tok-native']]);
  const ask = (edge, headers) => send(edge, '/v1/chat/completions', { method: 'POST', key: token, headers, body: JSON.stringify(read('10-expired-token').body) });
  assert.equal((await ask(apps, {})).status, 200);
  for (const origin of ['https://app.example', 'https://evil.example', 'null']) assert.equal((await ask(apps, { origin })).status, 403, origin);
  assert.equal((await ask(users, {})).status, 403, 'where the owner does not allow it, the session is of no use');
  for (const [turnstile, code] of [['tok-native', 'turnstile_refused'], ['tok-of-a-bot', 'turnstile_refused'], ['', 'invalid_request']]) {
    const refused = await run('14-session-without-origin', { turnstile }, 'apps');
    assert.equal(refused.json.error.code, code);
  }
});
