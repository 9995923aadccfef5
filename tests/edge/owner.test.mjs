// What an upstream says about its owner: clients get a sentence of the edge, and the owner gets an alert and the original.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, chat } from './harness.mjs';
import { setUp, useEdge } from './use-edge.mjs';

const KEY = 'sk-or-v1-c4n4ry0123456789abcdef';
const MODEL = 'openai/gpt-4o';
/** What no client may read. */
const SECRETS = [KEY, KEY.slice(0, 14), KEY.slice(-8), 'c4n4ry', 'org-ZyXwVu98', '/srv/vllm', '10.0.3.7', 'balance', 'acme'];
const OWNERS_WORDS = `Key ${KEY} (****${KEY.slice(-8)}) of org-ZyXwVu98 at acme: balance -3.20 USD, see /srv/vllm/engine.py on 10.0.3.7:8000`;

/** An upstream that gives the answers of a list, then its last answer again and again. */
const upstream = { answers: [], seen: 0 };
const hooks = { posts: [] };

async function listen(handle) {
  const server = createServer(handle);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

setUp(async () => {
  upstream.url = await listen(async (request, response) => {
    for await (const _ of request);
    if (!request.url.endsWith('/chat/completions')) return response.writeHead(404).end();
    upstream.seen += 1;
    const { status = 200, type = 'application/json', body } = upstream.answers.length > 1 ? upstream.answers.shift() : upstream.answers[0];
    response.writeHead(status, { 'content-type': type });
    if (!Array.isArray(body)) return response.end(typeof body === 'string' ? body : JSON.stringify(body));
    response.write(body[0]);
    setTimeout(() => response.end(body[1]), 200);
  });
  hooks.url = await listen(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    hooks.posts.push(JSON.parse(text));
    response.end();
  });
});

const { edge } = useEdge(() => ({
  secret: KEY,
  failsoft: {
    upstream: { url: upstream.url, dialect: 'openai' },
    keys: [clientKey({ budget: { requests: { minute: 1000 } } })],
    policy: { ...POLICY, retry: { same: 0 } },
    routes: { relayed: { models: [MODEL], lane: 'relay' }, lean: { models: [MODEL], lane: 'lean' } },
    alerts: { url: hooks.url },
  },
}));

const error = (message, more) => ({ error: { message, ...more } });
const OK = { body: { id: 'a', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }] } };
let calls = 0;
/** A call that differs from all others, to an upstream that gives `answers`. */
function ask(answers, body = {}) {
  upstream.answers = [answers].flat();
  upstream.seen = 0;
  calls += 1;
  return chat(edge, { model: MODEL, seed: calls, ...body });
}
function checkFree(text) {
  for (const piece of SECRETS) assert.ok(!text.includes(piece), `the answer has ${piece}: ${text}`);
}

/** Answers as vendors send them, with the status and the code that a client gets. */
const ANSWERS = [
  ['a wrong key at OpenAI', 401, error(OWNERS_WORDS, { type: 'invalid_request_error', code: 'invalid_api_key' }), 502, 'upstream_key_refused'],
  ['a wrong key at Azure', 401, error(`Access denied due to invalid subscription key. ${OWNERS_WORDS}`, { code: '401' }), 502, 'upstream_key_refused'],
  ['a wrong key at Anthropic', 401, { type: 'error', ...error(OWNERS_WORDS, { type: 'authentication_error' }) }, 502, 'upstream_key_refused'],
  ['an empty account at OpenRouter', 402, error(OWNERS_WORDS, { code: 402 }), 503, 'upstream_out_of_credits'],
  ['a used-up quota at OpenAI, which is a 429', 429, error(OWNERS_WORDS, { type: 'insufficient_quota', code: 'insufficient_quota' }), 503, 'upstream_out_of_credits'],
  ['a missing permission', 403, error(OWNERS_WORDS, { type: 'permission_error' }), 502, 'upstream_permission_denied'],
  ['a 403 without a body', 403, '', 502, 'upstream_permission_denied'],
  ['a page of a proxy', 401, `<html>${OWNERS_WORDS}</html>`, 502, 'upstream_key_refused'],
  ['a fault inside the upstream', 500, error(OWNERS_WORDS, { code: 'acme' }), 500, 'serverError'],
  ['an overloaded upstream', 503, OWNERS_WORDS, 503, 'unavailable'],
  ['a gateway that timed out', 524, `<html>${OWNERS_WORDS}</html>`, 524, 'serverError'],
  ['too many requests of the organisation', 429, error(OWNERS_WORDS, { type: 'rate_limit_error' }), 429, 'rateLimited'],
];

for (const [name, status, body, expected, code] of ANSWERS) {
  for (const fields of [{}, { stream: true }, { model: 'route/relayed', stream: true }, { model: 'route/lean', stream: true }]) {
    test(`${name}: ${expected} ${code} ${JSON.stringify(fields)}`, async () => {
      const answer = await ask({ status, body }, fields);
      assert.deepEqual([answer.status, answer.json.error.code], [expected, code], answer.text);
      if (expected >= 500) assert.equal(answer.json.error.type, 'server_error');
      assert.equal(answer.headers['x-should-retry'], 'false');
      checkFree(answer.text + JSON.stringify(answer.headers));
    });
  }
}

test('a moderation stays a content filter, and a problem of the request keeps its words without the key', async () => {
  const moderated = await ask({ status: 403, body: error('Your input was flagged', { code: 403, metadata: { reasons: ['violence'], flagged_input: 'x' } }) });
  assert.deepEqual([moderated.status, moderated.json.error.kind, moderated.json.error.message], [403, 'contentFilter', 'Your input was flagged']);
  const wrong = await ask({ status: 400, body: error(`'temperature' must be below 2, says ${KEY} at /srv/vllm/engine.py`, { type: 'invalid_request_error', param: 'temperature' }) });
  assert.deepEqual([wrong.status, wrong.json.error.message], [400, "'temperature' must be below 2, says [removed] at [removed]"]);
  const long = await ask({ status: 400, body: error('x'.repeat(100_000)) });
  assert.ok(long.text.length < 5_000, String(long.text.length));
});

test('an error inside a stream has no word of the owner either', async () => {
  const chunk = (fields) => `data: ${JSON.stringify({ id: 'a', object: 'chat.completion.chunk', ...fields })}\n\n`;
  const text = chunk({ choices: [{ index: 0, delta: { content: 'Hello' } }] });
  const broken = chunk({ choices: [], error: { message: OWNERS_WORDS, code: 502 } });
  const answer = await ask({ type: 'text/event-stream', body: [text, broken] }, { stream: true, failsoft: { recover: 'error' } });
  // A busy machine may read both parts at once: then the call fails before its headers.
  const { error } = answer.events?.error ?? answer.json;
  assert.equal(error.type, 'server_error', answer.text);
  checkFree(answer.text);
});

test('the owner finds the original in the log, without the key, and gets one alert for each problem', async () => {
  await ask({ status: 401, body: error(OWNERS_WORDS) });
  await ask({ status: 402, body: error(OWNERS_WORDS) });
  const lines = edge.said().split('\n').filter((line) => line.includes('"event":"upstreamFailure"')).map((line) => JSON.parse(line.slice(line.indexOf('{'))));
  const line = lines.find(({ status }) => status === 402);
  assert.equal(line.kind, 'paymentRequired');
  assert.match(line.message, /^Key \[removed\] \(\[removed\]\) of org-ZyXwVu98 at acme: balance -3.20 USD/);
  assert.ok(!edge.said().includes('c4n4ry'));
  const alerts = () => hooks.posts.filter(({ kind }) => kind === 'upstream').map(({ facts }) => facts.code).sort();
  const until = Date.now() + 20_000;
  while (alerts().length < 3 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([...new Set(alerts())], ['upstream_key_refused', 'upstream_out_of_credits', 'upstream_permission_denied']);
  assert.doesNotMatch(JSON.stringify(hooks.posts), /c4n4ry|acme/);
});

test('another model may answer, and the report has no word of the owner', async () => {
  const answer = await ask([{ status: 404, body: error(`no endpoints for ${KEY}`, { code: 'model_not_found' }) }, OK], { models: [MODEL, 'a/second'], model: undefined });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.failsoft.attempts.length, 2);
  checkFree(answer.text);
});

test('an SDK that repeats a request, whatever the answer says, causes one upstream request', async () => {
  for (const [status, expected] of [[401, 502], [402, 503], [403, 502]]) {
    upstream.answers = [{ status, body: error(OWNERS_WORDS) }];
    upstream.seen = 0;
    const body = { model: MODEL, user: `repeats-${status}` };
    for (let again = 0; again < 7; again += 1) {
      const answer = await chat(edge, body);
      assert.equal(answer.status, expected);
      checkFree(answer.text);
    }
    assert.equal(upstream.seen, 1);
    upstream.answers = [OK];
    assert.equal((await chat(edge, { ...body, user: 'another request' })).status, 200);
  }
});

test('the openai SDK throws the exception of a server that failed, after one request', async () => {
  const client = new OpenAI({ apiKey: CLIENT_KEY, baseURL: `${edge.origin}/v1` });
  upstream.answers = [{ status: 401, body: error(OWNERS_WORDS) }];
  upstream.seen = 0;
  const thrown = await client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'SDK' }] }).catch((thrown) => thrown);
  assert.ok(thrown instanceof OpenAI.InternalServerError, String(thrown));
  assert.deepEqual([thrown.status, thrown.code, upstream.seen], [502, 'upstream_key_refused', 1]);
});
