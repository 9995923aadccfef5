// The edge knows the highest cost of a call before it sends anything: every field that can multiply the cost is bounded or
// refused, and the request to the upstream carries the bounds.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { asked } from '../support/process.mjs';
import { MESSAGES, POLICY, SECOND, chat } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const IMAGE = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'high' } };

const options = (more) => (emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    keys: [clientKey()],
    models: ['openai/*', 'anthropic/*', 'fault/*'],
    routes: { support: { models: [FIRST, SECOND] } },
    policy: { ...POLICY, hedge: { after: 300 } },
    ...more,
  },
});

const { emulator, edge } = useEdge(options({ limits: { outputTokens: 2_000, answers: 2, bodyWithin: 1_000, bodyBytes: 400_000 } }));
const { edge: looking } = useEdge(options({ limits: { images: 1, files: 1, fileTokens: 7_000 }, fields: ['chat_template_kwargs'] }), emulator);

const { edge: strict } = useEdge(options({ limits: { unknownFields: 'refuse' } }), emulator);

const chats = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
const sent = async () => (await chats()).at(-1).body;
const say = (content) => [{ role: 'user', content }];
const tool = (type, more = {}) => ({ tools: [{ type, function: { name: 'f' }, ...more }] });

const REFUSED = [
  ['many answers', { n: 3 }, 'n', /from 1 to 2/],
  ['half an answer', { n: 1.5 }, 'n', /from 1 to 2/],
  ['answers in an exponent', `{"model":"${FIRST}","messages":[{"role":"user","content":"x"}],"n":1e1}`, 'n', /from 1 to 2/],
  ['the best of many', { best_of: 20 }, 'best_of', /ask for several answers with `n`/],
  ['a limit that is none', { max_tokens: -1 }, 'max_tokens', /from 1 on/],
  ['a limit in an exponent', `{"model":"${FIRST}","messages":[{"role":"user","content":"x"}],"max_tokens":1e9}`, 'max_tokens', /from 1 on/],
  ['a limit that is a text', { max_completion_tokens: '5' }, 'max_completion_tokens', /must be a finite number|from 1 on/],
  ['long reasoning', { reasoning: { max_tokens: 100_000 } }, 'reasoning.max_tokens', /from 0 to 2000 \(`limits.outputTokens`\)/],
  ['a search', { plugins: [{ id: 'web', max_results: 10 }] }, 'plugins[0].id', /response-healing, context-compression/],
  ['a panel of models', { plugins: [{ id: 'response-healing' }, { id: 'fusion' }] }, 'plugins[1].id', /cost extra/],
  ['a parser of files', { plugins: [{ id: 'file-parser', pdf: { engine: 'mistral-ocr' } }] }, 'plugins[0].id', /cost extra/],
  ['a parser of files that OpenRouter chooses', { plugins: [{ id: 'file-parser' }] }, 'plugins[0].id', /cost extra/],
  ['a parser of files with something else', { plugins: [{ id: 'file-parser', pdf: { engine: 'native', ocr: {} } }] }, 'plugins[0].pdf.ocr', /not a known field/],
  ['search options', { web_search_options: {} }, 'web_search_options', /a search costs extra/],
  ['a tool of the upstream', tool('openrouter:web_search'), 'tools[0].type', /must be "function"/],
  ['a tool of the upstream behind one of the caller', { tools: [{ type: 'function', function: { name: 'f' } }, { type: 'web_search' }] }, 'tools[1].type', /must be "function"/],
  ['a tool of the upstream that is none of the caller by its type', { tools: [{ function: { name: 'f' } }] }, 'tools[0].type', /must be "function"/],
  ['a custom tool that is more', { tools: [{ type: 'custom', custom: { name: 'f' }, function: { name: 'g' } }] }, 'tools[0].function', /not a known field/],
  ['a tool that the upstream\'s code may call', tool('function', { allowed_callers: ['code_execution'] }), 'tools[0].allowed_callers', /not a known field/],
  ['a tool that is more than a function', tool('function', { web_search: {} }), 'tools[0].web_search', /not a known field/],
  ['a tool of the upstream by choice', { tool_choice: { type: 'web_search' } }, 'tool_choice.type', /one of: function/],
  ['priority', { service_tier: 'priority' }, 'service_tier', /auto, default, flex/],
  ['a prediction', { prediction: { type: 'content', content: 'x' } }, 'prediction', /charged/],
  ['pictures as an answer', { modalities: ['text', 'image'] }, 'modalities', /text/],
  ['sound as an answer', { audio: { voice: 'a' } }, 'audio', /with text/],
  ['a preset', { preset: 'mine' }, 'preset', /cannot see/],
  ['an image', { messages: say([IMAGE]) }, 'messages[0].content[0]', /`limits.images`/],
  ['sound', { messages: say([{ type: 'input_audio', input_audio: {} }]) }, 'messages[0].content[0].type', /no sound and no video/],
  ['a film', { messages: say([{ type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } }]) }, 'messages[0].content[0].type', /no sound and no video/],
  ['something elsewhere in a part of an unknown type', { messages: say([{ type: 'novel', page: { source_url: 'https://a.example' } }]) }, 'messages[0].content[0].type', /no sound and no video/],
  ['a picture of an unknown type', { messages: say([{ type: 'novel_image', data: 'AAAA' }]) }, 'messages[0].content[0].type', /no sound and no video/],
  ['a picture inside a part of an unknown type', { messages: say([{ type: 'tool_result', content: [{ type: 'image', source: {} }] }]) }, 'messages[0].content[0].type', /attachments belong/],
  ['sound of an earlier answer', { messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }, 'messages[0].audio', /attachments belong/],
  ['a picture inside an unknown field of a message', { messages: [{ role: 'assistant', content: 'x', provider_specific_fields: { parts: [IMAGE] } }] }, 'messages[0].provider_specific_fields', /attachments belong/],
  ['a file of the account of the owner', { messages: say([{ type: 'file', file: { file_id: 'file-1' } }]) }, 'messages[0].content[0]', /`limits.files`/],
  ['a file', { messages: say([{ type: 'file', file: {} }]) }, 'messages[0].content[0]', /`limits.files`/],
  ['a picture that is no text', { messages: say([{ type: 'text', text: 'x', image_url: IMAGE.image_url }]) }, 'messages[0].content[0].image_url', /is an attachment/],
  ['a picture outside the content', { messages: [{ role: 'assistant', content: 'x', images: [IMAGE] }] }, 'messages[0].images', /attachments belong/],
  ['a picture inside another field of a message', { messages: [{ role: 'assistant', content: 'x', reasoning_details: [{ type: 'reasoning.text', parts: [IMAGE] }] }] }, 'messages[0].reasoning_details', /attachments belong into `content`/],
  ['a picture as an annotation', { messages: [{ role: 'assistant', content: 'x', annotations: [IMAGE] }] }, 'messages[0].annotations', /attachments belong into `content`/],
  ['a picture inside an annotated file', { messages: [{ role: 'assistant', content: 'x', annotations: [{ type: 'file', file: { content: [IMAGE] } }] }] }, 'messages[0].annotations', /attachments belong into `content`/],
  ['a tool of the upstream among the allowed tools', { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'web_search' }] } } }, 'tool_choice.allowed_tools.tools', /functions and custom tools only/],
  ['a tool of the upstream among the allowed tools, not nested', { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }] } }, 'tool_choice.tools', /functions and custom tools only/],
  ['a day in the cache', { cache_control: { type: 'ephemeral', ttl: '1d' } }, 'cache_control.ttl', /1h/],
  ['a day in the cache for a part', { messages: say([{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1d' } }]) }, 'messages[0].content[0].cache_control.ttl', /1h/],
  ['a day in the cache for a function', { tools: [{ type: 'function', function: { name: 'f', cache_control: { type: 'ephemeral', ttl: '1d' } } }] }, 'tools[0].function.cache_control.ttl', /1h/],
  ['another sorting of models', { provider: { sort: { by: 'price', partition: 'none' } } }, 'provider.sort.partition', /model/],
  ['an unknown field of the provider', { provider: { base_url: 'https://evil.example' } }, 'provider.base_url', /not a known field/],
  ['another upstream', { base_url: 'https://evil.example' }, 'base_url', /the owner of this edge configures its upstreams/],
  ['another key', { api_key: 'sk-evil' }, 'api_key', /the owner of this edge configures its upstreams/],
  ['headers', { headers: { authorization: 'x' } }, 'headers', /the owner of this edge configures its upstreams/],
  ['an echo of the request', { debug: { echo_upstream_body: true } }, 'debug', /not accepted/],
  ['an old form', { functions: [] }, 'functions', /`tools`/],
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

test('an unknown field is not sent, and the answer warns about it in the report and in a header', async () => {
  const novel = { temprature: 1, chat_template_kwargs: { a: 1 }, enable_search: true, thinking: { type: 'enabled' }, extra: null };
  const answer = await chat(edge, { model: FIRST, ...novel });
  assert.equal(answer.status, 200, answer.text);
  const { messages, ...rest } = await sent();
  assert.deepEqual(Object.keys(rest).sort(), ['max_tokens', 'model', 'stream', 'user']);
  const [slip, ...others] = answer.json.failsoft.warnings;
  assert.equal(slip, '`temprature` is not a known field, and was not sent; did you mean `temperature`?');
  assert.deepEqual(others, ['chat_template_kwargs', 'enable_search', 'thinking'].map((name) => `\`${name}\` is not a known field, and was not sent`));
  assert.equal(answer.headers['x-failsoft-warnings'], answer.json.failsoft.warnings.join(' | '));
  const streamed = await chat(edge, { model: FIRST, stream: true, ...novel });
  assert.equal(streamed.headers['x-failsoft-warnings'], answer.headers['x-failsoft-warnings']);
  assert.deepEqual(streamed.events.reports.map(({ warnings }) => warnings), [answer.json.failsoft.warnings, answer.json.failsoft.warnings]);
});

test('many unknown fields and names that no header may have make one short line', async () => {
  const names = ['é\r\nx-evil: 1', 'x'.repeat(5_000), ...Array.from({ length: 200 }, (_, at) => `novel${at}`)];
  const answer = await chat(edge, { model: FIRST, ...Object.fromEntries(names.map((name) => [name, 1])) });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['x-evil'], undefined);
  assert.match(answer.headers['x-failsoft-warnings'], /^`\?\?\?x-evil: 1` is not a known field, and was not sent \| `x{3}/);
  const { warnings } = answer.json.failsoft;
  assert.equal(warnings.at(-1), '192 more fields are not known, and were not sent');
  assert.ok(warnings.length === 11 && JSON.stringify(warnings).length < 3_000);
  const many = await chat(edge, { model: FIRST, ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`novel${at}`, 1])) });
  assert.deepEqual([many.status, many.json.error.param], [400, 'body']);
});

test('an output limit above the limit of the edge is lowered, with a warning', async () => {
  for (const [body, name, limit, given] of [
    [{ max_tokens: 2_001 }, 'max_tokens', 2_000, 2_001],
    [{ max_completion_tokens: 1e9 }, 'max_completion_tokens', 2_000, 1e9],
    [{ max_tokens: 5, max_completion_tokens: 9_999 }, 'max_completion_tokens', 5, 9_999],
  ]) {
    const answer = await chat(edge, { model: FIRST, ...body });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await sent())[name], limit);
    assert.deepEqual(answer.json.failsoft.warnings, [`\`${name}\` was lowered from ${given} to 2000 (\`limits.outputTokens\`)`]);
    assert.equal(answer.headers['x-failsoft-warnings'], answer.json.failsoft.warnings[0]);
  }
});

test('where the owner wants so, an unknown field is refused at every depth', async () => {
  const message = (fields) => ({ messages: [{ role: 'assistant', content: 'x', ...fields }] });
  for (const [body, param] of [
    [{ temprature: 1 }, 'temprature'],
    [{ chat_template_kwargs: {} }, 'chat_template_kwargs'],
    [message({ parsed: { a: 1 } }), 'messages[0].parsed'],
    [{ messages: say([{ type: 'text', text: 'x', novel: 1 }]) }, 'messages[0].content[0].novel'],
    [{ messages: say([{ type: 'thinking', thinking: 'x' }]) }, 'messages[0].content[0].type'],
    [tool('function', { defer_loading: true }), 'tools[0].defer_loading'],
    [{ stream: true, stream_options: { novel: true } }, 'stream_options.novel'],
  ]) {
    const answer = await chat(strict, { model: FIRST, ...body });
    assert.deepEqual([answer.status, answer.json.error.param], [400, param], answer.text);
  }
  assert.deepEqual(await chats(), []);
  const slip = await chat(strict, { model: FIRST, temprature: 1 });
  assert.match(slip.json.error.message, /did you mean `temperature`/);
});

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
  const { model, max_tokens: limit, user, stream, ...rest } = await sent();
  assert.deepEqual([model, limit, stream, rest], [FIRST, 2_000, true, { ...body, messages }]);
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
  const short = { type: 'image_url', image_url: IMAGE.image_url.url };
  assert.equal((await chat(looking, { model: FIRST, messages: say([short]) })).status, 200);
  assert.equal((await chat(looking, { model: FIRST, messages: say([short, short]) })).json.error.param, 'messages[0].content[1]');
  const many = await chat(looking, { model: FIRST, messages: say([IMAGE, IMAGE]) });
  assert.deepEqual([many.status, many.json.error.param], [400, 'messages[0].content[1]']);
  assert.match(many.json.error.message, /takes 1 at most \(`limits.images`\)/);
});

test('a file is passed on where the owner allows files, and OpenRouter reads it without a charge of its own', async () => {
  const file = (more) => ({ type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA', ...more } });
  const ask = (parts, more) => chat(looking, { model: FIRST, messages: say([{ type: 'text', text: 'words:3' }, ...parts]), ...more });
  const healing = { id: 'response-healing' };
  const free = { id: 'file-parser', pdf: { engine: 'cloudflare-ai' } };
  for (const [more, plugins] of [
    [{}, [free]],
    [{ plugins: [healing] }, [healing, free]],
    [{ plugins: [{ id: 'file-parser', pdf: { engine: 'native' } }] }, [{ id: 'file-parser', pdf: { engine: 'native' } }]],
  ]) {
    const answer = await ask([file()], more);
    assert.equal(answer.status, 200, answer.text);
    const { plugins: asked, messages } = await sent();
    assert.deepEqual([asked, messages[0].content[1]], [plugins, file()]);
  }
  await emulator.clear();
  for (const [parts, param, message] of [
    [[file(), file()], 'messages[0].content[2]', /takes 1 at most \(`limits.files`\)/],
    [[file({ file_id: 'file-1' })], 'messages[0].content[1].file.file_id', /`file_data`/],
    [[{ type: 'file', file: {} }], 'messages[0].content[1].file.file_data', /must be a string/],
    [[file({ pages: [1] })], 'messages[0].content[1].file.pages', /not a known field/],
  ]) {
    const answer = await ask(parts);
    assert.deepEqual([answer.status, answer.json.error.param], [400, param]);
    assert.match(answer.json.error.message, message);
  }
  assert.deepEqual(await chats(), []);
});

test('what clients send back or add passes untouched, and counts as text', async () => {
  const tools = [
    { type: 'function', function: { name: 'f', novel: { a: 1 } }, strict: true, defer_loading: true, metadata: { a: 'b' } },
    { type: 'custom', custom: { name: 'g', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } } } },
  ];
  const messages = [
    { role: 'assistant', content: 'y', reasoning_content: 'z', provider_specific_fields: { reasoning: 'z', a: [{ b: 1 }] }, parsed: { a: 1 }, audio: null, function_call: null, images: [] },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' }, thinking_blocks: [{ type: 'thinking', thinking: 'x', signature: 's' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'y', role: 'assistant', refusal: null, annotations: [], image_url: null, citations: [{ url: 'https://a.example' }] }] },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 's' }, { type: 'redacted_thinking', data: 'x' }, { type: 'output_text', text: 'x' }] },
    ...['reasoning', 'reasoning_content', 'reasoning_text', 'thinking', 'redacted_reasoning_content'].map((name) => ({ role: 'assistant', content: 'y', [name]: 'z' })),
    { role: 'assistant', content: 'y', reasoning: { text: 'z' }, reasoning_details: [{ type: 'reasoning.encrypted', data: 'x', id: 'r', index: 0 }] },
    { role: 'assistant', content: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'z' }], encrypted_content: 'x' }, { type: 'text', text: 'y', thought: true }] },
    { role: 'assistant', content: '', name: null, tool_calls: [{ index: 0, id: 't', type: 'custom', custom: { name: 'g', input: 'a' }, extra_content: { google: { thought_signature: 'x' } } }] },
    { role: 'tool', tool_call_id: 't', content: [{ type: 'text', text: 'x', cache_control: null }], status: 'success' },
    ...MESSAGES,
  ];
  const answer = await chat(edge, { model: FIRST, tools, tool_choice: { type: 'custom', custom: { name: 'g' } }, messages, stream_options: { novel: 1 } });
  assert.equal(answer.status, 200, answer.text);
  const body = await sent();
  // What only another vendor can read is left out.
  const readable = messages.map(({ thinking_blocks: _blocks, reasoning_details: _details, tool_calls: calls, ...message }) => (
    calls ? { ...message, tool_calls: calls.map(({ extra_content: _signature, ...call }) => call) } : message));
  assert.deepEqual([body.messages, body.tools], [readable, tools]);
  assert.equal(answer.json.failsoft.warnings, undefined);
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
