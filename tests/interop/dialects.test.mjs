// Messages from clients over several dialects: what arrives untouched at an upstream of the same protocol, and what only the first
// vendor of a conversation can read.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { setUp, useEmulator } from '../edge/use-edge.mjs';
import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';

const SECOND = 'openai/gpt-4o';
const SCHEMA = { type: 'object', properties: { query: { type: 'string' } }, additionalProperties: false };
const DIALECTS = ['openai', 'anthropic'];
const BETAS = { anthropic: { betas: ['context-1m-2025-08-07'], headers: { 'Anthropic-Beta': 'of-the-owner-1' } } };

const emulator = useEmulator();
const edges = {};
for (const dialect of DIALECTS) {
  setUp(async () => {
    edges[dialect] = await startEdge({
      failsoft: {
        upstream: { url: emulator.baseURL, dialect, ...BETAS[dialect] },
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

test('of the betas that a client asks for, the upstream gets those that change only the form, and those that its owner allows', async () => {
  const asked = ['interleaved-thinking-2025-05-14', 'context-1m-2025-08-07', 'mcp-client-2025-11-20', 'code-execution-2025-08-25'];
  const ask = async (edge) => {
    const anthropic = new Anthropic({ baseURL: edge.origin, apiKey: CLIENT_KEY });
    const message = await anthropic.beta.messages.create({ model: SECOND, max_tokens: 50, messages: [{ role: 'user', content: 'words:2' }], betas: asked });
    return { message, headers: (await posts()).at(-1).headers };
  };
  const { message, headers } = await ask(edges.anthropic);
  assert.deepEqual(headers['anthropic-beta'].split(','), ['of-the-owner-1', ...asked.slice(0, 2)]);
  const warnings = message.failsoft.warnings.join();
  assert.match(warnings, /anthropic-beta: mcp-client-2025-11-20/);
  assert.match(warnings, /anthropic-beta: code-execution-2025-08-25/);
  assert.equal((await ask(edges.openai)).headers['anthropic-beta'], undefined);
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
