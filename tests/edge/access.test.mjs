// Access to the edge: which clients may call, from which pages, which models, with which bodies; and the answers to all others.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES, SECOND, chat, send } from './harness.mjs';
import { useEdge, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const OTHER = 'https://other.example';
const EVIL = 'https://evil.example';
const WEB_KEY = 'fs_web';
const NARROW_KEY = 'fs_narrow';
const LIMITS = { bodyBytes: 20_000, messages: 4 };

const { emulator, edge } = useEdge({
  failsoft: {
    keys: [
      clientKey(),
      clientKey({ name: 'web', origins: [APP] }, WEB_KEY),
      clientKey({ name: 'narrow', routes: ['support'], models: ['openai/gpt-4o-mini'] }, NARROW_KEY),
    ],
    models: [SECOND, 'fault/*'],
    routes: { support: { models: ['fault/overloaded', SECOND] }, internal: { models: ['x/secret-model'] } },
    origins: [OTHER],
    limits: LIMITS,
  },
});

/** Runs `act`, and checks that nothing was sent to the upstream. */
async function expectNothingSent(act) {
  await emulator.clear();
  const answer = await act();
  assert.deepEqual(await emulator.log(), []);
  return answer;
}

function checkError(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  const { error } = JSON.parse(answer.text);
  assert.equal(error.code, code);
  // No model failed, so there is no `kind` of a failure.
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
  assert.equal(answer.headers['x-should-retry'], 'false');
  assert.ok(answer.headers['x-request-id']);
  return error;
}

test('a call without a known key is refused, and nothing is sent to the upstream', async () => {
  for (const key of [null, '', 'fs_unknown', 'sk-or-test', clientKey().sha256]) {
    const answer = await expectNothingSent(() => chat(edge, { model: SECOND }, { key }));
    const error = checkError(answer, 401, 'invalid_api_key');
    assert.equal(error.type, 'authentication_error');
    assert.ok(!key || !answer.text.includes(key));
  }
  checkError(await send(edge, '/v1/models', { key: null }), 401, 'invalid_api_key');
});

test('both base URLs work', async () => {
  for (const path of ['/v1/chat/completions', '/api/v1/chat/completions']) {
    const body = JSON.stringify({ model: SECOND, messages: MESSAGES });
    const answer = await send(edge, path, { method: 'POST', body });
    assert.equal(answer.status, 200, answer.text);
  }
});

test('a key that names an origin works from a page of that origin only', async () => {
  const from = (origin) => chat(edge, { model: SECOND }, { key: WEB_KEY, headers: origin ? { origin } : {} });
  assert.equal((await from(APP)).status, 200);
  for (const origin of [EVIL, OTHER, 'null', undefined]) {
    checkError(await expectNothingSent(() => from(origin)), 403, 'origin_not_allowed');
  }
});

test('a model outside the list is refused with a message that names the models of this key, and no others', async () => {
  const answer = await expectNothingSent(() => chat(edge, { models: [SECOND, 'openai/o3'] }, { key: NARROW_KEY }));
  const error = checkError(answer, 403, 'model_not_allowed');
  assert.match(error.message, /it may ask for: route\/support, openai\/gpt-4o-mini$/);
  assert.equal(error.param, 'model');
  checkError(await expectNothingSent(() => chat(edge, { model: 'x/secret-model' })), 403, 'model_not_allowed');
});

test('a route has its own chain, and a route that this key may not use is unknown', async () => {
  const answer = await chat(edge, { model: 'route/support' }, { key: NARROW_KEY });
  assert.equal(answer.headers['x-failsoft-model'], SECOND);
  assert.deepEqual(asked(await emulator.log()), [['fault/overloaded'], [SECOND]]);
  for (const model of ['route/internal', 'route/none', 'route/']) {
    const error = checkError(await expectNothingSent(() => chat(edge, { model }, { key: NARROW_KEY })), 404, 'model_not_found');
    assert.match(error.message, /there are: route\/support$/);
  }
});

test('each key gets a list of its own models, routes first, in the shape of OpenAI', async () => {
  for (const [key, ids] of [
    [CLIENT_KEY, ['route/support', 'route/internal', SECOND]],
    [NARROW_KEY, ['route/support', 'openai/gpt-4o-mini']],
  ]) {
    for (const path of ['/v1/models', '/api/v1/models']) {
      const list = JSON.parse((await send(edge, path, { key })).text);
      assert.equal(list.object, 'list');
      assert.deepEqual(list.data.map(({ id }) => id), ids);
      assert.ok(list.data.every((row) => row.object === 'model' && Number.isInteger(row.created) && row.owned_by));
    }
  }
});

test('a body that is too large is refused, with and without a Content-Length', async () => {
  const body = JSON.stringify({ model: SECOND, messages: [{ role: 'user', content: 'x'.repeat(LIMITS.bodyBytes) }] });
  const announced = await expectNothingSent(() => chat(edge, body, { headers: { 'content-length': Buffer.byteLength(body) } }));
  const error = checkError(announced, 413, 'request_too_large');
  assert.match(error.message, /20000 bytes/);
  checkError(await expectNothingSent(() => chat(edge, body, { headers: { 'transfer-encoding': 'chunked' } })), 413, 'request_too_large');
});

for (const [name, body, pattern, param] of [
  ['nothing', '', /not JSON: EOF .* line 1 column 0/, null],
  ['no JSON', '{"model": "openai/gpt-4o", "messages": [}', /not JSON: .* line 1 column 41/, null],
  ['no object', '[]', /must be a JSON object/, null],
  ['NaN', '{"model": "openai/gpt-4o", "temperature": NaN}', /not JSON: .* line 1 column 43/, null],
  ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not JSON: invalid unicode code point at line 1/, null],
  ['no messages', { messages: undefined, model: SECOND }, /`messages` must be an array/, 'messages'],
  ['empty messages', { model: SECOND, messages: [] }, /`messages` is empty/, 'messages'],
  ['too many messages', { model: SECOND, messages: Array(5).fill(MESSAGES[0]) }, /has 5 entries; this edge takes 4 at most/, 'messages'],
  ['a message without a role', { model: SECOND, messages: [{ content: 'x' }] }, /`messages\[0\]\.role`/, 'messages[0].role'],
  ['no model', {}, /`models` is missing/, 'models'],
  ['an empty chain', { models: [] }, /`models` is missing/, 'models'],
  ['a chain of numbers', { models: [1] }, /`models\[0\]` must be a model's id/, 'models[0]'],
  ['a chain that is too long', { models: Array.from({ length: 33 }, (_, at) => `fault/${at}`) }, /more than 32/, 'models'],
  ['a temperature in words', { model: SECOND, temperature: 'hot' }, /`temperature` must be a finite number/, 'temperature'],
  ['a stream that is no boolean', { model: SECOND, stream: 'yes' }, /`stream` must be true or false/, 'stream'],
  ['a route beside models', { model: 'route/support', models: [SECOND] }, /`models` cannot stand beside a route/, 'models'],
  ['a route among models', { models: ['route/support'] }, /holds a route/, 'models'],
  ['more attempts', { model: SECOND, failsoft: { attempts: 9 } }, /`failsoft.attempts` cannot be more than 8 here/, 'failsoft.attempts'],
  ['longer clocks', { model: SECOND, failsoft: { timeouts: { total: 600_000 } } }, /`failsoft.timeouts.total` cannot be more than 20000/, 'failsoft.timeouts.total'],
  ['another breaker', { model: SECOND, failsoft: { breaker: { failures: 0 } } }, /`failsoft.breaker` is decided by the edge/, 'failsoft.breaker'],
  ['a misspelt policy', { model: SECOND, failsoft: { atempts: 1 } }, /did you mean `attempts`/, 'failsoft.atempts'],
]) {
  test(`the answer to bad input says what is wrong and where: ${name}`, async () => {
    const answer = await expectNothingSent(() => chat(edge, body));
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.error.message, pattern);
    assert.equal(answer.json.error.param, param);
    assert.equal(answer.json.error.type, 'invalid_request_error');
  });
}

test('JSON with a wrong content type is accepted', async () => {
  const answer = await chat(edge, { model: SECOND }, { headers: { 'content-type': 'text/plain' } });
  assert.equal(answer.status, 200);
});

test('the answer to an unknown path names the right path, and the answer to a wrong method names the right methods', async () => {
  for (const path of ['/v1/images', '/v1/completions', '/v1/nothing', '/v1']) {
    const error = checkError(await send(edge, path, { method: 'POST', body: '{}' }), 404, 'unknown_url');
    assert.match(error.message, /POST \/v1\/chat\/completions/);
  }
  const wrong = await send(edge, '/v1/chat/completions');
  checkError(wrong, 405, 'method_not_allowed');
  assert.equal(wrong.headers.allow, 'POST, OPTIONS');
  checkError(await send(edge, '/v1/models', { method: 'DELETE' }), 405, 'method_not_allowed');
});

test('a preflight needs no key, and its answer allows the headers that it names', async () => {
  const requested = 'authorization,content-type,x-stainless-os,x-stainless-retry-count';
  for (const path of ['/v1/chat/completions', '/v1/models', '/v1/nowhere']) {
    for (const origin of [APP, OTHER]) {
      const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': requested };
      const answer = await send(edge, path, { method: 'OPTIONS', key: null, headers });
      assert.equal(answer.status, 204);
      assert.equal(answer.headers['access-control-allow-origin'], origin);
      assert.equal(answer.headers['access-control-allow-headers'], requested);
      assert.match(answer.headers['access-control-allow-methods'], /POST/);
      assert.match(answer.headers.vary, /Origin/);
    }
  }
  const evil = await send(edge, '/v1/chat/completions', { method: 'OPTIONS', key: null, headers: { origin: EVIL } });
  assert.equal(evil.status, 204);
  assert.equal(evil.headers['access-control-allow-origin'], undefined);
  assert.equal(evil.headers['access-control-allow-headers'], undefined);
});

test('a page of an allowed origin may read every answer: success, error and stream', async () => {
  const answers = {
    success: await chat(edge, { model: SECOND }, { key: WEB_KEY, headers: { origin: APP } }),
    stream: await chat(edge, { model: SECOND, stream: true }, { key: WEB_KEY, headers: { origin: APP } }),
    refused: await chat(edge, { model: SECOND }, { key: null, headers: { origin: APP } }),
    failed: await chat(edge, { model: 'fault/bad-request' }, { key: WEB_KEY, headers: { origin: APP } }),
    unknown: await send(edge, '/v1/nothing', { headers: { origin: APP } }),
  };
  const statuses = Object.values(answers).map(({ status }) => status);
  assert.deepEqual(statuses, [200, 200, 401, 400, 404]);
  assert.ok(answers.stream.events.done);
  for (const [name, { headers }] of Object.entries(answers)) {
    assert.equal(headers['access-control-allow-origin'], APP, name);
    const exposed = headers['access-control-expose-headers'].split(', ');
    for (const header of ['x-failsoft-model', 'x-failsoft-attempts', 'x-request-id', 'retry-after']) assert.ok(exposed.includes(header), name);
    assert.match(headers.vary, /Origin/, name);
    assert.match(headers['cache-control'], /no-store/, name);
  }
  const evil = await chat(edge, { model: SECOND }, { headers: { origin: EVIL } });
  assert.equal(evil.status, 200);
  assert.equal(evil.headers['access-control-allow-origin'], undefined);
});

test('the request id of a caller is kept if it has the form of an id', async () => {
  assert.equal((await send(edge, '/healthz', { headers: { 'x-request-id': 'abc-1' } })).headers['x-request-id'], 'abc-1');
  const odd = await send(edge, '/healthz', { headers: { 'x-request-id': '{"a": 1}' } });
  assert.match(odd.headers['x-request-id'], /^[0-9a-f-]{36}$/);
});

test('an edge that is not set up answers 503 to callers, and /healthz names what is missing', async () => {
  for (const [failsoft, secret, problem] of [
    [null, 'sk-or-test', /no `keys`/],
    [{ keys: [clientKey()] }, null, /UPSTREAM_API_KEY is not set/],
    ['{', 'sk-or-test', /FAILSOFT is not JSON: .* line 1 column 1/],
    [{ keys: [clientKey()], routes: { a: { models: ['x'], policy: { atempts: 1 } } } }, 'sk-or-test', /`routes.a.policy.atempts` is not a known field; did you mean `attempts`\?/],
  ]) {
    await withEdge({ failsoft, secret }, async (broken) => {
      const health = await send(broken, '/healthz', { key: null });
      assert.equal(health.status, 503);
      assert.match(JSON.parse(health.text).problems.join('\n'), problem);
      const answer = await chat(broken, { model: SECOND });
      checkError(answer, 503, 'not_configured');
      assert.match(answer.json.error.message, /healthz/);
    });
  }
  const healthy = await send(edge, '/healthz', { key: null });
  assert.deepEqual([healthy.status, JSON.parse(healthy.text)], [200, { ok: true }]);
});

test('a client that leaves before the end of its body does not disturb the edge', async () => {
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers: { authorization: `Bearer ${CLIENT_KEY}` } });
  sent.on('error', () => {});
  await new Promise((resolve) => sent.write('{"model":', resolve));
  sent.destroy();
  assert.equal((await send(edge, '/healthz')).status, 200);
  assert.deepEqual(await emulator.log(), []);
});
