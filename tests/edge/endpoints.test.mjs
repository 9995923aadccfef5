// The attacks on requests, over each endpoint that takes a text: a protocol is another spelling, and no other rights.

import assert from 'node:assert/strict';
import { request as open } from 'node:http';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { ENDPOINTS, VECTORS, ask, requestOf } from './endpoints.mjs';
import { POLICY, SECOND, send } from './harness.mjs';
import { settled, usage } from './spending.mjs';
import { useEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const APP = 'https://app.example';
const NARROW_KEY = 'fs_narrow_client';
const POOR_KEY = 'fs_poor_client';

/** No clock of a call matters here, however busy the machine is. */
const PATIENT = { ...POLICY, timeouts: { headers: 120_000, firstToken: 120_000, idle: 120_000, total: 300_000 } };

const { emulator, edge } = useEdge((emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', embeddings: [{ id: VECTORS, prompt: 0.02 }] },
    keys: [clientKey(), clientKey({ name: 'narrow', origins: [APP], models: [FIRST, VECTORS], routes: [] }, NARROW_KEY), clientKey({ name: 'poor', budget: { requests: { minute: 0 } } }, POOR_KEY)],
    models: ['openai/*', 'fault/*'],
    routes: { support: { models: [FIRST, SECOND] } },
    policy: PATIENT,
    limits: { outputTokens: 2_000, bodyBytes: 400_000, bodyWithin: 1_000 },
  },
}));

const sent = async () => (await emulator.log()).filter(({ method }) => method === 'POST');

/** Sends `body`, and checks that it is refused with `status`, and that nothing is sent. */
async function refuse(endpoint, body, status, options) {
  const answer = await ask(edge, endpoint, body, options);
  const what = `${endpoint.path} ${JSON.stringify(body).slice(0, 200)}`;
  assert.ok([status].flat().includes(answer.status), `${what}: ${answer.status} ${answer.text}`);
  assert.ok(answer.json.error.message, what);
  assert.deepEqual(await sent(), [], what);
  return answer;
}

/** Sends a request with `fields`, and checks that it is refused, or that the upstream gets nothing of them: no text `mark`. */
async function keepOut(endpoint, fields, mark) {
  await emulator.clear();
  const answer = await ask(edge, endpoint, requestOf(endpoint, FIRST, fields));
  const what = `${endpoint.path} ${JSON.stringify(fields)}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const arrived = await sent();
  if (answer.status === 400 || answer.status === 403) return assert.deepEqual(arrived, [], what);
  assert.equal(answer.status, 200, what);
  assert.ok(!JSON.stringify(arrived).includes(mark), `${what}: ${JSON.stringify(arrived)}`);
}

/** What no client may name, alone or behind a model that it may. */
const MODELS = [
  `${FIRST}:online`, `${FIRST}@preset/mine`, '@preset/mine', 'openrouter/auto', 'openrouter/fusion', 'mistralai/mistral-small',
  FIRST.toUpperCase(), ` ${FIRST}`, 'оpenai/gpt-4o', 'openai/gpt-4o\u200b', 'openai/../mistralai/mistral-small',
  'openai/gpt-4o\nmistralai/mistral-small', 'route/nowhere', 'ROUTE/support', 'route/support/../support',
];
const EVIL = 'https://evil.example';
/** Fields that would name another upstream, or a key or headers for it. A client that believes in them must learn of its mistake. */
const UPSTREAMS = {
  base_url: EVIL, baseURL: EVIL, baseUrl: EVIL, api_base: EVIL, apiBase: EVIL, api_url: EVIL, endpoint: EVIL, azure_endpoint: EVIL, upstream: { url: EVIL },
  upstreams: [{ url: EVIL }], api_key: 'sk-evil', apiKey: 'sk-evil', headers: { authorization: 'evil' }, extra_headers: { authorization: 'evil' }, 'BASE-URL': EVIL,
  provider: { url: EVIL }, failsoft: { base_url: EVIL },
};
/** Other fields in which a name of an upstream or of a host can stand. They are refused, or not sent. */
const ELSEWHERE = {
  extra_body: { model: 'evil' }, mcp_servers: [{ type: 'url', url: EVIL, name: 'a' }], litellm_params: { api_base: EVIL }, fallbacks: [{ model: 'evil' }],
  webhook_url: EVIL, custom_llm_provider: 'evil', deployment: 'evil',
};

for (const endpoint of ENDPOINTS) {
  const whole = (fields) => requestOf(endpoint, FIRST, fields);

  test(`${endpoint.path}: a client may name its models only`, async () => {
    for (const model of MODELS) {
      for (const fields of [{ model }, { models: [FIRST, model] }, { model: FIRST, models: [model] }]) await refuse(endpoint, whole(fields), [400, 403, 404]);
      await refuse(endpoint, whole({ failsoft: { models: [model] } }), 400);
    }
    for (const model of [SECOND, 'route/support']) await refuse(endpoint, whole({ model }), [403, 404], { key: NARROW_KEY, headers: { origin: APP } });
  });

  test(`${endpoint.path}: no field names another upstream, another key or another host`, async () => {
    for (const [name, value] of Object.entries(UPSTREAMS)) {
      const { error } = (await refuse(endpoint, whole({ [name]: value }), 400)).json;
      assert.match(error.message, name === 'provider' || name === 'failsoft' ? /not a known field/ : /the owner of this edge configures its upstreams/, name);
      assert.ok(error.message.includes(name), error.message);
    }
    for (const [name, value] of Object.entries(ELSEWHERE)) await keepOut(endpoint, { [name]: value }, 'evil');
  });

  test(`${endpoint.path}: a field that is given twice is refused at every depth and in every spelling`, async () => {
    const body = JSON.stringify(whole());
    const twice = [
      body.replace('{', `{"model":"${SECOND}",`),
      body.replace('{', `{"mod\\u0065l":"${SECOND}",`),
      body.replace('"role"', '"role":"user","role"'),
      body.replace('"input"', '"input":"a","input"'),
      ...(endpoint.fn ? [JSON.stringify(whole(endpoint.fn)).replace('"name":"f"', '"name":"f","n\\u0061me":"g"')] : []),
      ...(endpoint.limit ? [body.replace('{', `{"${endpoint.limit}":9,`)] : []),
    ].filter((text) => text !== body);
    assert.ok(twice.length >= 3);
    for (const text of twice) assert.match((await refuse(endpoint, text, 400)).json.error.message, /is given twice/);
  });

  test(`${endpoint.path}: what the upstream would charge extra for is refused: hosted tools, attachments, a faster tier`, async () => {
    if (endpoint.fn) {
      for (const tools of [endpoint.hosted.tools, [...endpoint.fn.tools, ...endpoint.hosted.tools]]) await refuse(endpoint, whole({ tools }), 400);
    } else {
      await keepOut(endpoint, endpoint.hosted, 'web_search');
      await emulator.clear();
    }
    for (const part of [endpoint.picture, endpoint.file]) await refuse(endpoint, whole(endpoint.parts([part])), 400);
    for (const tier of ['priority', 'scale']) await keepOut(endpoint, { service_tier: tier }, `"${tier}"`);
  });

  test(`${endpoint.path}: broken, deep and large bodies are refused, and so is one that arrives too slowly`, async () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    const body = JSON.stringify(whole());
    for (const text of ['', '{', 'null', '[]', '"x"', body.slice(0, -1), `${body}x`, deep, body.replace('{', `{"metadata":${deep},`), `{"messages":${deep},"input":${deep}}`]) await refuse(endpoint, text, 400);
    await refuse(endpoint, whole({ metadata: { a: 'x'.repeat(400_001) } }), 413);
    const slow = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const dripping = open(edge.origin + endpoint.path, { method: 'POST', agent: false, headers }, (response) => {
        response.resume();
        response.on('end', () => dripping.destroy());
        resolve(response.statusCode);
      });
      dripping.on('error', reject);
      dripping.write(body.slice(0, 20));
    });
    assert.equal(slow, 408);
    assert.deepEqual(await sent(), []);
  });

  test(`${endpoint.path}: only a known key from an allowed page calls, and its minute counts`, async () => {
    for (const key of [null, 'fs_test_unknown', `${CLIENT_KEY}x`, CLIENT_KEY.slice(0, -1)]) await refuse(endpoint, whole(), 401, { key });
    for (const headers of [{}, { origin: 'https://evil.example' }, { origin: `${APP}.evil.example` }]) await refuse(endpoint, whole(), 403, { key: NARROW_KEY, headers });
    await refuse(endpoint, whole(), 429, { key: POOR_KEY });
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) assert.equal((await send(edge, endpoint.path, { method })).status, 405, method);
  });
}

const { emulator: billing, edge: poor } = useEdge((emulator) => ({
  isolates: 2,
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', embeddings: [{ id: VECTORS, prompt: 0.02 }] },
    keys: [clientKey({ budget: { usd: { day: 0.004 } } })],
    models: ['openai/*'],
    policy: PATIENT,
  },
}));

test('one budget bounds the calls of all endpoints together, streamed and not, on two isolates', async () => {
  const asking = ENDPOINTS.filter(({ asks }) => asks);
  const call = (at) => {
    const [endpoint, turn] = [asking[at % asking.length], Math.floor(at / asking.length)];
    const fields = endpoint.writes ? { stream: turn % 4 > 1, [endpoint.limit]: 60, ...endpoint.prompt('words:60') } : endpoint.prompt('word '.repeat(6_000));
    return ask({ origin: poor.origins[turn % 2] }, endpoint, requestOf(endpoint, SECOND, fields));
  };
  const statuses = new Set();
  let served = 1;
  for (let round = 0; served > 0 && round < 20; round += 1) {
    const answers = await Promise.all(Array.from({ length: 24 }, (_, at) => call(at)));
    answers.forEach(({ status }) => statuses.add(status));
    served = answers.filter(({ status }) => status === 200).length;
  }
  assert.deepEqual([...statuses].sort(), [200, 402]);
  const { used } = await settled(poor);
  const paid = (await billing.generations()).reduce((all, { total_cost: cost }) => all + cost, 0);
  assert.ok(paid > 0 && paid <= 0.004 && Math.abs(paid - used) < 1e-9, `${paid} were charged, and ${used} are booked`);
  const { usd } = await usage(poor);
  assert.ok(usd.day.left < 0.002, JSON.stringify(usd));
});
