// Canaries: each secret has a mark of its own, which must appear nowhere but where the secret belongs, whatever is retried, repaired or
// refused: no answer, header, log line, span, alert, metric, stored row or file, and no request to anybody else.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send, textOf } from './harness.mjs';
import { configure, setUp, useEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const FIRST = 'openai/gpt-4o-mini';
/** A secret with a mark that nothing else has. */
const secret = (name) => `sk-${name}-c4n4ry${name}0123456789abcdef0123456789`;
const KEYS = { UPSTREAM_API_KEY: secret('new'), UPSTREAM_API_KEY_OLD: secret('old'), SECOND_KEY: secret('second') };
const OWN = { ADMIN_TOKEN: secret('admin'), CI_TOKEN: secret('ci'), METRICS_TOKEN: secret('metrics'), SESSION_SECRET: secret('session'), SESSION_SECRET_OLD: secret('sessionold'), TURNSTILE_SECRET: secret('turnstile') };
const HEADERS = { OTLP_HEADERS: `authorization=Bearer ${secret('otlp')}`, ALERT_HEADERS: `x-key=${secret('alerts')}` };
const CLIENTS = { client: secret('client'), poor: secret('poor') };
const STATIC = secret('static');
const PROMPT = 'c4n4ry-of-a-prompt words:8';
const MARK = /c4n4ry[a-z]+|c4n4ry-of-a-prompt/g;

/** What was posted to the servers of the owner, by the server. */
const got = { spans: [], alerts: [], turnstile: [], upstream: [] };
const upstream = { reply: null };

async function listen(name, answer) {
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    got[name].push({ url: request.url, headers: request.headers, text });
    answer(request, response, text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

const urls = {};
setUp(async () => {
  urls.spans = await listen('spans', (_, response) => response.writeHead(500).end(`echo ${HEADERS.OTLP_HEADERS}`));
  urls.alerts = await listen('alerts', (_, response) => response.end());
  urls.turnstile = await listen('turnstile', (request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true,"hostname":"app.example"}'));
  urls.upstream = await listen('upstream', (request, response, text) => {
    if (request.method !== 'POST') return response.writeHead(500).end(`no: ${request.headers.authorization}`);
    return upstream.reply(request, response, JSON.parse(text));
  });
});

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  strangers: 10_000,
  secret: KEYS.UPSTREAM_API_KEY,
  secrets: { ...KEYS, ...OWN, ...HEADERS },
  failsoft: configure(emulator, {
    upstream: undefined,
    upstreams: [{ url: urls.upstream, dialect: 'openai', headers: { 'x-static': STATIC } }, { url: emulator.baseURL, dialect: 'openrouter', key: 'SECOND_KEY' }],
    keys: [clientKey({}, CLIENTS.client), clientKey({ name: 'poor', budget: { requests: { day: 1 } } }, CLIENTS.poor)],
    admins: [{ name: 'ci', token: 'CI_TOKEN', scopes: ['read'] }],
    models: ['*'],
    visitors: { origins: [APP], siteverify: `${urls.turnstile}/siteverify`, budget: { requests: { day: 100 } } },
    routes: {
      chat: { models: [FIRST, SECOND] },
      judged: { models: [FIRST], policy: { judge: { model: SECOND, threshold: 1 } } },
      relayed: { models: [FIRST], lane: 'relay' },
      lean: { models: [FIRST], lane: 'lean' },
    },
    policy: { ...POLICY, timeouts: { ...POLICY.timeouts, headers: 1_000, firstToken: 1_500, idle: 1_000 }, retry: { same: 1, base: 5 } },
    otlp: { url: urls.spans, headers: 'OTLP_HEADERS' },
    alerts: { url: urls.alerts, headers: 'ALERT_HEADERS', fallbacks: 1 },
  }),
}));

/** The marks in `text`, except the `allowed` ones. */
const marks = (text, ...allowed) => [...new Set(text.match(MARK) ?? [])].filter((mark) => !allowed.some((value) => value.includes(mark)));

function checkFree(where, text, ...allowed) {
  assert.deepEqual(marks(text, ...allowed), [], `${where}: ${text.slice(0, 2_000)}`);
}

const reply = (response, status, body, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
const echo = ({ headers }) => `${headers.authorization} ${headers['x-static']} ${encodeURIComponent(headers.authorization)} ${KEYS.UPSTREAM_API_KEY_OLD}`;
const chunk = (fields) => `data: ${JSON.stringify({ id: 'a', object: 'chat.completion.chunk', model: FIRST, ...fields })}\n\n`;
const stream = (response, ...parts) => response.writeHead(200, { 'content-type': 'text/event-stream', 'x-generation-id': 'gen-1' }).end(parts.join(''));
const TEXT = 'Hello from a model.';
/** Every field of a good answer beside its text repeats the headers of the request. */
const beside = (request) => ({ id: `gen-${echo(request)}`, model: `${FIRST} ${echo(request)}`, object: 'x', system_fingerprint: echo(request), provider: echo(request), service_tier: echo(request), [echo(request)]: 1, extra: [{ [echo(request)]: 1, deep: echo(request) }], openrouter_metadata: inside(request), usage: { prompt_tokens: 1, completion_tokens: 4, total_tokens: 5, note: echo(request) } });
const inside = (request) => ({ attempts: [{ provider: echo(request), model: FIRST, status: 200 }] });
const choice = (request, more) => ({ index: 0, native_finish_reason: echo(request), provider: echo(request), ...more });
const goodStream = (request, spell) => [TEXT.slice(0, 6), TEXT.slice(6), ''].map((content) => spell(`data: ${JSON.stringify({ ...beside(request), choices: [choice(request, { delta: { role: 'assistant', content }, finish_reason: content === '' ? 'stop' : null })] })}\n\n`)).concat('data: [DONE]\n\n');
/** Good answers that repeat every header of the request, also with its letters as escapes. */
const GOOD = {
  'a good answer': (request, response, { stream: streamed }) => {
    if (streamed) return stream(response, ...goodStream(request, String));
    const body = { ...beside(request), choices: [choice(request, { message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' })] };
    reply(response, 200, body, { 'x-generation-id': `gen-${request.headers.authorization.slice(7)}`, 'x-request-id': request.headers['x-static'] });
  },
  'a good stream with escapes': (request, response) => stream(response, ...goodStream(request, (event) => event.replaceAll('c4n4ry', '\\u0063\\u0034\\u006e4ry'))),
};
const hello = chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello ' } }] });

/** Upstreams that send back every header that they got, in every place where a gateway, a proxy or a vendor would. */
const REPLIES = {
  ...GOOD,
  ...Object.fromEntries([400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 524, 529].map((status) => [`an error ${status}`, (request, response) => reply(response, status, { error: { message: echo(request), code: echo(request), type: echo(request), param: echo(request), metadata: { raw: echo(request), provider_name: echo(request), headers: { authorization: request.headers.authorization } } }, openrouter_metadata: inside(request) }, { 'x-request-id': request.headers.authorization.slice(7), 'www-authenticate': echo(request) })])),
  'a redirect': (request, response) => reply(response, 307, echo(request), { location: `https://example.com/?key=${request.headers.authorization.slice(7)}` }),
  'a page of a proxy': (request, response) => reply(response, 403, `<html><title>${echo(request)}</title>${echo(request)}</html>`, { 'content-type': 'text/html' }),
  'plain text': (request, response) => reply(response, 500, echo(request), { 'content-type': 'text/plain' }),
  'an error in a 200': (request, response) => reply(response, 200, { error: { message: echo(request), code: 401 } }),
  'an answer that is none': (request, response) => reply(response, 200, `"${echo(request)}"`),
  'an answer that breaks': (request, response) => reply(response, 200, `{"id":"${echo(request)}`),
  'an error at the beginning of a stream': (request, response) => stream(response, chunk({ error: { message: echo(request), code: 502 }, choices: [] })),
  'an error in the middle of a stream': (request, response) => stream(response, hello, chunk({ error: { message: echo(request), code: echo(request) }, choices: [] })),
  'an error behind a comment': (request, response) => stream(response, `: ${echo(request).replaceAll(' ', '_')}\n\n`, chunk({ error: { message: echo(request), code: 500 }, choices: [] })),
  'an error without JSON in a stream': (request, response) => stream(response, `event: error\ndata: ${echo(request)}\n\n`),
  'a stream that ends early': (request, response) => stream(response, hello),
  'a connection that breaks': (request, response) => response.destroy(),
  'silence': (request, response) => setTimeout(() => response.destroy(), 2_500),
};

/** What a client reads: also the characters that are escaped in JSON. */
const requestsOf = (answer) => answer.text.replace(/\\u([0-9a-f]{4})/gi, (_, code) => String.fromCharCode(parseInt(code, 16))) + JSON.stringify(answer.headers);

test('no canary is in an answer, a header or a report, whatever the upstream sends back, on every lane', async () => {
  let calls = 0;
  for (const [name, answer] of Object.entries(REPLIES)) {
    upstream.reply = answer;
    const isSlow = name === 'silence';
    const requests = ['route/chat', 'route/judged', ...(isSlow ? [] : ['route/relayed', 'route/lean', FIRST])].flatMap((model) => [false, true].map((streamed) => [model, streamed]));
    for (const [model, streamed] of isSlow ? requests.slice(0, 2) : requests) {
      const seen = await chat(edge, { model, stream: streamed, seed: calls, messages: [{ role: 'user', content: PROMPT }] }, { key: CLIENTS.client, headers: { 'x-request-id': `call-${calls}`, 'x-feature': 'canaries' } });
      // The emulator's answer repeats the prompt.
      checkFree(`${name} ${model} ${streamed}`, requestsOf(seen), PROMPT);
      calls += 1;
    }
  }
  assert.ok(calls > 200, String(calls));
  for (const [name, answer] of Object.entries(REPLIES).filter(([reply]) => reply !== 'silence')) {
    upstream.reply = answer;
    for (const streamed of [false, true]) {
      const prompt = `${PROMPT} ${(calls += 1)}`;
      for (const [path, fields] of [['/v1/messages', { max_tokens: 50, messages: [{ role: 'user', content: prompt }] }], ['/v1/responses', { input: prompt }], ['/api/v1/chat/completions', { messages: [{ role: 'user', content: prompt }] }]]) {
        const body = JSON.stringify({ model: 'route/chat', stream: streamed, ...fields });
        const seen = await send(edge, path, { method: 'POST', key: CLIENTS.client, body, headers: { 'content-type': 'application/json' } });
        checkFree(`${name} ${path} ${streamed}`, requestsOf(seen), PROMPT);
      }
    }
  }
  const used = new Set(got.upstream.map(({ headers }) => headers.authorization));
  for (const key of [KEYS.UPSTREAM_API_KEY, KEYS.UPSTREAM_API_KEY_OLD]) assert.ok(used.has(`Bearer ${key}`), 'both keys were tried');
});

test('a good answer whose fields repeat the key is delivered with its whole text, on every lane', async () => {
  let calls = 0;
  for (const [name, answer] of Object.entries(GOOD)) {
    upstream.reply = answer;
    for (const [model, streamed] of ['route/chat', 'route/relayed', 'route/lean'].flatMap((model) => [[model, false], [model, true]])) {
      const seen = await chat(edge, { model, stream: streamed, seed: 10_000 + (calls += 1) }, { key: CLIENTS.client });
      assert.deepEqual([seen.status, seen.events?.text ?? textOf(seen)], [200, TEXT], `${name} ${model} ${streamed}: ${seen.text}`);
    }
  }
});

test('no canary is in the answer to a refused request', async () => {
  upstream.reply = (request, response) => reply(response, 500, {});
  const all = [...Object.values({ ...KEYS, ...OWN, ...CLIENTS }), ...Object.values(HEADERS).map((text) => text.split(/[= ]/).at(-1))];
  for (const key of all) {
    for (const wrong of [`${key}x`, key.slice(0, -1), `x${key}`]) {
      for (const path of ['/v1/models', '/metrics', '/admin/keys', `/v1/${key}`, `/admin/keys/${key}`]) {
        const answer = await send(edge, path, { key: wrong, headers: { 'x-request-id': key, 'x-feature': key } });
        // The path of the caller is repeated, and an id of the caller is kept.
        checkFree(path, requestsOf(answer), key);
        assert.ok(answer.status >= 400, path);
      }
    }
  }
  await chat(edge, { model: 'route/chat', messages: [{ role: 'user', content: PROMPT }] }, { key: CLIENTS.poor });
  for (const body of [{ model: 'route/chat', messages: [{ role: 'user', content: PROMPT }] }, `{"model":"${PROMPT}`, { model: FIRST, messages: [{ role: PROMPT, content: 1 }] }, { model: 'route/chat', temperature: PROMPT }]) {
    checkFree('a refused call', requestsOf(await chat(edge, body, { key: CLIENTS.poor })), PROMPT);
  }
  for (const path of ['/healthz', '/v1/models', '/v1/usage', '/v1/playground']) checkFree(path, requestsOf(await send(edge, path, { key: CLIENTS.client })));
});

test('no canary is in the log, a span, an alert, a metric, a row or a stored file', async () => {
  const session = await send(edge, '/v1/session', { method: 'POST', key: null, headers: { origin: APP, 'cf-connecting-ip': '203.0.113.7' }, body: '{"turnstile":"t-1"}' });
  assert.equal(session.status, 200, session.text);
  const { token } = JSON.parse(session.text);
  assert.equal((await chat(edge, { model: 'route/chat', messages: [{ role: 'user', content: PROMPT }] }, { key: token, headers: { origin: APP } })).status, 200);
  const made = JSON.parse((await send(edge, '/admin/keys', { method: 'POST', key: OWN.ADMIN_TOKEN, body: '{"name":"managed"}' })).text);
  assert.equal((await send(edge, '/v1/models', { key: made.key })).status, 200);
  for (let left = 200; left > 0 && (got.spans.length < 50 || got.alerts.length === 0); left -= 1) await sleep(50);
  await edge.cron();
  const isRow = ({ text }) => text.length > 0;
  assert.ok(got.spans.filter(isRow).length >= 50 && got.alerts.length > 0, `${got.spans.length} ${got.alerts.length}`);
  for (const { url, text } of [...got.spans, ...got.alerts]) checkFree('a span or an alert', url + text);
  for (const { headers } of got.spans) checkFree('the headers of a span', JSON.stringify(headers), HEADERS.OTLP_HEADERS);
  for (const { headers } of got.alerts) checkFree('the headers of an alert', JSON.stringify(headers), HEADERS.ALERT_HEADERS);
  for (const { headers, text } of got.turnstile) checkFree('a request to Turnstile', JSON.stringify(headers) + text, OWN.TURNSTILE_SECRET);
  for (const { headers, text } of got.upstream) checkFree('a request to the first upstream', JSON.stringify(headers) + text, KEYS.UPSTREAM_API_KEY, KEYS.UPSTREAM_API_KEY_OLD, STATIC, PROMPT);
  for (const { headers, body, path } of await emulator.log()) checkFree('a request to the second upstream', JSON.stringify([headers, body, path]), KEYS.SECOND_KEY, PROMPT);
  const metrics = await send(edge, '/metrics', { key: OWN.METRICS_TOKEN });
  assert.equal(metrics.status, 200);
  checkFree('the metrics', requestsOf(metrics));
  assert.match(edge.said(), /"event":"call"/);
  checkFree('the log', edge.said());
  assert.ok(![made.key, token].some((text) => edge.said().includes(text)));
  const tables = await edge.database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\'");
  for (const { name } of tables) checkFree(`the table ${name}`, JSON.stringify(await edge.database.all(`SELECT * FROM "${name}"`)));
  const [{ rows }] = await edge.database.all('SELECT count(*) AS rows FROM attempts');
  assert.ok(rows > 100, String(rows));
  const files = (await readdir(edge.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && /\.sqlite/.test(entry.name));
  assert.ok(files.length > 3);
  for (const file of files) {
    const text = await readFile(join(file.parentPath, file.name), 'latin1');
    checkFree(file.name, text);
    for (const shown of [made.key, token]) assert.ok(!text.includes(shown), file.name);
  }
});
