// A conversation with thinking and tools that changes the vendor every second turn, also between a call and its result. Each vendor
// refuses what another one signed, so a turn is answered only if the edge left it out.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY } from '../support/edge.mjs';

const MODELS = ['openai/gpt-4o', 'gpt-4o-mini', 'anthropic/claude-opus-4.7', 'meta-llama/llama-3.3-70b-instruct'];
/** What the emulator calls them. */
const NAMES = ['openai/gpt-4o', 'openai/gpt-4o-mini', MODELS[2], MODELS[3]];
const priced = (id) => ({ id, prompt: 4, completion: 20, cachedPrompt: 1 });
const SCHEMA = { type: 'object', properties: { query: { type: 'string' } }, additionalProperties: false };

const { emulator, edge } = useEdge(({ baseURL }) => {
  const { origin } = new URL(baseURL);
  const upstream = (at, dialect, url, model = priced(MODELS[at])) => ({ url, dialect, key: 'SECOND_KEY', models: [model] });
  return {
    secrets: { SECOND_KEY: 'sk-or-second' },
    failsoft: {
      upstream: undefined,
      upstreams: [
        { ...upstream(0, 'openrouter', baseURL), key: 'UPSTREAM_API_KEY' },
        upstream(1, 'openai', `${origin}/v1`),
        upstream(2, 'anthropic', baseURL),
        upstream(3, 'azure', origin),
      ],
      limits: { outputTokens: 10_000 },
      policy: { breaker: { failures: 0 }, retry: { base: 10 } },
      routes: { chain: { models: MODELS }, sticky: { models: MODELS, policy: { sticky: {} } } },
    },
  };
});
beforeEach(() => emulator.clear());

/** The turns: a question, or the result of the call in the turn before. */
const TURNS = Array.from({ length: 10 }, (_, turn) => ({
  isQuestion: turn % 2 === 0,
  text: turn % 2 === 0 ? `use the tool think:3 with signatures cached:${turn}` : `words:${turn} think:2 with signatures cached:${turn}`,
  /** The vendor changes behind each second turn, which is a call. */
  vendor: Math.floor((turn + 1) / 2) % MODELS.length,
}));

/** A conversation through each protocol: `ask` sends a text, or the result of the last call, and returns the report. */
const PROTOCOLS = {
  chat() {
    const { completions } = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 }).chat;
    const messages = [];
    return async ({ isQuestion, text }) => {
      const call = messages.at(-1)?.tool_calls?.[0];
      messages.push(isQuestion ? { role: 'user', content: text } : { role: 'tool', tool_call_id: call.id, content: text });
      const tools = [{ type: 'function', function: { name: 'search', parameters: SCHEMA } }];
      const { choices: [{ message }], failsoft } = await completions.create({ model: 'route/chain', messages, tools, reasoning_effort: 'low', max_tokens: 3_000 });
      messages.push(message);
      return { report: failsoft, called: Boolean(message.tool_calls?.length) };
    };
  },
  messages() {
    const { messages: api } = new Anthropic({ baseURL: edge.origin, apiKey: CLIENT_KEY, maxRetries: 0 });
    const messages = [];
    return async ({ isQuestion, text }) => {
      const call = messages.at(-1)?.content.find(({ type }) => type === 'tool_use');
      messages.push({ role: 'user', content: isQuestion ? text : [{ type: 'tool_result', tool_use_id: call.id, content: text }] });
      const tools = [{ name: 'search', input_schema: SCHEMA }];
      const { content, failsoft } = await api.create({ model: 'route/chain', max_tokens: 3_000, messages, tools, thinking: { type: 'enabled', budget_tokens: 1_024 } });
      messages.push({ role: 'assistant', content });
      return { report: failsoft, called: content.some(({ type }) => type === 'tool_use') };
    };
  },
  responses() {
    const { responses } = new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 });
    const input = [];
    return async ({ isQuestion, text }) => {
      const call = input.at(-1);
      input.push(isQuestion ? { role: 'user', content: text } : { type: 'function_call_output', call_id: call.call_id, output: text });
      const tools = [{ type: 'function', name: 'search', parameters: SCHEMA, strict: false }];
      const more = { store: false, include: ['reasoning.encrypted_content'], reasoning: { effort: 'low' }, max_output_tokens: 3_000 };
      const { output, failsoft } = await responses.create({ model: 'route/chain', input, tools, ...more });
      input.push(...output);
      return { report: failsoft, called: output.at(-1).type === 'function_call' };
    };
  },
};

/** The chat requests that reached the emulator. */
const posts = async () => (await emulator.log()).filter(({ method }) => method === 'POST');

for (const [protocol, begin] of Object.entries(PROTOCOLS)) {
  test(`ten turns through ${protocol}, with another vendor every second turn: no 400, and the report says what each hop left out and cost`, async () => {
    const ask = begin();
    const stripped = new Set();
    for (const turn of TURNS) {
      for (const name of NAMES.slice(0, turn.vendor)) await emulator.script(name, ['unavailable']);
      const { report, called } = await ask(turn);
      const attempt = report.attempts.at(-1);
      assert.deepEqual([attempt.models, called, report.attempts.length], [[MODELS[turn.vendor]], turn.isQuestion, turn.vendor + 1]);
      for (const { what, issuer, count } of attempt.stripped ?? []) {
        assert.ok(count > 0);
        stripped.add(`${issuer} ${what}, not for ${MODELS[turn.vendor]}`);
      }
      assert.ok(attempt.cost > 0, 'what the turn cost');
    }
    const statuses = (await posts()).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
    const has = (issuer, model) => [...stripped].some((line) => line.startsWith(issuer) && line.endsWith(model));
    for (const at of [1, 2, 3]) assert.ok(has('openai-responses-v1', MODELS[at]), `${MODELS[at]}: ${[...stripped].join('; ')}`);
    for (const at of [0, 3]) assert.ok(has('anthropic-claude-v1', MODELS[at]), `${MODELS[at]}: ${[...stripped].join('; ')}`);
  });
}

const chat = (model, text) => new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 }).chat.completions
  .create({ model, messages: [{ role: 'user', content: text }] }).then(({ failsoft }) => failsoft);

test('the report of a switch says which cache was lost, and what it would have saved', async () => {
  const text = 'one two three four five six seven eight cached:8';
  const first = await chat('route/chain', text);
  assert.equal(first.attempts[0].lostCache, undefined);
  await emulator.script(NAMES[0], ['unavailable']);
  const { attempts: [, second] } = await new OpenAI({ baseURL: `${edge.origin}/v1`, apiKey: CLIENT_KEY }).chat.completions
    .create({ model: 'route/chain', messages: [{ role: 'user', content: text }, { role: 'assistant', content: 'a' }, { role: 'user', content: 'and?' }] }).then(({ failsoft }) => failsoft);
  // Three USD for a million tokens are the difference.
  assert.deepEqual(second.lostCache, { tokens: 8, cost: 0.000024 });
});

test('a sticky conversation stays with the model that answered, while that model answers, and another conversation does not', async () => {
  const served = ({ attempts }) => attempts.map(({ models }) => models[0]);
  await emulator.script(NAMES[0], ['unavailable']);
  assert.deepEqual(served(await chat('route/sticky', 'stay')), MODELS.slice(0, 2));
  assert.deepEqual(served(await chat('route/sticky', 'stay')), [MODELS[1]]);
  assert.deepEqual(served(await chat('route/sticky', 'another')), [MODELS[0]]);
  assert.deepEqual(served(await chat('route/chain', 'stay')), [MODELS[0]], 'the policy of this route is not sticky');
  await emulator.script(NAMES[0], ['unavailable']);
  await chat('route/sticky', 'stay');
  await emulator.script(NAMES[1], ['unavailable']);
  assert.deepEqual(served(await chat('route/sticky', 'stay')), [MODELS[1], MODELS[0]]);
});
