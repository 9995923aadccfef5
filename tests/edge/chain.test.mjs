// Chains through the edge: native batches, waits, breakers, and the policy that a client may narrow.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asked } from '../support/process.mjs';
import { SECOND, chat, textOf, waitFor } from './harness.mjs';
import { configure, useEdge, withEdge } from './use-edge.mjs';

const options = (dialect) => (emulator) => ({
  failsoft: {
    upstream: { url: emulator.baseURL, dialect, app: { url: 'https://app.example', title: 'Test' } },
    routes: {
      patient: { models: ['fault/slow-first-token-1200'], headersWithin: 100 },
      hopeless: { models: ['fault/slow-headers'], headersWithin: 100 },
      resting: { models: ['fault/string-code', SECOND], policy: { retry: { same: 0 }, breaker: { failures: 2, cooldown: 60_000 } } },
      alone: { models: ['fault/gateway-timeout'], policy: { breaker: { failures: 1, cooldown: 60_000 } } },
    },
  },
});

const { emulator, edge } = useEdge(options('openrouter'));
const { edge: plain } = useEdge(options('openai'), emulator);

async function logged(through, body, options) {
  await emulator.clear();
  const answer = await chat(through, body, options);
  const log = (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
  return { answer, log, asked: asked(log) };
}

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'in one piece';

  test(`a chain of five models is sent in native batches of three and two, ${how}`, async () => {
    const models = ['fault/overloaded', 'fault/unavailable', 'fault/gateway-timeout', 'fault/bad-gateway', SECOND];
    const seen = await logged(edge, { models, stream });
    assert.deepEqual(seen.asked, [models.slice(0, 3), models.slice(3)]);
    assert.deepEqual(seen.log.map((entry) => entry.models), [models.slice(0, 3), models.slice(3)]);
    assert.equal(seen.answer.status, 200);
    assert.equal(seen.answer.headers['x-failsoft-model'], SECOND);
    assert.equal(seen.answer.headers['x-failsoft-attempts'], '2');
    const report = seen.answer.json?.failsoft ?? seen.answer.events.reports.at(-1);
    assert.deepEqual(report.attempts[1].inside.map(({ model, status }) => [model, status]), [['fault/bad-gateway', 502], [SECOND, 200]]);
  });

  test(`after a soft failure inside a batch, the chain goes on behind the model that failed, ${how}`, async () => {
    const seen = await logged(edge, { models: ['fault/overloaded', 'fault/refusal-text', SECOND], stream });
    assert.deepEqual(seen.asked, [['fault/overloaded', 'fault/refusal-text', SECOND], [SECOND]]);
    assert.equal(seen.answer.headers['x-failsoft-model'], SECOND);
  });

  test(`a batch whose headers never came is asked one by one, beginning with its second model, ${how}`, async () => {
    const seen = await logged(edge, { models: ['fault/slow-headers', 'fault/overloaded', SECOND], stream });
    assert.deepEqual(seen.asked, [['fault/slow-headers', 'fault/overloaded', SECOND], ['fault/overloaded'], [SECOND]]);
    assert.equal(seen.answer.headers['x-failsoft-model'], SECOND);
    assert.ok(seen.log.every(({ body }) => body.stream === true));
  });

  test(`an invalid id leaves the chain, and the rest of the chain is sent again, ${how}`, async () => {
    const seen = await logged(edge, { models: ['fault/unknown-model', SECOND], stream });
    assert.deepEqual(seen.asked, [['fault/unknown-model', SECOND], [SECOND]]);
    const report = seen.answer.json?.failsoft ?? seen.answer.events.reports.at(-1);
    assert.match(report.warnings.join(), /fault\/unknown-model.* is not a valid model id/);
    assert.equal(report.dropped[0].model, 'fault/unknown-model');
  });

  test(`an exhausted chain answers with the last status, code and wait, and asks SDKs not to retry, ${how}`, async () => {
    const { answer } = await logged(plain, { models: ['fault/overloaded', 'fault/rate-limited-30'], stream });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '30');
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.equal(answer.json.error.kind, 'rateLimited');
    assert.equal(answer.json.error.type, 'rate_limit_error');
    assert.equal(typeof answer.json.error.code, 'string');
    assert.deepEqual(answer.json.failsoft.attempts.map(({ failure }) => failure.status), [529, 429]);
  });

  test(`if no answer passes the rules, the best answer is returned and marked, ${how}`, async () => {
    const { answer } = await logged(plain, { models: ['fault/refusal-text', 'fault/overloaded'], stream });
    assert.equal(answer.status, 200);
    assert.match(stream ? answer.events.text : textOf(answer), /^I'm sorry/);
    assert.equal((answer.json?.failsoft ?? answer.events.reports.at(-1)).accepted, false);
    if (stream) assert.equal(answer.events.done, true);
  });
}

test('the upstream gets `models` without `model`, no field `failsoft`, and the attribution of the app', async () => {
  const seen = await logged(edge, { model: 'x/injected', models: ['openai/gpt-4o', 'openai/gpt-4o-mini'], failsoft: { attempts: 2 } });
  const [{ body, headers }] = seen.log;
  assert.deepEqual(body.models, ['openai/gpt-4o', 'openai/gpt-4o-mini']);
  assert.ok(!('model' in body) && !('failsoft' in body));
  assert.equal(headers['http-referer'], 'https://app.example');
  assert.equal(headers['x-openrouter-title'], 'Test');
  assert.match(seen.answer.json.failsoft.warnings.join(), /x\/injected/);
});

test('the same model is asked again only after the wait that the model named', async () => {
  const { log } = await logged(plain, { models: ['fault/rate-limited-1', SECOND] });
  assert.equal(log.length, 3);
  assert.ok(log[1].at_ms - log[0].at_ms >= 1000, `${log[1].at_ms - log[0].at_ms} ms`);
});

test('a client may lower the number of attempts, and may accept an empty answer', async () => {
  const fewer = await logged(plain, { models: ['fault/server-error', SECOND], failsoft: { attempts: 1 } });
  assert.equal(fewer.asked.length, 1);
  assert.equal(fewer.answer.status, 500);
  const accepted = await logged(plain, { models: ['fault/whitespace', SECOND], failsoft: { empty: 'accept' } });
  assert.equal(accepted.asked.length, 1);
  assert.equal(accepted.answer.headers['x-failsoft-model'], 'fault/whitespace');
});

test('only a client that asked for usage gets the usage chunk, although the upstream is always asked for usage', async () => {
  const silent = await logged(plain, { model: SECOND, stream: true });
  assert.equal(silent.log[0].body.stream_options.include_usage, true);
  assert.ok(silent.answer.events.chunks.every((chunk) => !chunk.usage && chunk.choices.length > 0));
  const withUsage = await logged(plain, { model: SECOND, stream: true, stream_options: { include_usage: true } });
  const last = withUsage.answer.events.chunks.at(-1);
  assert.ok(last.usage.completion_tokens > 0 && last.failsoft.attempts.length === 1);
});

test('headers are sent before the first token after a while: keep-alive comments follow, then the report, then the answer', async () => {
  const { answer } = await logged(plain, { model: 'route/patient', stream: true });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-failsoft-model'], undefined);
  assert.ok(answer.text.startsWith(': failsoft keep-alive\n: failsoft {'), answer.text.slice(0, 80));
  assert.equal(answer.events.reports[0].model, 'fault/slow-first-token-1200');
  assert.equal(answer.events.done, true);
});

test('a failure after the headers is an error event, and the stream does not look complete', async () => {
  const { answer } = await logged(plain, { model: 'route/hopeless', stream: true });
  assert.equal(answer.status, 200);
  assert.equal(answer.events.error.error.kind, 'headersTimeout');
  assert.equal(answer.events.error.failsoft.attempts.length, 1);
  assert.equal(answer.events.done, false);
});

test('a model with an open breaker is not asked', async () => {
  for (let call = 0; call < 2; call += 1) {
    const { asked: names } = await logged(plain, { model: 'route/resting' });
    assert.deepEqual(names, [['fault/string-code'], [SECOND]]);
  }
  const third = await logged(plain, { model: 'route/resting' });
  assert.deepEqual(third.asked, [[SECOND]]);
  assert.equal(third.answer.json.failsoft.dropped[0].model, 'fault/string-code');
});

test('if all breakers are open, nothing is sent, and the answer says how long to wait', async () => {
  assert.equal((await logged(plain, { model: 'route/alone' })).answer.status, 504);
  const { answer, asked: names } = await logged(plain, { model: 'route/alone', stream: true });
  assert.deepEqual(names, []);
  assert.equal(answer.status, 503);
  assert.equal(answer.json.error.kind, 'circuitOpen');
  const wait = Number(answer.headers['retry-after']);
  assert.ok(wait > 0 && wait <= 60, `${wait} s`);
});

test('if the upstream refuses the connection, the client gets an error and no dropped connection', async () => {
  const failsoft = configure({ baseURL: 'http://127.0.0.1:1/v1' });
  await withEdge({ failsoft }, async (dead) => {
    for (const stream of [false, true]) {
      const answer = await chat(dead, { models: ['a/a', 'b/b'], stream });
      assert.equal(answer.status, 502);
      assert.equal(answer.json.error.kind, 'network');
      assert.equal(answer.json.failsoft.attempts.length, 4);
    }
  });
});

test('each list of the catalog is fetched once, after a response, and without the key', async () => {
  const failsoft = configure(emulator, { upstream: { url: emulator.baseURL, dialect: 'openrouter' } });
  await withEdge({ failsoft }, async (fresh) => {
    await chat(fresh, { model: SECOND });
    // The emulator has sent the lists before the edge has read them.
    await emulator.log('finished&n=3');
    const long = [{ role: 'user', content: 'word '.repeat(40_000) }];
    const ask = () => chat(fresh, { models: ['test/tiny', SECOND], messages: long });
    const answer = await waitFor('a call that knows the catalog', ask, ({ json }) => json.failsoft.dropped?.length > 0);
    assert.equal(answer.json.failsoft.dropped[0].model, 'test/tiny');
    assert.match(answer.json.failsoft.dropped[0].reason, /tokens are needed/);
    const log = await emulator.log();
    const catalog = log.filter(({ path }) => path.endsWith('/models'));
    assert.deepEqual(catalog.map(({ path }) => path).sort(), ['/api/v1/embeddings/models', '/api/v1/models']);
    assert.deepEqual(catalog.map(({ headers }) => headers.authorization), [undefined, undefined]);
    assert.deepEqual(asked(log).at(-1), [SECOND]);
  });
});

test('each call writes one line of JSON to the log, with its id and without the text of the prompt or the answer', async () => {
  const id = 'caller-id.1';
  const messages = [{ role: 'user', content: 'a-secret-word' }];
  const { answer } = await logged(plain, { models: ['fault/overloaded', SECOND], messages }, { headers: { 'x-request-id': id } });
  assert.equal(answer.headers['x-request-id'], id);
  assert.match(textOf(answer), /a-secret-word/);
  const line = await plain.line(id);
  assert.deepEqual({ ...line, ms: 0 }, {
    event: 'call', id, key: 'test', account: 'key:test', route: null, feature: null, stream: false, outcome: 'answered',
    accepted: true, model: SECOND, fallback: true, attempts: 2, failures: ['unavailable'], ms: 0,
    promptTokens: answer.json.usage.prompt_tokens, completionTokens: answer.json.usage.completion_tokens, cost: answer.json.usage.cost,
  });
  assert.doesNotMatch(plain.said(), /a-secret-word/);
});
