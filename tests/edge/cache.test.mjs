// The cache: an answer is given again to the account that got it, for the same request to the same version of a route, and is free.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { clientKey } from '../support/edge.mjs';
import { chat, send } from './harness.mjs';
import { usage } from './spending.mjs';
import { useEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const VECTORS = 'openai/text-embedding-3-small';
const OWNER = 'owner-0123456789-0123456789-0123456789';
const OTHER = 'fs_other_client';
const HIDDEN = 'fs_hidden_client';
const SLOW = 'fs_few_requests';
/** A tool that the prompt asks for. */
const tool = (name) => ({ type: 'function', function: { name, parameters: { type: 'object', properties: {} } } });

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: { ADMIN_TOKEN: OWNER },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', embeddings: [{ id: VECTORS, prompt: 0.02 }] },
    keys: [clientKey({ budget: { usd: { day: 5 } } }), clientKey({ name: 'other' }, OTHER), clientKey({ name: 'hidden', report: false }, HIDDEN), clientKey({ name: 'few', budget: { requests: { day: 2 } } }, SLOW)],
    routes: {
      kept: { models: [FIRST], cache: { lifetime: 600 } },
      short: { models: [FIRST], cache: { lifetime: 2 } },
      relayed: { models: [FIRST], lane: 'relay', cache: { lifetime: 600 } },
      tolerant: { models: [FIRST], cache: { lifetime: 600 }, policy: { refusal: { action: 'accept' }, length: { action: 'accept' }, empty: { action: 'accept' } } },
      uncached: { models: [FIRST] },
      vectors: { models: [VECTORS], cache: { lifetime: 600 } },
    },
    limits: { cacheBytes: 40_000 },
  },
}));

let asked = 0;
/** A prompt that no other test has. */
const unique = (words = 5) => `words:${words} ${(asked += 1)} ${Math.random()}`;
const prompt = (text) => ({ messages: [{ role: 'user', content: text }] });
const on = (at) => ({ origin: edge.origins[at] });
const isHit = (answer) => answer.headers['x-failsoft-cache'] === 'hit';
const requests = async () => (await emulator.log()).filter(({ method }) => method === 'POST').length;

const routes = async () => JSON.parse((await send(edge, '/admin/cache', { key: OWNER })).text).data;
const list = async () => (await routes()).filter(({ answers }) => answers > 0);

/** Does `act`. If its answer was no hit, waits until the stored answers have changed, or have had much time to change. */
async function thenStored(act) {
  const before = JSON.stringify(await list());
  const answer = await act();
  for (let left = 20; left > 0 && !isHit(answer) && JSON.stringify(await list()) === before; left -= 1) await sleep(50);
  return answer;
}

/** Calls, and waits until the answer is stored, which happens behind the response. */
async function call(body, { at = 0, ...options } = {}) {
  const answer = await thenStored(() => chat(on(at), { model: 'route/kept', ...body }, options));
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

/** Whether a second request is a hit. */
async function isStored(body, options) {
  await call(body, options);
  return isHit(await call(body, { at: 1, ...options }));
}

async function postTo(path, body, at = 0) {
  const answer = await send(on(at), path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

test('the second request is answered on another isolate without a request to the upstream, and is marked and free', async () => {
  const body = prompt(unique());
  const miss = await call(body);
  const before = { requests: await requests(), usd: (await usage(edge)).usd.day.used };
  assert.ok(before.usd > 0 && !isHit(miss) && miss.json.usage.cost > 0);
  const hit = await call(body, { at: 1, headers: { 'x-request-id': 'free-call' } });
  assert.deepEqual([isHit(hit), hit.headers['x-failsoft-attempts'], hit.headers['x-failsoft-model']], [true, '0', miss.headers['x-failsoft-model']]);
  const { failsoft } = hit.json;
  assert.deepEqual([failsoft.cache, failsoft.cost, failsoft.attempts, failsoft.accepted, failsoft.fallback], ['hit', 0, [], true, false]);
  const bare = ({ failsoft, usage: { cost, cost_details, ...tokens }, ...answer }) => ({ ...answer, usage: tokens });
  assert.deepEqual(bare(hit.json), bare(miss.json));
  assert.equal(hit.json.usage.cost, 0);
  assert.deepEqual({ requests: await requests(), usd: (await usage(edge)).usd.day.used }, before);
  for (let left = 200; ; left -= 1) {
    const rows = await edge.database.all("SELECT role, outcome, ended, cost, settled, model, route, prompt_tokens FROM attempts WHERE call = 'free-call'");
    if (rows.length > 0) {
      assert.deepEqual(rows, [{ role: 'cached', outcome: 'answered', ended: 'cached', cost: 0, settled: 'told', model: miss.json.model, route: 'kept', prompt_tokens: null }]);
      break;
    }
    assert.ok(left > 0, 'the ledger has no row');
    await sleep(50);
  }
  const { total, parts } = JSON.parse((await send(edge, '/admin/overview?route=kept', { key: OWNER })).text);
  assert.deepEqual([total.calls, total.attempts, total.cached, total.failed, total.failedAttempts], [2, 1, 1, 0, 0]);
  assert.deepEqual([parts.failures, parts.attemptFailures], [[], []]);
  const { data } = JSON.parse((await send(edge, '/admin/usage?by=account', { key: OWNER })).text);
  const account = data.find(({ client }) => client === 'test');
  assert.deepEqual([account.calls, account.attempts, account.cached, account.failed], [2, 1, 1, 0]);
});

/** What a client gets: the sum of the chunks of a stream, in the form of an answer in one piece. */
function joined({ chunks }) {
  const message = { tool_calls: [] };
  let finish = null;
  for (const { choices: [choice] = [] } of chunks) {
    if (!choice) continue;
    for (const [name, value] of Object.entries(choice.delta)) {
      if (name === 'tool_calls') for (const { index, ...call } of value ?? []) message.tool_calls[index] = message.tool_calls[index] ? { ...message.tool_calls[index], function: { ...message.tool_calls[index].function, arguments: message.tool_calls[index].function.arguments + (call.function?.arguments ?? '') } } : call;
      else if (typeof value === 'string' && name !== 'role') message[name] = (message[name] ?? '') + value;
    }
    finish = choice.finish_reason ?? finish;
  }
  return { text: message.content ?? '', calls: message.tool_calls, reasoning: message.reasoning, finish };
}
const whole = ({ choices: [{ message, finish_reason: finish }] }) => ({ text: message.content ?? '', calls: message.tool_calls ?? [], reasoning: message.reasoning, finish });

for (const [name, fields] of Object.entries({ 'a text': {}, 'tool calls': { tools: [tool('find_city'), tool('find_street')] }, reasoning: { reasoning: { effort: 'low' } } })) {
  for (const stored of [false, true]) {
    test(`${name}, stored from ${stored ? 'a stream' : 'one piece'}, is the same in both forms`, async () => {
      const body = { ...prompt(`${unique()}${fields.tools ? ' use the tools' : ''}`), ...fields };
      const read = (answer) => (answer.events ? joined(answer.events) : whole(answer.json));
      const miss = await call({ ...body, stream: stored });
      assert.ok((name !== 'tool calls' || read(miss).calls.length === 2) && (name !== 'reasoning' || read(miss).reasoning), name);
      for (const stream of [false, true]) {
        const hit = await call({ ...body, stream, ...(stream && { stream_options: { include_usage: true } }) }, { at: 1 });
        assert.ok(isHit(hit));
        assert.deepEqual(read(hit), read(miss));
        if (!stream) continue;
        assert.ok(hit.events.done && hit.events.reports.every(({ cache }) => cache === 'hit') && hit.events.reports.length > 0);
        const last = hit.events.chunks.at(-1);
        assert.deepEqual([last.choices, last.usage.cost, last.failsoft.cache], [[], 0, 'hit']);
      }
    });
  }
}

for (const [path, fields, read] of [
  ['/v1/responses', (text) => ({ input: text }), ({ output }) => output.map(({ type, content }) => [type, content?.map(({ text }) => text)])],
  ['/v1/messages', (text) => ({ max_tokens: 90, ...prompt(text) }), ({ content, stop_reason: reason }) => [content, reason]],
  ['/api/v1/chat/completions', prompt, ({ choices }) => choices],
  ['/v1/embeddings', (text) => ({ input: text }), ({ data }) => data],
]) {
  test(`${path}: a hit is what the miss was, in one piece and as a stream`, async () => {
    const body = { model: 'route/kept', ...fields(unique()) };
    if (path === '/v1/embeddings') body.model = 'route/vectors';
    const miss = await thenStored(() => postTo(path, body));
    const hit = await postTo(path, body, 1);
    assert.deepEqual([isHit(miss), isHit(hit)], [false, true]);
    assert.deepEqual(read(JSON.parse(hit.text)), read(JSON.parse(miss.text)));
    if (path === '/v1/embeddings') return;
    const streamed = await postTo(path, { ...body, stream: true }, 1);
    assert.ok(isHit(streamed));
    const fresh = await send(on(0), path, { method: 'POST', headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body: JSON.stringify({ ...body, stream: true }) });
    assert.ok(!isHit(fresh));
    assert.deepEqual(sketch(streamed.text), sketch(fresh.text));
  });
}

/** The kinds of events in order, each once in a row, and all text. */
function sketch(text) {
  const data = text.split('\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)));
  const kinds = data.map(({ type, object }) => type ?? object).filter((kind, at, all) => kind !== all[at - 1]);
  const pieces = data.map((each) => each.choices?.[0]?.delta?.content ?? (each.type === 'response.output_text.delta' ? each.delta : each.delta?.text) ?? '');
  return [kinds, pieces.join('')];
}

test('every field that shapes the answer is part of the key, and the form of the answer is not', async () => {
  const base = { ...prompt(unique()), temperature: 0.5, tools: [tool('f')], tool_choice: 'none', user: 'u-1' };
  await call(base);
  for (const same of [{ stream: true }, { stream: true, stream_options: { include_usage: true } }, { metadata: { trace: 'x' } }, { stream: false }]) {
    assert.ok(isHit(await call({ ...base, ...same }, { at: 1 })), JSON.stringify(same));
  }
  const [message] = base.messages;
  const changes = {
    messages: [{ ...message, content: `${message.content} ` }], temperature: 0.6, top_p: 0.5, top_k: 3, min_p: 0.1, top_a: 0.1, seed: 7, stop: ['x'], n: 2, max_tokens: 60, max_completion_tokens: 61,
    frequency_penalty: 0.1, presence_penalty: 0.1, repetition_penalty: 1.1, logit_bias: { 1: 1 }, logprobs: true, tools: [tool('g')], tool_choice: 'auto', parallel_tool_calls: false,
    response_format: { type: 'json_object' }, reasoning: { effort: 'low' }, reasoning_effort: 'low', verbosity: 'low', user: 'u-2', failsoft: { holdChars: 3 }, provider: { sort: 'price' }, prediction: { type: 'content', content: 'x' },
  };
  const before = await requests();
  for (const [name, value] of Object.entries(changes)) {
    const answer = await chat(on(1), { model: 'route/kept', ...base, [name]: value });
    assert.ok(!isHit(answer), name);
  }
  assert.ok((await requests()) - before >= Object.keys(changes).length / 2, 'most of them reach the upstream');
  const twoMessages = { ...base, messages: [{ role: 'system', content: 's' }, message] };
  assert.ok(!isHit(await call(twoMessages)));
  assert.ok(isHit(await call(base, { at: 1 })), 'the first answer is still there');
});

test('no other account, route or revoked key gets an answer', async () => {
  const body = prompt(unique());
  await call(body);
  assert.ok(!isHit(await call(body, { key: OTHER })));
  assert.ok(isHit(await call(body, { key: OTHER, at: 1 })), 'it has an answer of its own');
  assert.ok(!isHit(await call({ ...body, model: 'route/short' })));
  const made = JSON.parse((await send(edge, '/admin/keys', { method: 'POST', key: OWNER, body: '{"name":"managed"}' })).text);
  assert.ok(await isStored(body, { key: made.key }));
  assert.equal((await send(edge, `/admin/keys/${made.id}`, { method: 'DELETE', key: OWNER })).status, 200);
  const refused = await chat(on(0), { model: 'route/kept', ...body }, { key: made.key });
  assert.deepEqual([refused.status, isHit(refused)], [401, false]);
});

test('a client without the report gets the answer without a mark', async () => {
  const body = prompt(unique());
  const before = await requests();
  const [first, second] = [await call(body, { key: HIDDEN }), await call(body, { key: HIDDEN, at: 1 })];
  assert.equal((await requests()) - before, 1);
  assert.deepEqual(second.json.choices, first.json.choices);
  assert.ok(!/cache"|gpt/.test(second.text) && second.headers['x-failsoft-cache'] === undefined);
});

test('a hit counts as a request of its account', async () => {
  const body = prompt(unique());
  assert.ok(await isStored(body, { key: SLOW }));
  const third = await chat(on(0), { model: 'route/kept', ...body }, { key: SLOW });
  assert.deepEqual([third.status, third.json.error.code], [429, 'rate_limit_exceeded']);
});

test('the client decides with Cache-Control whether it takes a stored answer, and whether its answer is stored', async () => {
  const body = prompt(unique());
  const withHeader = (value) => ({ headers: { 'cache-control': value } });
  await call(body, withHeader('no-store'));
  assert.ok(!isHit(await call(body, { at: 1 })), 'nothing was stored');
  assert.ok(isHit(await call(body)));
  for (const value of ['no-cache', 'No-Store', 'max-age=0', 'private, no-cache']) assert.ok(!isHit(await call(body, withHeader(value))), value);
  assert.ok(isHit(await call(body, withHeader('max-stale'))));
});

for (const fault of ['refusal', 'refusal-text', 'length', 'content-filter', 'empty', 'cut', 'error-mid-stream', 'no-finish', 'malformed-chunk', 'finish-abort', 'server-error']) {
  test(`an answer is not stored after the fault ${fault}`, async () => {
    for (const [model, stream] of [['route/kept', false], ['route/kept', true], ['route/tolerant', false], ['route/tolerant', true], ['route/relayed', true]]) {
      const body = { model, stream, ...prompt(unique(20)) };
      await emulator.script(FIRST, Array(6).fill(fault));
      // Some of these answers are no JSON.
      await send(on(0), '/v1/chat/completions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      await emulator.script(FIRST, []);
      await sleep(250);
      const next = await chat(on(1), body);
      assert.deepEqual([next.status, isHit(next)], [200, false], `${model} ${stream}`);
    }
  });
}

test('the lane relay stores the answer that it read beside the client', async () => {
  const body = { model: 'route/relayed', stream: true, ...prompt(unique()) };
  const miss = await call(body);
  const hit = await call(body, { at: 1 });
  assert.deepEqual([isHit(miss), isHit(hit), hit.events.text], [false, true, miss.events.text]);
});

test('an answer is forgotten after its lifetime', async () => {
  const body = { model: 'route/short', ...prompt(unique()) };
  const stored = Date.now();
  assert.ok(await isStored(body) || Date.now() - stored > 2_000, 'a hit within the lifetime');
  await sleep(2_100);
  assert.ok(!isHit(await call(body)));
});

test('the oldest answers of an account make room, and no answer of another account', async () => {
  const [mine, others] = [prompt(unique()), prompt(unique())];
  assert.ok(await isStored(others, { key: OTHER }));
  assert.ok(await isStored(mine));
  const large = Array.from({ length: 6 }, () => prompt(unique(1_500)));
  for (const body of large) await call(body);
  assert.ok(isHit(await call(large.at(-1), { at: 1 })), 'the newest is there');
  assert.ok(!isHit(await call(mine, { headers: { 'cache-control': 'max-stale' } })), 'the oldest is gone');
  assert.ok(isHit(await call(others, { key: OTHER })));
});

test('another version of a route has answers of its own, and a version that comes back has its own again', async () => {
  const admin = async (method, path, body) => {
    const answer = await send(edge, `/admin/routes${path}`, { method, key: OWNER, headers: { 'if-match': '*' }, body: body && JSON.stringify(body) });
    assert.ok(answer.status < 300, answer.text);
  };
  const route = { models: [FIRST], cache: { lifetime: 600 } };
  await admin('POST', '', { name: 'stored', route });
  const body = { model: 'route/stored', ...prompt(unique()) };
  for (let left = 200; (await chat(on(0), body)).status !== 200; left -= 1) assert.ok(left > 0 && (await sleep(50), true));
  await sleep(4_000);
  assert.ok(await isStored(body));
  await admin('PUT', '/stored', { route: { ...route, policy: { holdChars: 1 } } });
  await sleep(4_000);
  assert.ok(!isHit(await call(body)));
  await admin('POST', '/stored/rollback', { version: 1 });
  await sleep(4_000);
  assert.ok(isHit(await call(body)));
});

/** Everything that the edge stored in files. */
async function storedText() {
  const files = await readdir(edge.folder, { recursive: true, withFileTypes: true });
  const texts = files.filter((file) => file.isFile() && /\.sqlite/.test(file.name)).map((file) => readFile(join(file.parentPath ?? file.path, file.name), 'latin1').catch(() => ''));
  return (await Promise.all(texts)).join('\n');
}
/** The next answer of the model is `text`. */
const speak = (text) => emulator.script(FIRST, [`say:${text}`]);
const canary = () => `c4n4ry${Math.random().toString(36).slice(2)}`;

test('without a cache nothing is stored, and with one only the answer, until it is deleted', async () => {
  const [without, kept] = [canary(), canary()];
  const say = (text) => prompt(`asks for ${text}`);
  for (const stream of [false, true]) await call({ model: 'route/uncached', stream, ...say(without) });
  await speak(kept);
  await call(say('a-kept-answer'));
  assert.ok((await storedText()).includes(kept));
  for (const secret of [without, 'a-kept-answer']) assert.ok(!(await storedText()).includes(secret), 'a prompt, or an answer without a cache');
  const remove = async (path) => JSON.parse((await send(edge, path, { method: 'DELETE', key: OWNER })).text);
  assert.deepEqual(await remove('/admin/cache/routes/uncached'), { deleted: 0 });
  assert.ok(isHit(await call(say('a-kept-answer'), { at: 1 })));
  const { answers, bytes } = (await list()).find(({ route }) => route === 'kept');
  assert.ok(answers > 0 && bytes > 100 * answers);
  assert.ok((await remove('/admin/cache/accounts/key%3Atest')).deleted >= 1);
  assert.ok(!isHit(await call(say('a-kept-answer'))));
  assert.ok((await remove('/admin/cache/routes/kept')).deleted >= 1);
  assert.ok(!isHit(await call(say('a-kept-answer'))));
  assert.ok((await remove('/admin/cache')).deleted >= 1);
  assert.deepEqual([await list(), await remove('/admin/cache')], [[], { deleted: 0 }]);
  const ofRoute = async (name) => (await routes()).find(({ route }) => route === name);
  assert.deepEqual([await ofRoute('kept'), await ofRoute('uncached')], [{ route: 'kept', answers: 0, bytes: 0, lifetime: 600 }, undefined]);
  assert.ok(!isHit(await call(say('a-kept-answer'), { at: 1 })));
  assert.equal((await send(edge, '/admin/cache', { method: 'POST', key: OWNER })).status, 405);
  assert.equal((await send(edge, '/admin/cache/x', { method: 'DELETE', key: OWNER })).status, 404);
  assert.equal((await send(edge, '/admin/cache', { method: 'DELETE' })).status, 401);
});

test('a route whose cache is turned off gives no stored answer from then on, and its text is gone within a minute', async () => {
  const admin = async (method, path, body) => {
    const answer = await send(edge, `/admin/routes${path}`, { method, key: OWNER, headers: { 'if-match': '*' }, body: body && JSON.stringify(body) });
    assert.ok(answer.status < 300, answer.text);
  };
  await send(edge, '/admin/cache', { method: 'DELETE', key: OWNER });
  await admin('POST', '', { name: 'ending', route: { models: [FIRST], cache: { lifetime: 86_400 } } });
  await sleep(4_000);
  const text = canary();
  const body = { model: 'route/ending', ...prompt(unique()) };
  await speak(text);
  await call(body);
  assert.ok(isHit(await call(body, { at: 1 })) && (await storedText()).includes(text));
  const from = Date.now();
  await admin('PUT', '/ending', { route: { models: [FIRST] } });
  await sleep(4_000);
  assert.ok(!isHit(await call(body)));
  for (let left; (left = (await routes()).find(({ route }) => route === 'ending')); ) {
    assert.equal(left.lifetime, null);
    assert.ok(Date.now() - from < 60_000);
    await sleep(500);
  }
});
