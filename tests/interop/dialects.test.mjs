// Three protocols of clients, each through its official SDK, over four dialects of upstreams: what comes back is the same, and a
// fallback stands in each call.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { setUp, useEmulator } from '../edge/use-edge.mjs';
import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';

const SECOND = 'openai/gpt-4o';
const SCHEMA = { type: 'object', properties: { query: { type: 'string' } }, additionalProperties: false };
const ANSWER = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false };

/** What each protocol's SDK makes of one call: the text, the arguments of the calls, whether there was reasoning, and the end. */
const CLIENTS = {
  async chat(edge, { model, prompt, stream, tools, thinks, structured }) {
    const request = { model, messages: [{ role: 'user', content: prompt }] };
    if (tools) request.tools = [{ type: 'function', function: { name: 'search', parameters: SCHEMA } }];
    if (thinks) request.reasoning_effort = 'low';
    if (structured) request.response_format = { type: 'json_schema', json_schema: { name: 'answer', schema: ANSWER } };
    const { completions } = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY }).chat;
    const { choices: [{ message, finish_reason: finish }] } = stream ? await completions.stream(request).finalChatCompletion() : await completions.create(request);
    return { text: message.content ?? '', calls: (message.tool_calls ?? []).map((call) => JSON.parse(call.function.arguments)), thought: Boolean(message.reasoning), ended: finish };
  },
  async responses(edge, { model, prompt, stream, tools, thinks, structured }) {
    const request = { model, input: prompt };
    if (tools) request.tools = [{ type: 'function', name: 'search', parameters: SCHEMA, strict: false }];
    if (thinks) request.reasoning = { effort: 'low', summary: 'auto' };
    if (structured) request.text = { format: { type: 'json_schema', name: 'answer', schema: ANSWER } };
    const { responses } = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY });
    let response;
    if (stream) {
      for await (const event of await responses.create({ ...request, stream: true })) {
        if (event.type === 'response.failed') throw Object.assign(new Error(event.response.error.message), { partial: event.response.output });
        if (event.type === 'response.completed') response = event.response;
      }
      const parts = response.output.flatMap(({ content }) => content ?? []);
      response.output_text = parts.map(({ text }) => text ?? '').join('');
    } else response = await responses.create(request);
    const calls = response.output.filter(({ type }) => type === 'function_call');
    return { text: response.output_text, calls: calls.map((call) => JSON.parse(call.arguments)), thought: response.output.some(({ type }) => type === 'reasoning'), ended: calls.length > 0 ? 'tool_calls' : 'stop' };
  },
  async messages(edge, { model, prompt, stream, tools, thinks, structured }) {
    const request = { model, max_tokens: 2_000, messages: [{ role: 'user', content: prompt }] };
    if (tools) request.tools = [{ name: 'search', input_schema: SCHEMA }];
    if (thinks) request.thinking = { type: 'enabled', budget_tokens: 1_024 };
    if (structured) request.output_config = { format: { type: 'json_schema', schema: ANSWER } };
    const { messages } = new Anthropic({ baseURL: edge.origin, apiKey: CLIENT_KEY });
    const message = stream ? await messages.stream(request).finalMessage() : await messages.create(request);
    const of = (kind) => message.content.filter(({ type }) => type === kind);
    const ended = { end_turn: 'stop', tool_use: 'tool_calls' }[message.stop_reason];
    return { text: of('text').map(({ text }) => text).join(''), calls: of('tool_use').map(({ input }) => input), thought: of('thinking').length > 0, ended };
  },
};

const DIALECTS = ['openrouter', 'openai', 'anthropic', 'azure'];
const QUERY = { query: 'what was asked for' };
/** What is asked for, and what has to come back. */
const CASES = {
  text: [{ prompt: 'words:12' }, ({ text }) => assert.equal(text.split(' ').length, 12)],
  'a call of a tool': [{ prompt: 'use the tool', tools: true }, ({ calls, ended }) => assert.deepEqual([calls, ended], [[QUERY], 'tool_calls'])],
  // gpt-4o does not think: Azure refuses the budget of a client of Messages, so the edge does not send it.
  reasoning: [{ prompt: 'words:3', thinks: true }, ({ text, thought }, how) => assert.deepEqual([text.split(' ').length, thought], [3, !how.startsWith('messages over azure')])],
  'a structured answer': [{ prompt: 'words:2', structured: true }, ({ text }) => assert.equal(JSON.parse(text).answer, 'word1 word2')],
};

const emulator = useEmulator();
const edges = {};
for (const dialect of DIALECTS) {
  setUp(async () => {
    const url = dialect === 'azure' ? new URL(emulator.baseURL).origin : emulator.baseURL;
    edges[dialect] = await startEdge({
      failsoft: {
        upstream: { url, dialect },
        keys: [clientKey()],
        models: ['*'],
        limits: { outputTokens: 10_000 },
        policy: { timeouts: TIMEOUTS, retry: { base: 10 }, breaker: { failures: 0 }, recover: 'error' },
        routes: { support: { models: ['fault/unavailable', SECOND], lane: 'relay' } },
      },
    });
  });
}
after(() => Promise.all(Object.values(edges).map((edge) => edge.stop())));

/** The calls that reached the upstream. The edge also asks for a catalog. */
const posts = async () => (await emulator.log()).filter(({ method }) => method === 'POST');
/** The path that a call has in each dialect. */
const PATHS = { openrouter: /\/chat\/completions$/, openai: /\/chat\/completions$/, anthropic: /\/messages$/, azure: /\/openai\/deployments\/.+\/chat\/completions\?api-version=/ };

for (const [protocol, ask] of Object.entries(CLIENTS)) {
  for (const dialect of DIALECTS) {
    for (const stream of [false, true]) {
      const how = `${protocol} over ${dialect}, ${stream ? 'streamed' : 'in one piece'}`;

      for (const [what, [asked, check]] of Object.entries(CASES)) {
        test(`${how}: ${what}`, async () => {
          const answer = await ask(edges[dialect], { model: 'route/support', stream, ...asked });
          check(answer, how);
          const log = await posts();
          assert.equal(log.length, dialect === 'openrouter' ? 1 : 2);
          for (const { path } of log) assert.match(path, PATHS[dialect]);
        });
      }

      test(`${how}: errors before and in the middle of an answer, and a cut`, async () => {
        const fails = (model) => ask(edges[dialect], { model, prompt: 'words:30', stream }).then((answer) => assert.fail(JSON.stringify(answer)), (error) => error);
        assert.equal((await fails('fault/rate-limited-30')).status, 429);
        assert.equal((await fails('fault/bad-request')).status, 400);
        for (const model of ['fault/error-mid-stream', 'fault/reset-mid-body']) {
          const error = await fails(model);
          assert.ok(stream || error.status >= 500, `${model}: ${error.status}`);
        }
      });
    }
  }
}

// ---- Messages on both sides

const CONVERSATION = {
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'use   the "tool"', cache_control: { type: 'ephemeral' } }] },
    { role: 'assistant', content: [
      { type: 'thinking', thinking: 'Let me\u2028think. ', signature: 'RW11bGF0ZWQ=' },
      { type: 'tool_use', id: 'toolu_1', name: 'search', input: { query: 'x', number: 1.50 } },
    ] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'found' }], is_error: false }, { type: 'text', text: 'words:4' }] },
  ],
  tools: [{ name: 'search', input_schema: SCHEMA, eager_input_streaming: true }],
};

test('Messages on both sides: the upstream gets messages, tools and instructions as they came, and the rest is rebuilt', async () => {
  const anthropic = new Anthropic({ baseURL: edges.anthropic.origin, apiKey: CLIENT_KEY });
  const message = await anthropic.messages.create({ model: 'route/support', max_tokens: 20_000, ...CONVERSATION, metadata: { user_id: 'me' } });
  assert.equal(message.content.at(-1).text.split(' ').length, 4);
  const { body, headers } = (await posts()).at(-1);
  for (const name of ['system', 'messages', 'tools']) assert.deepEqual(body[name], CONVERSATION[name], name);
  assert.deepEqual([body.model, body.max_tokens, body.failsoft], [SECOND, 10_000, undefined]);
  assert.notEqual(body.metadata.user_id, 'me');
  assert.deepEqual([headers['anthropic-version'], headers.authorization], ['2023-06-01', undefined]);
  assert.match(message.failsoft.warnings.join(), /max_tokens/);
});

test('a conversation that changes the vendor loses what only the first vendor can read, and nothing else', async () => {
  const ask = (edge, fields) => new Anthropic({ baseURL: edge.origin, apiKey: CLIENT_KEY }).messages.create({ model: SECOND, max_tokens: 2_000, thinking: { type: 'enabled', budget_tokens: 1_024 }, ...fields });
  const messages = [];
  for (let turn = 0; turn < 10; turn++) {
    messages.push({ role: 'user', content: `words:${turn + 2}` });
    const message = await ask(Math.floor(turn / 2) % 2 ? edges.openai : edges.anthropic, { messages });
    assert.equal(message.content.at(-1).text.split(' ').length, turn + 2);
    messages.push({ role: 'assistant', content: message.content });
  }
});
