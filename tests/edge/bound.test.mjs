// The edge knows the highest cost of a call before it sends anything: every field that can multiply the cost is bounded or
// refused, and the request to the upstream carries the bounds.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES, POLICY, SECOND, chat } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const POOR_KEY = 'fs_poor';
const IMAGE = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'high' } };

const options = (more) => (emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey(), clientKey({ name: 'poor', budget: { usd: { day: 1 } } }, POOR_KEY)],
    models: ['openai/*', 'anthropic/*', 'fault/*', 'nobody/*'],
    routes: { support: { models: [FIRST, SECOND] } },
    policy: { ...POLICY, hedge: { after: 300 } },
    ...more,
  },
});

const { emulator, edge } = useEdge(options({ limits: { outputTokens: 2_000, answers: 2, bodyWithin: 1_000, bodyBytes: 400_000 } }));
const { edge: looking } = useEdge(options({ limits: { images: 1 }, fields: ['chat_template_kwargs'] }), emulator);

const chats = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
const sent = async () => (await chats()).at(-1).body;
const say = (content) => [{ role: 'user', content }];
const tool = (type, more = {}) => ({ tools: [{ type, function: { name: 'f' }, ...more }] });

const REFUSED = [
  ['many answers', { n: 3 }, 'n', /from 1 to 2/],
  ['half an answer', { n: 1.5 }, 'n', /from 1 to 2/],
  ['answers in an exponent', `{"model":"${FIRST}","messages":[{"role":"user","content":"x"}],"n":1e1}`, 'n', /from 1 to 2/],
  ['the best of many', { best_of: 20 }, 'best_of', /ask for several answers with `n`/],
  ['a long answer', { max_tokens: 2_001 }, 'max_tokens', /from 1 to 2000/],
  ['a long answer by its new name', { max_completion_tokens: 1e9 }, 'max_completion_tokens', /from 1 to 2000/],
  ['a long answer beside a short one', { max_tokens: 5, max_completion_tokens: 9_999 }, 'max_completion_tokens', /from 1 to 2000/],
  ['a limit that is none', { max_tokens: -1 }, 'max_tokens', /from 1 to 2000/],
  ['long reasoning', { reasoning: { max_tokens: 100_000 } }, 'reasoning.max_tokens', /from 0 to 2000/],
  ['a search', { plugins: [{ id: 'web', max_results: 10 }] }, 'plugins[0].id', /response-healing, context-compression/],
  ['a panel of models', { plugins: [{ id: 'response-healing' }, { id: 'fusion' }] }, 'plugins[1].id', /cost extra/],
  ['a parser of files', { plugins: [{ id: 'file-parser', pdf: { engine: 'mistral-ocr' } }] }, 'plugins[0].id', /cost extra/],
  ['search options', { web_search_options: {} }, 'web_search_options', /a search costs extra/],
  ['a tool of the upstream', tool('openrouter:web_search'), 'tools[0].type', /must be "function"/],
  ['a tool of the upstream behind one of the caller', { tools: [{ type: 'function', function: { name: 'f' } }, { type: 'web_search' }] }, 'tools[1].type', /must be "function"/],
  ['a tool that is more than a function', tool('function', { web_search: {} }), 'tools[0].web_search', /not a known field/],
  ['a tool of the upstream by choice', { tool_choice: { type: 'web_search' } }, 'tool_choice.type', /one of: function/],
  ['priority', { service_tier: 'priority' }, 'service_tier', /auto, default, flex/],
  ['a prediction', { prediction: { type: 'content', content: 'x' } }, 'prediction', /charged/],
  ['pictures as an answer', { modalities: ['text', 'image'] }, 'modalities', /text/],
  ['sound as an answer', { audio: { voice: 'a' } }, 'audio', /with text/],
  ['a preset', { preset: 'mine' }, 'preset', /cannot see/],
  ['an image', { messages: say([IMAGE]) }, 'messages[0].content[0]', /`limits.images`/],
  ['sound', { messages: say([{ type: 'input_audio', input_audio: {} }]) }, 'messages[0].content[0].type', /no sound, video and files/],
  ['a file', { messages: say([{ type: 'file', file: {} }]) }, 'messages[0].content[0].type', /no sound, video and files/],
  ['a picture that is no text', { messages: say([{ type: 'text', text: 'x', image_url: IMAGE.image_url }]) }, 'messages[0].content[0].image_url', /not a known field/],
  ['a picture outside the content', { messages: [{ role: 'assistant', content: 'x', images: [IMAGE] }] }, 'messages[0].images', /not a known field/],
  ['a picture inside another field of a message', { messages: [{ role: 'assistant', content: 'x', reasoning_details: [{ type: 'reasoning.text', parts: [IMAGE] }] }] }, 'messages[0].reasoning_details', /attachments belong into `content`/],
  ['a picture as an annotation', { messages: [{ role: 'assistant', content: 'x', annotations: [IMAGE] }] }, 'messages[0].annotations', /attachments belong into `content`/],
  ['a picture inside an annotated file', { messages: [{ role: 'assistant', content: 'x', annotations: [{ type: 'file', file: { content: [IMAGE] } }] }] }, 'messages[0].annotations', /attachments belong into `content`/],
  ['a tool of the upstream among the allowed tools', { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'web_search' }] } } }, 'tool_choice.allowed_tools.tools', /functions only/],
  ['a tool of the upstream among the allowed tools, not nested', { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }] } }, 'tool_choice.tools', /functions only/],
  ['an hour in the cache for a function', { tools: [{ type: 'function', function: { name: 'f', cache_control: { type: 'ephemeral', ttl: '1h' } } }] }, 'tools[0].function.cache_control.ttl', /5m/],
  ['an hour in the cache inside another field', { messages: [{ role: 'assistant', content: 'x', tool_calls: [{ id: 'a', type: 'function', cache_control: { ttl: '1h' } }] }] }, 'messages[0].tool_calls', /5m/],
  ['an hour in the cache', { cache_control: { type: 'ephemeral', ttl: '1h' } }, 'cache_control.ttl', /5m/],
  ['an hour in the cache for a part', { messages: say([{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }]) }, 'messages[0].content[0].cache_control.ttl', /5m/],
  ['another sorting of models', { provider: { sort: { by: 'price', partition: 'none' } } }, 'provider.sort.partition', /model/],
  ['an unknown field of the provider', { provider: { base_url: 'https://evil.example' } }, 'provider.base_url', /not a known field/],
  ['another upstream', { base_url: 'https://evil.example' }, 'base_url', /the owner of this edge configures its upstreams/],
  ['another key', { api_key: 'sk-evil' }, 'api_key', /the owner of this edge configures its upstreams/],
  ['headers', { headers: { authorization: 'x' } }, 'headers', /the owner of this edge configures its upstreams/],
  ['an echo of the request', { debug: { echo_upstream_body: true } }, 'debug', /not accepted/],
  ['an old form', { functions: [] }, 'functions', /`tools`/],
  ['a slip', { temprature: 1 }, 'temprature', /did you mean `temperature`/],
  ['an unknown field', { chat_template_kwargs: {} }, 'chat_template_kwargs', /not a known field/],
  ['a hedge of the caller', { failsoft: { hedge: { after: 1 } } }, 'failsoft.hedge', /decided by the edge/],
];

for (const [name, body, param, message] of REFUSED) {
  test(`a request is refused, and nothing is sent to the upstream: ${name}`, async () => {
    const answer = await chat(edge, typeof body === 'string' ? body : { model: FIRST, ...body });
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.param, param);
    assert.match(answer.json.error.message, message);
    assert.deepEqual(await chats(), []);
  });
}

// A pattern such as `openai/*` covers plain model ids only.
for (const [name, model] of [
  ['a model that searches', `${FIRST}:online`],
  ['a preset of a model', `${FIRST}@preset/mine`],
  ['a preset', '@preset/mine'],
  ['a router', 'openrouter/auto'],
  ['a panel', 'openrouter/fusion'],
  ['another model', 'mistralai/mistral-small'],
  ['a model in capitals', FIRST.toUpperCase()],
  ['a model behind a space', ` ${FIRST}`],
  ['a model with a letter of another script', 'оpenai/gpt-4o'],
  ['a model with an invisible character', 'openai/gpt-4o\u200b'],
  ['a model behind a path', 'openai/../mistralai/mistral-small'],
  ['a model behind a line', 'openai/gpt-4o\nmistralai/mistral-small'],
]) {
  test(`a client may not name ${name}, alone, behind another model, or in the field \`failsoft\``, async () => {
    for (const body of [{ model }, { models: [FIRST, model] }, { model: FIRST, models: [model] }]) {
      const answer = await chat(edge, body);
      assert.deepEqual([answer.status, answer.json.error.code, answer.json.error.param], [403, 'model_not_allowed', 'model'], answer.text);
    }
    const hidden = await chat(edge, { model: FIRST, failsoft: { models: [model] } });
    assert.deepEqual([hidden.status, hidden.json.error.param], [400, 'failsoft.models'], hidden.text);
    assert.deepEqual(await chats(), []);
  });
}

test('an upstream request carries an output limit: the limit of the client or the limit of the edge', async () => {
  for (const [body, limit] of [[{}, 2_000], [{ max_tokens: 7 }, 7], [{ max_tokens: null }, 2_000]]) {
    await chat(edge, { model: FIRST, ...body });
    assert.equal((await sent()).max_tokens, limit);
  }
  await chat(edge, { model: FIRST, max_completion_tokens: 9 });
  assert.deepEqual([(await sent()).max_completion_tokens, (await sent()).max_tokens], [9, undefined]);
  await chat(edge, { model: 'route/support' });
  assert.equal((await sent()).max_tokens, 2_000);
});

test('fields that cost nothing extra are passed on unchanged', async () => {
  const body = {
    ...tool('function'),
    tool_choice: 'auto',
    n: 2,
    temperature: 0.5,
    top_p: 1,
    seed: 7,
    stop: ['x'],
    session_id: 's',
    metadata: { a: 'b' },
    reasoning: { effort: 'low', max_tokens: 1_000 },
    plugins: [{ id: 'response-healing' }, { id: 'context-compression', engine: 'middle-out' }],
    provider: { order: ['p'], zdr: true, sort: 'price' },
    response_format: { type: 'text' },
    service_tier: 'flex',
    cache_control: { type: 'ephemeral' },
  };
  const messages = [
    { role: 'system', content: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }] },
    { role: 'assistant', content: null, refusal: null, annotations: [], images: [], tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 't', content: 'x' },
    ...MESSAGES,
  ];
  const answer = await chat(edge, { model: FIRST, ...body, messages });
  assert.equal(answer.status, 200, answer.text);
  const { model, max_tokens: limit, user, ...rest } = await sent();
  assert.deepEqual([model, limit, rest], [FIRST, 2_000, { ...body, messages }]);
  assert.match(user, /^[0-9a-f]{32}$/, 'the edge adds the account');
});

test('no header of a client reaches the upstream, and no header can name another upstream', async () => {
  const headers = {
    'x-upstream-url': 'https://evil.example', 'x-base-url': 'https://evil.example', 'x-openrouter-cache': 'true', 'x-session-id': 's',
    'http-referer': 'https://evil.example', 'x-api-key': 'sk-evil', 'openai-organization': 'org', 'x-forwarded-host': 'evil.example',
  };
  const answer = await chat(edge, { model: FIRST }, { headers });
  assert.equal(answer.status, 200);
  const { headers: sentAlong } = (await chats())[0];
  assert.equal(sentAlong.authorization, 'Bearer sk-or-test');
  for (const name of Object.keys(headers)) assert.equal(sentAlong[name], undefined, name);
});

test('images and further fields are passed on where the owner allows them', async () => {
  const seen = await chat(looking, { model: FIRST, messages: say([{ type: 'text', text: 'words:3' }, IMAGE]), chat_template_kwargs: { a: 1 } });
  assert.equal(seen.status, 200, seen.text);
  assert.deepEqual((await sent()).chat_template_kwargs, { a: 1 });
  const many = await chat(looking, { model: FIRST, messages: say([IMAGE, IMAGE]) });
  assert.deepEqual([many.status, many.json.error.param], [400, 'messages[0].content[1]']);
  assert.match(many.json.error.message, /takes 1 at most/);
});

test('a field that is given twice is refused at every depth and in every spelling', async () => {
  const head = `"messages":[{"role":"user","content":"x"}]`;
  for (const [body, param] of [
    [`{"model":"${FIRST}",${head},"model":"openai/gpt-4o"}`, 'model'],
    [`{"model":"${FIRST}",${head},"max_tokens":5,"max\\u005ftokens":1000000}`, 'max_tokens'],
    [`{"model":"${FIRST}",${head},"n":1,"n":100}`, 'n'],
    [`{"model":"${FIRST}",${head},"provider":{"max_price":{"completion":1,"completion":100}}}`, 'provider.max_price.completion'],
    [`{"model":"${FIRST}",${head},"tools":[{"type":"function","function":{"name":"f"},"type":"web_search"}]}`, 'tools[0].type'],
    [`{"model":"${FIRST}","messages":[{"role":"user","content":[{"type":"text","text":"x","type":"file"}]}]}`, 'messages[0].content[0].type'],
  ]) {
    const answer = await chat(edge, body);
    assert.deepEqual([answer.status, answer.json.error.param], [400, param], answer.text);
    assert.match(answer.json.error.message, /is given twice/);
  }
  assert.deepEqual(await chats(), []);
});

test('a body with ten thousand levels of nesting is refused, in every place', async () => {
  const deep = '['.repeat(10_000) + ']'.repeat(10_000);
  for (const body of [deep, `{"model":"${FIRST}","messages":${deep}}`, `{"model":"${FIRST}","metadata":${deep}}`, '{"a":'.repeat(50_000)]) {
    const answer = await chat(edge, body);
    assert.deepEqual([answer.status, answer.json.error.code], [400, 'invalid_json'], answer.text);
  }
  assert.deepEqual(await chats(), []);
});

test('a body that arrives too slowly or stops is refused after the time that the limits allow', async () => {
  const drip = (every) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const began = Date.now();
      const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers }, (response) => {
        clearInterval(timer);
        response.resume();
        resolve({ status: response.statusCode, after: Date.now() - began });
        response.on('end', () => sent.destroy());
      });
      sent.on('error', reject);
      sent.write('{"model":"');
      const timer = setInterval(() => every && sent.write('x'), 100);
    });
  for (const every of [true, false]) {
    const { status, after: waited } = await drip(every);
    assert.equal(status, 408);
    assert.ok(waited >= 900 && waited < 20_000, String(waited));
  }
  assert.deepEqual(await chats(), []);
});

// The prices of `openai/gpt-4o-mini` in the emulator are 0.15 and 0.60 USD for a million tokens.
test('with a budget in USD, no provider may charge more than the price of the model, and a lower cap of the caller is kept', async () => {
  const answer = await chat(edge, { model: FIRST, provider: { only: ['p'], max_price: { completion: 0.5, prompt: 99 } } }, { key: POOR_KEY });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual((await sent()).provider, { only: ['p'], max_price: { prompt: 0.15, completion: 0.5 } });
  await chat(edge, { models: [FIRST, SECOND] }, { key: POOR_KEY });
  // With a hedge, each request names one model.
  assert.deepEqual((await sent()).provider.max_price, { prompt: 0.15, completion: 0.6 });
  await chat(edge, { model: FIRST });
  assert.equal((await sent()).provider, undefined, 'without a budget, every provider may answer');
});

test('the first calls of an isolate that need a price wait for the catalog, which is fetched once; other calls never wait', async () => {
  const keys = [clientKey(), clientKey({ name: 'poor', budget: { usd: { day: 1 } } }, POOR_KEY)];
  const failsoft = configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter' }, keys });
  await withEdge({ failsoft, isolates: 2 }, async ({ origins: [first, second] }) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => chat({ origin: first }, { model: FIRST }, { key: POOR_KEY })));
    assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
    const [catalog, ...calls] = await emulator.log();
    assert.match(catalog.path, /\/models$/);
    assert.deepEqual(asked(calls), Array(10).fill([FIRST]));
    assert.equal(calls.length, 10);
    await emulator.clear();
    assert.equal((await chat({ origin: second }, { model: FIRST })).status, 200);
    assert.match((await emulator.log())[0].path, /\/chat\/completions$/);
  });
});

test('with a budget in USD, a model without a price is left out; if no model has a price, the call is refused with advice', async () => {
  const answer = await chat(edge, { models: ['nobody/knows', FIRST] }, { key: POOR_KEY });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.failsoft.dropped[0].model, 'nobody/knows');
  assert.match(answer.json.failsoft.dropped[0].reason, /price is not known/);
  await emulator.clear();
  const none = await chat(edge, { model: 'nobody/knows' }, { key: POOR_KEY });
  assert.deepEqual([none.status, none.json.error.code], [503, 'price_unknown']);
  assert.match(none.json.error.message, /upstream\.models/);
  assert.deepEqual(await chats(), []);
});

test('a bounded call goes on after two answers that broke and may have been charged, and pays nothing for refused requests', async () => {
  const models = ['fault/cut-mid-event', FIRST, SECOND];
  const lost = await chat(edge, { models, failsoft: { recover: 'error' } }, { key: POOR_KEY });
  assert.deepEqual([lost.status, lost.headers['x-failsoft-model']], [200, FIRST], lost.text);
  assert.deepEqual(asked(await emulator.log()), [['fault/cut-mid-event'], ['fault/cut-mid-event'], [FIRST]]);
  assert.equal(lost.json.failsoft.unsettled.length, 2);
  await emulator.clear();
  const refused = await chat(edge, { models: ['fault/overloaded', 'fault/unavailable', 'fault/server-error', FIRST] }, { key: POOR_KEY });
  assert.deepEqual([refused.status, refused.headers['x-failsoft-model']], [200, FIRST], refused.text);
  assert.equal(refused.json.failsoft.cost, refused.json.usage.cost);
});

test('a bounded call can pay for a hedge beside a silent model', async () => {
  const answer = await chat(edge, { models: ['fault/slow-first-token', FIRST], stream: true }, { key: POOR_KEY });
  assert.equal(answer.headers['x-failsoft-model'], FIRST);
  assert.deepEqual(answer.events.reports.at(-1).attempts.map(({ failure }) => failure?.kind ?? null), ['superseded', null]);
});
