// Only the owner chooses where the edge sends a request: no field, header or redirect names another upstream.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { configure, setUp, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const APP = 'https://app.example';

/** A server of an attacker, which keeps what it gets. Nothing may come. */
const sink = { seen: [] };
setUp(async () => {
  const server = createServer((request, response) => {
    sink.seen.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[],"keys":[],"data":[],"success":true}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  sink.url = `http://127.0.0.1:${server.address().port}/v1`;
});

const { emulator, edge } = useEdge((emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey()],
    models: ['*', sink.url],
    routes: { support: { models: [FIRST, SECOND] } },
    limits: { images: 4 },
    policy: { ...POLICY, retry: { same: 0 } },
  },
}));

/** Names under which gateways, SDKs and vendors take an address of an API, or a whole configuration with one. */
const NAMES = [
  'base_url', 'baseURL', 'baseUrl', 'api_base', 'apiBase', 'api_url', 'endpoint', 'url', 'uri', 'host', 'hostname', 'origin', 'server', 'server_url', 'target', 'target_url', 'destination', 'gateway', 'upstream',
  'upstreams', 'upstream_url', 'proxy', 'proxy_url', 'http_proxy', 'https_proxy', 'custom_host', 'custom_llm_provider', 'llm_provider', 'azure_endpoint', 'azure_deployment', 'api_version', 'region', 'deployment', 'deployment_id',
  'aws_bedrock_runtime_endpoint', 'vertex_location', 'litellm_params', 'model_list', 'fallbacks', 'default_fallbacks', 'context_window_fallbacks', 'mock_response', 'config', 'portkey_config', 'strategy', 'targets', 'virtual_key',
  'extra_headers', 'extra_body', 'extra_query', 'headers', 'default_headers', 'http_options', 'request_options', 'client', 'transport', 'webhook', 'webhook_url', 'callback', 'callback_url', 'success_callback', 'notify_url',
  'api_key', 'apiKey', 'organization', 'project', 'edge', 'dialect', 'otlp', 'alerts', 'siteverify', 'jwks', 'emulator', 'models_url', 'catalog', 'schema_url', '$ref', '__proto__', 'constructor',
];

/** Values in which an address can stand. */
const shapes = (url) => [url, { url, api_base: url, base_url: url }, [url], [{ model: SECOND, api_base: url, url }]];

const { host } = new URL('http://sink.example');
const HEADERS = [
  'x-upstream-url', 'x-base-url', 'x-api-base', 'x-target-url', 'x-forwarded-host', 'x-forwarded-server', 'x-original-url', 'x-rewrite-url', 'x-proxy-url', 'x-host', 'openai-base-url', 'openai-api-base', 'x-portkey-custom-host',
  'x-portkey-config', 'x-portkey-provider', 'helicone-target-url', 'helicone-openai-api-base', 'helicone-fallbacks', 'cf-aig-custom-url', 'cf-aig-endpoint', 'x-litellm-api-base', 'x-litellm-config', 'x-openrouter-base-url',
  'x-failsoft-upstream', 'x-failsoft-base-url', 'x-failsoft-model', 'x-failsoft-route', 'forwarded', 'via', 'proxy', 'proxy-authorization', 'referer', 'location', 'content-location', 'link',
];

/** Runs `act`, and checks that every request went to the upstream of the owner, with the owner's key, and named no address. */
async function checkChoice(act) {
  await emulator.clear();
  sink.seen = [];
  await act();
  await sleep(100);
  assert.deepEqual(sink.seen, []);
  for (const { path, headers, method } of await emulator.log()) {
    assert.ok(path.startsWith('/api/v1/'), path);
    if (method === 'POST') assert.deepEqual([headers.authorization, headers.host], ['Bearer sk-or-test', new URL(emulator.origin).host]);
    assert.ok(!JSON.stringify({ path, headers }).includes(sink.url), JSON.stringify(headers));
  }
}

/** The fields of a request that the owner's upstream got, at the places where it could read an address. */
const read = ({ stream_options: options, tools, messages, plugins, ...body }) => ({ ...body, ...body.provider });

test('no field of a request names another upstream, at any place of the request', async () => {
  await checkChoice(async () => {
    const seen = { 200: 0, 400: 0 };
    for (const name of NAMES) {
      await emulator.clear();
      for (const value of shapes(sink.url)) {
        const field = Object.fromEntries([[name, value]]);
        const places = [field, { failsoft: field }, { provider: field }, { tools: [{ type: 'function', function: { name: 'f' }, ...field }] }, { messages: [{ role: 'user', content: 'hi', ...field }] }, { stream_options: field }, { plugins: [{ id: 'response-healing', ...field }] }];
        for (const place of places) {
          const answer = await chat(edge, { model: FIRST, ...place });
          assert.ok([200, 400].includes(answer.status), `${JSON.stringify(place)}: ${answer.status} ${answer.text}`);
          seen[answer.status] += 1;
        }
      }
      for (const { body, path } of await emulator.log()) {
        if (!path.endsWith('/chat/completions')) continue;
        assert.ok(!Object.hasOwn(read(body), name), `${name} was sent: ${JSON.stringify(body)}`);
        assert.deepEqual([body.model, body.failsoft], [FIRST, undefined]);
      }
    }
    assert.ok(seen[400] > NAMES.length, JSON.stringify(seen));
  });
});

test('an address in a field that is text stays text', async () => {
  const { url } = sink;
  await checkChoice(async () => {
    const schema = { type: 'object', properties: { a: { $ref: `${url}/schema.json` } }, $schema: `${url}/schema.json`, $id: url };
    for (const [body, statuses] of [
      [{ model: url }, [400, 404]],
      [{ models: [url, FIRST] }, [200]],
      [{ model: `${url}#${FIRST}` }, [403]],
      [{ model: `//${new URL(url).host}/${FIRST}` }, [403]],
      [{ model: `route/${url}` }, [404]],
      [{ model: FIRST, route: url }, [400]],
      [{ model: FIRST, provider: { order: [url], only: [url], ignore: [url] } }, [200, 400, 404]],
      [{ model: FIRST, user: url, metadata: { base_url: url, api_base: url }, session_id: url, stop: [url] }, [200]],
      [{ model: FIRST, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `${url}/image.png` } }] }] }, [200]],
      [{ model: FIRST, messages: [{ role: 'user', name: url, content: `use base_url=${url}` }] }, [200]],
      [{ model: FIRST, response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } }, [200, 400, 422, 502]],
      [{ model: FIRST, tools: [{ type: 'function', function: { name: 'f', description: url, parameters: schema } }] }, [200]],
      [{ model: FIRST, tools: [{ type: 'mcp', server_label: 'a', server_url: url }] }, [400]],
      [{ model: FIRST, tools: [{ type: 'web_search', url }] }, [400]],
      [{ model: FIRST, plugins: [{ id: 'web', engine: url, url }] }, [400]],
      [{ model: FIRST, failsoft: { judge: { model: url } } }, [400]],
    ]) {
      for (const stream of [false, true]) {
        const answer = await chat(edge, { ...body, stream });
        assert.ok(statuses.includes(answer.status), `${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
      }
    }
  });
});

test('no header, query or request target names another upstream', async () => {
  const { url } = sink;
  await checkChoice(async () => {
    for (const name of HEADERS) {
      for (const value of [url, new URL(url).host, JSON.stringify({ provider: 'openai', custom_host: url, targets: [{ base_url: url }] })]) {
        const answer = await chat(edge, { model: FIRST }, { headers: { [name]: value } });
        assert.equal(answer.status, 200, `${name}: ${answer.text}`);
      }
    }
    const body = JSON.stringify({ model: FIRST, messages: [{ role: 'user', content: 'hi' }] });
    for (const query of [`?base_url=${url}`, `?url=${encodeURIComponent(url)}`, `?api_base=${url}&model=${url}`, `?api-version=${url}`]) {
      assert.equal((await send(edge, `/v1/chat/completions${query}`, { method: 'POST', body })).status, 200, query);
    }
    for (const path of [`/v1/chat/completions/${url}`, `/proxy/${url}`, `/v1/proxy?url=${url}`, `/${host}/v1/chat/completions`, `/openai/${url}`]) {
      assert.equal((await send(edge, path, { method: 'POST', body })).status, 404, path);
    }
  });
});

/** A server that redirects every request to the sink, or answers what `answer` returns. */
async function startRedirects(answer = () => null) {
  const seen = [];
  const state = { seen, status: 307 };
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    seen.push(request.url);
    const own = answer(request);
    if (own) return response.writeHead(200, { 'content-type': 'application/json', ...own.headers }).end(JSON.stringify(own.body));
    return response.writeHead(state.status, { location: sink.url, refresh: `0; url=${sink.url}`, 'content-location': sink.url }).end(`<a href="${sink.url}">`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  state.url = `http://127.0.0.1:${server.address().port}`;
  return state;
}

test('no redirect leads a request elsewhere: of a model, a catalog, a cost, a key set, Turnstile, spans or alerts', async () => {
  const redirects = await startRedirects();
  const answering = await startRedirects(({ url }) => (url.endsWith('/chat/completions')
    ? { headers: { 'x-generation-id': 'gen-1' }, body: { id: 'gen-1', model: FIRST, choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] } } : null));
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = [part({ alg: 'RS256' }), part({ iss: 'i', aud: 'a', sub: 'u', exp: 9e9 }), 'c2ln'].join('.');
  sink.seen = [];
  for (const status of [301, 302, 303, 307, 308]) {
    redirects.status = answering.status = status;
    redirects.seen.length = answering.seen.length = 0;
    const failsoft = configure(emulator, {
      upstreams: [{ url: `${redirects.url}/v1`, dialect: 'openrouter' }, { url: `${answering.url}/v1`, dialect: 'openrouter' }],
      upstream: undefined,
      models: [FIRST],
      users: [{ issuer: 'i', audience: 'a', jwks: `${redirects.url}/jwks` }],
      visitors: { origins: [APP], siteverify: `${redirects.url}/siteverify` },
      otlp: { url: `${redirects.url}/otlp`, headers: 'OTLP_HEADERS' },
      alerts: { url: `${redirects.url}/alerts`, fallbacks: 1 },
      routes: { lean: { models: [FIRST], lane: 'lean' } },
    });
    const secrets = { TURNSTILE_SECRET: 'turnstile', SESSION_SECRET: 'session-0123456789-0123456789-012345', OTLP_HEADERS: 'x-key=c0llector' };
    await withEdge({ failsoft, secrets }, async (own) => {
      const answer = await chat(own, { model: FIRST });
      assert.equal(answer.status, 200, answer.text);
      assert.ok(!(answer.text + JSON.stringify(answer.headers)).includes(sink.url), answer.text);
      assert.equal((await send(own, '/v1/models', { key: jwt })).status, 503);
      assert.equal((await send(own, '/v1/session', { method: 'POST', key: null, headers: { origin: APP }, body: '{"turnstile":"t"}' })).status, 503);
      for (let left = 100; left > 0; left -= 1) {
        if (['/otlp', '/jwks', '/siteverify', '/v1/models', '/v1/chat/completions'].every((path) => redirects.seen.includes(path)) && answering.seen.some((path) => path.startsWith('/v1/generation'))) break;
        await own.cron();
        await sleep(50);
      }
      for (const path of ['/otlp', '/jwks', '/siteverify', '/v1/models', '/v1/chat/completions']) assert.ok(redirects.seen.includes(path), `${path} was asked: ${redirects.seen}`);
      assert.ok(answering.seen.some((path) => path.startsWith('/v1/generation')), String(answering.seen));
      assert.equal((await send(own, '/v1/usage', { key: CLIENT_KEY })).status, 200);
    });
    assert.deepEqual(sink.seen, [], String(status));
  }
});
