// The same protocol on both sides: the upstream gets what a client says byte for byte, and the client gets what the upstream says
// beyond chat completions. The upstream is a server that keeps the bytes of each request.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, beforeEach, test } from 'node:test';

import { setUp } from '../edge/use-edge.mjs';
import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
const NOVEL = { id: 'nv_1', type: 'novel_item', status: 'completed', anything: { a: 1.5 } };
const BLOCK = { type: 'novel_block', anything: { a: 1.5 } };
const TEXT = { type: 'output_text', text: 'hi', annotations: [{ type: 'novel_citation', at: 1 }], logprobs: [] };
/** What the upstream answers at each path. */
const ANSWERS = {
  '/v1/chat/completions': { id: 'gen-1', object: 'chat.completion', model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'hi', novel: 1.5 }, finish_reason: 'stop' }], usage: USAGE },
  '/v1/messages': { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [BLOCK, { type: 'text', text: 'hi' }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } },
  '/v1/responses': { id: 'resp_1', object: 'response', model: 'm', status: 'completed', output: [NOVEL, { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: [TEXT] }], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } },
};

/** The upstream: the paths and bodies of its requests, and its base URL. */
const upstream = { requests: [], url: '' };
const UPSTREAMS = {
  openai: { dialect: 'openai', protocols: ['chat', 'responses'] },
  openrouter: { dialect: 'openrouter', protocols: ['chat', 'responses'] },
  anthropic: { dialect: 'anthropic' },
};
const edges = {};

setUp(async () => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    if (request.method === 'POST') upstream.requests.push({ path: request.url, body });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ANSWERS[request.url] ?? { data: [] }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  upstream.url = `http://127.0.0.1:${server.address().port}/v1`;
  for (const [name, given] of Object.entries(UPSTREAMS)) {
    edges[name] = await startEdge({ failsoft: { upstream: { url: upstream.url, ...given }, keys: [clientKey()], models: ['*'], provider: { data_collection: 'deny' }, limits: { outputTokens: 1_000, files: 1 } } });
  }
});
after(() => Promise.all(Object.values(edges).map((edge) => edge.stop())));
beforeEach(() => {
  upstream.requests = [];
});

/** Spaces, line ends, escapes and spellings of numbers that a parser would not keep. */
const ODD = String.raw`"caf\u00e9 \/ \ud83e\udd80 \u2028", "novel" : [ 1.50, 1e3, -0.0, {"z":1,"a":2} ]`;
const CACHE = '"cache_control": {"type":"ephemeral"}';
const PARTS = {
  chat: {
    messages: `[ {"role" : "system","content":[{"type":"text","text":"Be brief.", ${CACHE}}]},\n\t{"role":"user","content":${ODD}},
      {"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.encrypted","data":"gAAA","id":"rs_1","format":"openai-responses-v1"}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1e0}"},"novel":{"b":2.50}}]},
      {"role":"tool","tool_call_id":"c","content":"1"}, {"role":"user","content":[{"type":"text","text":"go on"},{"type":"novel_part","text":"x"}]} ]`,
    tools: `[{"type":"function","function":{"name":"f","parameters":{"type":"object", "z":1,"a":2.0}}, ${CACHE}} ]`,
  },
  messages: {
    system: `[ {"type":"text","text":"Be brief.", ${CACHE}}]`,
    messages: `[ {"role" : "user","content":[{"type":"text","text":${ODD}}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"Let me\\u2028think. ","signature":"RW11"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1.50}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"1", ${CACHE}}]} ]`,
    tools: `[{"name":"f","input_schema":{"type":"object", "z":1,"a":2.0},"eager_input_streaming":true} ]`,
  },
  responses: {
    instructions: String.raw`"Be\u0020brief."`,
    input: `[ {"role" : "user","content":${ODD}}, {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAAA-rs_1","status":null},
      {"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{\\"a\\": 1e0}","namespace":"n"},
      {"type":"novel_item","anything":{"a":1.50}},
      {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"1","prompt_cache_breakpoint":{"mode":"explicit"}}]} ]`,
    tools: `[{"type":"function","name":"f","parameters":{"type":"object", "z":1,"a":2.0},"strict":null,"defer_loading":true} ]`,
  },
};
/** A model of the vendor that made the reasoning in each conversation. */
const MODELS = { '/v1/chat/completions': 'openai/gpt-5', '/v1/messages': 'claude-sonnet-4-5', '/v1/responses': 'openai/gpt-5' };
const PATHS = { chat: '/v1/chat/completions', messages: '/v1/messages', responses: '/v1/responses' };

async function send(edge, path, parts, stream) {
  const fields = Object.entries(parts).map(([name, text]) => `"${name}" :  ${text}`);
  const body = `{ "model":"${MODELS[path]}", "max_tokens":99, "novel_field":{"a":1}, "stream":${stream}, ${fields.join(', ')} }`;
  const shown = path === PATHS.responses ? body.replace('max_tokens', 'max_output_tokens') : body;
  return fetch(`${edge.origin}${path}`, { method: 'POST', headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' }, body: shown });
}

/** What each protocol has beyond the text, in its answer. */
const FOUND = {
  chat: (answer) => assert.equal(answer.choices[0].message.novel, 1.5),
  messages: (answer) => assert.deepEqual(answer.content, [BLOCK, { type: 'text', text: 'hi' }]),
  responses: ({ output }) => assert.deepEqual([output[0], output[1].content[0].annotations], [NOVEL, TEXT.annotations]),
};

for (const [protocol, name] of [['chat', 'openai'], ['chat', 'openrouter'], ['messages', 'anthropic'], ['responses', 'openai'], ['responses', 'openrouter']]) {
  for (const stream of [false, true]) {
    test(`${protocol} to ${name}, ${stream ? 'streamed' : 'in one piece'}: what the client says arrives byte for byte, and the top level is rebuilt`, async () => {
      const response = await send(edges[name], PATHS[protocol], PARTS[protocol], stream);
      const answer = await response.text();
      assert.equal(response.status, 200, answer);
      assert.deepEqual(upstream.requests.map(({ path }) => path), [PATHS[protocol]]);
      const [{ body }] = upstream.requests;
      for (const [field, text] of Object.entries(PARTS[protocol])) assert.ok(body.includes(`"${field}":${text}`), `${field} is not in ${body}`);
      assert.ok(!body.includes('novel_field'), 'an unknown field at the top level is not sent');
      if (protocol === 'responses') assert.equal(JSON.parse(body).store, false);
      if (stream) assert.match(answer, protocol === 'chat' ? /"novel":1.5/ : /novel_(item|block)/);
      else FOUND[protocol](JSON.parse(answer));
    });
  }
}

test('what chat has no form for is left out for an upstream of another protocol, and the client is told', async () => {
  const response = await send(edges.anthropic, PATHS.responses, { input: '[{"role":"user","content":"hi"},{"type":"novel_item","anything":1}]' }, false);
  assert.equal(response.status, 400);
  assert.match((await response.json()).error.message, /novel_item/);
});

test('a native request holds no file of the owner, no tool at the vendor and no dearer mode', async () => {
  const user = (part) => `[{"role":"user","content":[${part}]}]`;
  for (const [parts, about] of [
    [{ input: user('{"type":"input_file","filename":"a","file_data":"data:text/plain;base64,aGk=","file_id":"file-1"}') }, /file_id/],
    [{ input: '[{"role":"user","content":"hi"},{"type":"additional_tools","tools":[{"type":"web_search"}]}]' }, /additional_tools/],
    [{ input: '[{"role":"user","content":"hi"},{"type":"item_reference","id":"msg_1"}]' }, /stored item/],
    [{ input: '"hi"', reasoning: '{"effort":"high","mode":"pro"}' }, /reasoning.mode/],
  ]) {
    const response = await send(edges.openai, PATHS.responses, parts, false);
    assert.equal(response.status, 400, JSON.stringify(parts));
    assert.match((await response.json()).error.message, about);
  }
  assert.deepEqual(upstream.requests, []);
});
