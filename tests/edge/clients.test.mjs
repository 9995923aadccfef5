// What current clients send, and what they need back: the requests of tests/fixtures/clients, and others of their kind.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { CLIENT_KEY } from '../support/edge.mjs';
import { ROOT } from '../support/process.mjs';
import { SECOND, events, send, textOf } from './harness.mjs';
import { setUp, useEdge, useEmulator } from './use-edge.mjs';

const FOLDER = join(ROOT, 'tests/fixtures/clients');

/** An upstream that speaks as a LiteLLM proxy does about a model that it does not know. */
const upstream = { asked: [] };

setUp(async () => {
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    upstream.asked.push(body.model);
    const answer = (status, json) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    if (body.model.startsWith('p/invalid')) {
      const message = `400: {'error': '/chat/completions: Invalid model name passed in model=${body.model}. Call \`/v1/models\` to view available models for your key.'}`;
      return answer(400, { error: { message, type: 'None', param: 'None', code: '400' } });
    }
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Here.' }, finish_reason: 'stop' }];
    answer(200, { id: 'c', object: 'chat.completion', created: 1, model: body.model, choices });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstream.url = `http://127.0.0.1:${server.address().port}/v1`;
  after(() => {
    server.closeAllConnections();
    server.close();
  });
});

const emulator = useEmulator();
const openrouter = () => ({ url: emulator.baseURL, dialect: 'openrouter' });
const SUPPORT = { support: { models: [SECOND] } };
const ROUTES = {
  ...SUPPORT,
  relay: { models: [SECOND], lane: 'relay' },
  lean: { models: [SECOND], lane: 'lean' },
  slow: { models: ['fault/slow-first-token-300'], headersWithin: 0 },
};

const { edge: or } = useEdge(() => ({ failsoft: { upstream: openrouter(), routes: ROUTES } }), emulator);
const { edge: dflt } = useEdge(() => ({ failsoft: { upstream: openrouter(), policy: {} } }), emulator);
const { edge: oa } = useEdge(() => ({ failsoft: { upstream: { url: upstream.url, dialect: 'openai' } } }), emulator);
/** Clients may name routes only. */
const { edge: plain } = useEdge(() => ({ failsoft: { upstream: openrouter(), models: undefined, routes: SUPPORT } }), emulator);
const EDGES = { or, dflt, oa, plain };

const read = (name) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));

/** Sends the request of a case, with `changes` to its body, to its edge or to `other`. */
async function run(name, changes = {}, other = undefined) {
  const { edge, path = '/v1/chat/completions', method = 'POST', bearer = CLIENT_KEY, body, repeat_first_message: times } = read(name);
  const json = body && { ...body, ...changes };
  if (times) json.messages = Array(times).fill(json.messages[0]);
  const answer = await send(EDGES[other ?? edge], path, { method, key: bearer, headers: { 'content-type': 'application/json' }, body: json && JSON.stringify(json) });
  const isStream = answer.headers['content-type'].startsWith('text/event-stream');
  return { ...answer, sent: json, ...(isStream ? { events: events(answer.text) } : { json: JSON.parse(answer.text) }) };
}

const sentUpstream = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).at(-1).body;

for (const name of ['01-second-turn-of-openai-agents-js', '07-litellm-message-sent-back', '08-parsed-message-sent-back', '15-custom-tool']) {
  test(`${name}: the answer is 200, and the upstream gets messages and tools as the client sent them`, async () => {
    const answer = await run(name);
    assert.equal(answer.status, 200, answer.text);
    const { messages, tools } = await sentUpstream();
    assert.deepEqual([messages, tools], [answer.sent.messages, answer.sent.tools]);
  });
}

test('04-comment-is-an-event-of-its-own: a comment is a line of the block of an event, on every lane and before the first text', async () => {
  const answers = [await run('04-comment-is-an-event-of-its-own')];
  for (const route of ['support', 'relay', 'lean', 'slow']) {
    answers.push(await run('04-comment-is-an-event-of-its-own', { model: `route/${route}` }, 'or'));
  }
  for (const { text } of answers) {
    assert.match(text, /^(: failsoft keep-alive\n)*: failsoft \{.*\}\n(: OPENROUTER PROCESSING\n)*data: /);
    for (const block of text.split('\n\n').slice(0, -1)) assert.ok(block.split('\n').some((line) => line.startsWith('data: ')), block);
  }
});

test('06-headers-after-ten-seconds: the headers of a stream come after 5 s, and a keep-alive comment every 5 s', async () => {
  const { text } = await run('06-headers-after-ten-seconds');
  // The first text comes after 12 s.
  assert.ok(text.startsWith(': failsoft keep-alive\n: failsoft keep-alive\n: failsoft {'), text.slice(0, 100));
});

test('09-max-tokens-above-limit: the limit is lowered, with a warning', async () => {
  const answer = await run('09-max-tokens-above-limit');
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await sentUpstream()).max_tokens, 4_096);
  assert.match(answer.headers['x-failsoft-warnings'], /lowered from 8000 to 4096 \(`limits.outputTokens`\)/);
});

for (const name of ['p/invalidname', 'p/invalid']) {
  test(`13-litellm-proxy-unknown-model: the next model answers in the place of ${name}`, async () => {
    upstream.asked.length = 0;
    const answer = await run('13-litellm-proxy-unknown-model', { models: [name, 'p/plain'] });
    assert.deepEqual([answer.status, textOf(answer), upstream.asked], [200, 'Here.', [name, 'p/plain']], answer.text);
  });
}

test('17-long-conversation: a conversation of 1,000 messages is normal, and a longer one names the limit', async () => {
  assert.equal((await run('17-long-conversation')).status, 200);
  const messages = (count) => ({ messages: Array(count).fill({ role: 'user', content: 'words:2' }) });
  const conversation = read('17-long-conversation').body;
  const answer = (count) => send(or, '/v1/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...conversation, ...messages(count) }) });
  assert.equal((await answer(1_001)).status, 200);
  const long = await answer(2_001);
  assert.deepEqual([long.status, JSON.parse(long.text).error.param], [400, 'messages']);
  assert.match(long.text, /limits\.messages/);
});
