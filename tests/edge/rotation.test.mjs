// The key of an upstream rotates without an interruption: while both keys are set, the old one answers where the new one is refused.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { POLICY, chat, send } from './harness.mjs';
import { setUp, withEdge } from './use-edge.mjs';

const [NEW, OLD] = ['sk-new-0123456789abcdef', 'sk-old-0123456789abcdef'];

const upstream = { valid: new Set(), keys: [], status: 200 };
setUp(async () => {
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    if (request.method !== 'POST') return response.writeHead(404).end('{}');
    const key = request.headers.authorization.replace('Bearer ', '');
    upstream.keys.push(key);
    const reply = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (!upstream.valid.has(key)) return reply(401, { error: { message: `Incorrect API key provided: ${key}`, code: 'invalid_api_key' } });
    if (upstream.status !== 200) return reply(upstream.status, { error: { message: 'no' } });
    const message = { role: 'assistant', content: 'hi' };
    return reply(200, { id: 'a', model: 'm', choices: [{ index: 0, message, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  upstream.url = `http://127.0.0.1:${server.address().port}/v1`;
});

const failsoft = () => ({ upstream: { url: upstream.url, dialect: 'openai' }, keys: [clientKey()], models: ['m'], policy: { ...POLICY, retry: { same: 0 } } });

test('the old key answers where the new one is refused, and is asked for nothing else', async () => {
  await withEdge({ secret: NEW, secrets: { UPSTREAM_API_KEY_OLD: OLD }, failsoft: failsoft() }, async (edge) => {
    const call = async (valid, status = 200) => {
      Object.assign(upstream, { valid: new Set(valid), keys: [], status });
      const answer = await chat(edge, { model: 'm', messages: [{ role: 'user', content: String(Math.random()) }] });
      for (const key of [NEW, OLD]) assert.ok(!answer.text.includes(key.slice(0, 12)), answer.text);
      return [answer.status, ...upstream.keys];
    };
    assert.deepEqual(await call([NEW, OLD]), [200, NEW]);
    assert.deepEqual(await call([OLD]), [200, NEW, OLD]);
    assert.deepEqual(await call([]), [502, NEW, OLD]);
    assert.deepEqual(await call([NEW, OLD], 503), [503, NEW], 'a model that fails is not asked with the other key');
    for (const key of [NEW, OLD]) assert.ok(!edge.said().includes(key));
  });
});

test('an old key that is empty or no key is a problem of the configuration', async () => {
  for (const [old, problem] of [['', 'UPSTREAM_API_KEY_OLD is empty'], ['sk old', 'UPSTREAM_API_KEY_OLD holds a space']]) {
    await withEdge({ secret: NEW, secrets: { UPSTREAM_API_KEY_OLD: old }, failsoft: failsoft() }, async (edge) => {
      const health = await send(edge, '/healthz');
      assert.equal(health.status, 503);
      assert.ok(health.text.includes(problem), health.text);
    });
  }
});
