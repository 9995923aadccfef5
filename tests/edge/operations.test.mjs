// What the owner can observe: metrics, spans, alerts and /healthz. They are for the owner alone, and hold no text of a
// prompt or an answer.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { startEmulator } from '../support/process.mjs';
import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { POLICY, SECOND, beginWithin, chat, send } from './harness.mjs';
import { setUp, useEdge, withEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const RETIRING = 'test/retiring';
const TOKEN = 'metrics-0123456789-0123456789-0123';
const HOUR = 3_600_000;
const USD = 1_000_000_000_000;
const SECRETS = ['canary-of-a-prompt', 'says:', CLIENT_KEY, 'sk-or-test', TOKEN];
const chatBody = (body = {}) => ({ model: 'route/chat', messages: [{ role: 'user', content: 'canary-of-a-prompt words:5' }], ...body });

let spans, hooks;

/** A server that keeps what is posted to it, and answers with `status`. */
async function startCollector() {
  const posts = [];
  const state = { posts, status: 200 };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    posts.push({ headers: request.headers, text, status: state.status });
    response.writeHead(state.status).end('the body of an answer that nobody reads');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${server.address().port}/`;
  state.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return state;
}

async function until(what, holds, ms = 30_000) {
  for (let left = ms / 50; left > 0; left -= 1) {
    const found = await holds();
    if (found) return found;
    await sleep(50);
  }
  assert.fail(`${what}\n${edge.said()}`);
}

setUp(async () => {
  [spans, hooks] = [await startCollector(), await startCollector()];
});

after(() => Promise.all([spans?.stop(), hooks?.stop()]));

const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  modules: CLOCK_MODULES,
  secrets: { METRICS_TOKEN: TOKEN, OTLP_HEADERS: 'x-collector=c0llector' },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter' },
    policy: { ...POLICY, onContentFilter: 'fail', retry: { same: 0 } },
    routes: { chat: { models: [FIRST, SECOND] }, old: { models: [RETIRING] } },
    otlp: { url: spans.url, headers: 'OTLP_HEADERS' },
    alerts: { url: hooks.url, fallbacks: 3, usd: 5, days: 365 },
  },
}));

const call = (id, body, headers, origin = edge.origin) => chat({ origin }, chatBody(body), { headers: { 'x-request-id': id, ...headers } });
const metrics = (at = 0, key = TOKEN) => send({ origin: edge.origins[at] }, '/metrics', { key });
/** The sum of all samples of `name` in Prometheus's text format. */
const sum = (text, name) => text.split('\n').filter((line) => line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

test('metrics equal the sums of the ledger on every isolate, and need the token', async () => {
  await emulator.script(FIRST, ['server-error']);
  const answers = [await call('m-0')];
  for (let at = 1; at < 10; at += 1) answers.push(await call(`m-${at}`, { stream: at % 2 === 0 }, {}, edge.origins[at % 2]));
  for (const { status } of answers) assert.equal(status, 200);
  await until('the rows are written', async () => (await edge.database.all("SELECT id FROM attempts WHERE call LIKE 'm-%'")).length === 11);
  const [first, second] = [await metrics(0), await metrics(1)];
  assert.equal(first.status, 200, first.text);
  assert.match(first.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  assert.equal(first.text, second.text);
  const [{ attempts, cost, tokens }] = await edge.database.all('SELECT count(*) AS attempts, sum(cost) AS cost, sum(completion_tokens) AS tokens FROM attempts');
  assert.equal(sum(first.text, 'failsoft_attempts_total'), attempts);
  assert.equal(Math.round(sum(first.text, 'failsoft_cost_usd_total') * USD), cost);
  assert.equal(sum(first.text, 'failsoft_completion_tokens_total'), tokens);
  assert.equal(sum(first.text, 'failsoft_attempt_duration_seconds_count'), attempts);
  assert.match(first.text, /failsoft_calls_total\{ended="fallback"\} 1\n/);
  for (const line of first.text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+\{.*\} [\d.e+-]+)$/);
  for (const key of [null, CLIENT_KEY, `${TOKEN}x`, '']) assert.equal((await metrics(0, key)).status, 401, String(key));
});

test('a call is a span in the trace of its caller, and each attempt is a child span', async () => {
  await emulator.script(FIRST, ['server-error']);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  await call('traced', {}, { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-feature': 'support' });
  const post = await until('the spans have arrived', () => spans.posts.find(({ text }) => text.includes('"traced"')));
  assert.equal(post.headers['x-collector'], 'c0llector');
  assert.equal(post.headers['content-type'], 'application/json');
  const [{ resource, scopeSpans }] = JSON.parse(post.text).resourceSpans;
  assert.equal(resource.attributes[0].value.stringValue, 'failsoft');
  const read = ({ attributes, ...span }) => ({ ...span, ...Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])) });
  const [failed, answered, whole] = scopeSpans[0].spans.map(read);
  for (const span of [failed, answered, whole]) {
    assert.equal(span.traceId, trace);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.equal(span['gen_ai.operation.name'], 'chat');
  }
  assert.deepEqual([failed.parentSpanId, answered.parentSpanId, whole.parentSpanId], [whole.spanId, whole.spanId, 'b7ad6b7169203331']);
  assert.deepEqual([failed['error.type'], failed.status.code, answered['error.type']], ['serverError', 2, undefined]);
  assert.equal(answered['gen_ai.usage.output_tokens'], '5');
  assert.deepEqual([whole['failsoft.fallback'], whole['failsoft.feature'], whole['failsoft.request_id']], [true, 'support', 'traced']);
});

test('when the collector of spans fails, the call succeeds and the log has a line about the failure', async () => {
  spans.status = 500;
  assert.equal((await call('untraced')).status, 200);
  await until('the failure is in the log', () => edge.said().includes('{"event":"otlp","sent":false,"error":"status 500"}'));
  spans.status = 200;
});

const alerts = (kind) => hooks.posts.filter(({ status }) => status === 200).map(({ text }) => JSON.parse(text)).filter((alert) => alert.kind === kind);

test('a series of fallbacks raises one alert, and so does the next series', async () => {
  const run = async (name, count) => {
    await emulator.script(FIRST, Array(count).fill('server-error'));
    for (let at = 0; at < count; at += 1) await call(`${name}-${at}`);
    await until('the rows are written', async () => (await edge.database.all(`SELECT id FROM attempts WHERE call LIKE '${name}-%'`)).length === 2 * count);
  };
  await call('before');
  await until('the row is written', async () => (await edge.database.all("SELECT id FROM attempts WHERE call = 'before'")).length === 1);
  await run('a', 2);
  await edge.cron();
  assert.deepEqual(alerts('fallbacks'), []);
  await run('b', 1);
  await edge.cron();
  assert.deepEqual(alerts('fallbacks').map(({ text, facts }) => [text, facts.model, facts.calls]), [[`The last 3 answers to calls for ${FIRST} came from other models.`, FIRST, 3]]);
  await run('c', 1);
  await Promise.all([edge.cron(), edge.cron()]);
  assert.equal(alerts('fallbacks').length, 1, 'the same series raises no second alert');
  await call('between');
  await until('the row is written', async () => (await edge.database.all("SELECT id FROM attempts WHERE call = 'between'")).length === 1);
  await run('d', 3);
  await edge.cron();
  assert.equal(alerts('fallbacks').length, 2);
});

test('a configured model that will be retired raises one alert', async () => {
  await edge.cron();
  assert.deepEqual(alerts('expiry').map(({ facts }) => facts.model), [RETIRING]);
  const [{ models }] = await edge.database.all('SELECT models FROM catalog');
  const [listed] = JSON.parse(models).data;
  assert.deepEqual([listed.description, listed.name], [undefined, undefined]);
  assert.ok(listed.id && listed.pricing);
});

test('an hour that costs much more than the day before raises one alert, even if the first delivery fails', async () => {
  await beginWithin('hour', 60_000);
  const hour = Math.floor(Date.now() / HOUR);
  for (let before = 1; before <= 24; before += 1) await edge.database.all('INSERT OR REPLACE INTO hours VALUES (?, ?)', hour - before, USD);
  await edge.cron();
  assert.deepEqual(alerts('spend'), []);
  // Earlier calls may belong to the hour before.
  await edge.database.all('INSERT OR REPLACE INTO hours VALUES (?, ?)', hour, 9 * USD);
  hooks.status = 500;
  await edge.cron();
  hooks.status = 200;
  await edge.cron();
  assert.deepEqual(alerts('spend'), [], 'the first alert may still be under way');
  await edge.database.all('UPDATE told SET at = at - 120000');
  await edge.cron();
  await edge.cron();
  assert.deepEqual(alerts('spend').map(({ text }) => text), ['An hour cost 9.00 USD; the mean of the day before is 1.00 USD.']);
});

test('no metric, span, alert or log line holds a key or text of a prompt or an answer', async () => {
  assert.ok(spans.posts.length > 0 && hooks.posts.length > 0 && edge.said().includes('"event":"call"'));
  const text = [edge.said(), (await metrics()).text, ...[...spans.posts, ...hooks.posts].map(({ text, headers }) => text + JSON.stringify(headers))].join();
  for (const secret of SECRETS) assert.ok(!text.includes(secret), secret);
});

test('/healthz reports a database that is down, and asks the database only every few seconds', async () => {
  const health = async () => send(edge, '/healthz', { key: null });
  assert.deepEqual(JSON.parse((await health()).text), { ok: true });
  // This writes the refusals of earlier tests.
  await metrics();
  const { statements } = await edge.database.set({ down: true });
  const began = Date.now();
  await setClockAhead(edge, 5_100);
  await Promise.all(Array.from({ length: 50 }, health));
  const spans = 1 + Math.floor((Date.now() - began) / 5_000);
  assert.ok((await edge.database.set({})).statements - statements <= spans);
  const told = await until('/healthz reports the problem', async () => {
    const answer = await health();
    return answer.status === 503 && answer;
  });
  assert.deepEqual(JSON.parse(told.text), { ok: false, problems: ['the database (LEDGER) does not answer'] });
  assert.equal((await call('unhealthy')).status, 200, 'calls go on');
  await edge.database.set({ down: false });
  await setClockAhead(edge, 10_200);
  await until('/healthz reports that all is well', async () => (await health()).status === 200);
});

test('without a token there are no metrics, and without tables /healthz says how to create them', async () => {
  await withEdge({ failsoft: { keys: [clientKey()], models: ['*'] } }, async (own) => {
    assert.equal((await send(own, '/metrics', { key: TOKEN })).status, 404);
    await own.database.all('DROP TABLE attempts');
    await until('/healthz reports the problem', async () => (await send(own, '/healthz')).text.includes('wrangler d1 migrations apply'));
  });
});

test('a new isolate knows the models from the stored copy of the catalog while the upstream is down', async () => {
  const upstream = await startEmulator();
  const failsoft = {
    upstream: { url: upstream.baseURL, dialect: 'openrouter' },
    keys: [clientKey({ budget: { usd: { day: 1 } } })],
    models: ['*'],
  };
  // The cron job runs in the first isolate; the second isolate has no catalog yet.
  await withEdge({ failsoft, isolates: 2 }, async (own) => {
    await own.cron();
    await upstream.stop();
    const models = await send({ origin: own.origins[1] }, '/v1/models');
    assert.ok(JSON.parse(models.text).data.some(({ id }) => id === FIRST), models.text);
  });
});
