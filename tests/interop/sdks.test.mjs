// The SDKs of npm with the fetch of createFetch: their answers, the class and the status of their errors, and the number of
// upstream requests when no model answers. Time is virtual, because some SDKs repeat a call for minutes. The table in
// www/docs/package.md says the same.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { PACKAGE, ROOT } from '../support/process.mjs';
import { VirtualTime } from '../support/virtual-time.mjs';
import { SDKS } from './sdks.mjs';

const clock = new VirtualTime();
const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const BEGIN = 1_800_000_000_000;
const [FIRST, SECOND] = ['m/one', 'm/two'];

/** The requests that failsoft alone makes, when both models of the chain fail with the status. */
const REQUESTS = { 401: 1, 402: 1, 403: 1, 404: 2, 429: 2, 500: 4 };

/** An SDK over a chain of two models, whose upstream answers with `respond`; and the models that the upstream was asked for. */
function sdkWith(name, respond) {
  const asked = [];
  const upstream = async (url, { body }) => {
    const request = JSON.parse(body);
    asked.push(request.model);
    return respond(request);
  };
  const client = createClient({ models: [SECOND], dialect: 'openai', fetch: upstream });
  const sdk = SDKS[name]({ fetch: createFetch(client), origin: 'https://up.example', apiKey: 'k', model: FIRST, prompt: 'Hello?' });
  return { ...sdk, asked };
}

const refuse = (status, headers) => () => Response.json({ error: { message: 'it failed', code: 'the_code' } }, { status, headers });

/** How `run` ends, and how many seconds that took. */
async function outcome(run) {
  clock.restart(BEGIN);
  const error = await clock.run(run().then((text) => assert.fail(`it answered ${text}`), (error) => error));
  return { error, seconds: (clock.now - BEGIN) / 1_000 };
}

for (const name of Object.keys(SDKS)) {
  for (const form of ['call', 'stream']) {
    for (const [status, requests] of Object.entries(REQUESTS)) {
      test(`${name}, ${form}: after ${status}, its own error has the status, and the upstream gets the requests of one call`, async () => {
        const { asked, read, errorOf, ...sdk } = sdkWith(name, refuse(Number(status)));
        const { error, seconds } = await outcome(sdk[form]);
        assert.deepEqual(read(error), [errorOf(Number(status)), Number(status)], error.stack);
        assert.match(error.message, /it failed/);
        // @openrouter/sdk repeats a 5xx for an hour; meanwhile, the models are asked again now and then.
        const calls = 1 + Math.floor(seconds / 130);
        assert.ok(asked.length >= requests && asked.length <= requests * calls, `${asked.length} requests in ${seconds} s`);
        assert.ok(calls === 1 || (name === '@openrouter/sdk' && status === '500'), `${seconds} s`);
      });
    }
  }
}

// ---- answers

const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, prompt_tokens_details: { cached_tokens: null }, completion_tokens_details: null };
/** Chunks as several vendors send them. */
const STREAMS = {
  'only what a chunk needs': [{ choices: [{ delta: { content: 'Hello ' } }] }, { choices: [{ delta: { content: 'world.' } }] }, { choices: [{ delta: {}, finish_reason: 'stop' }] }],
  'null in every field': ['Hello ', 'world.', null].map((content) => ({
    id: null, object: 'chat.completion.chunk', created: null, model: null, system_fingerprint: null, service_tier: null, usage: content === null ? USAGE : null,
    choices: [{ index: 0, delta: { role: content === null ? null : 'assistant', content, refusal: null, tool_calls: null, audio: null, reasoning: null, reasoning_details: null, function_call: null }, logprobs: null, finish_reason: content === null ? 'stop' : null }],
  })),
  'usage in a chunk of its own': [
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello world.' }, finish_reason: null }], usage: null },
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null },
    { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [], usage: USAGE },
  ],
};

const sse = (events) => new Response(events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } });

for (const name of Object.keys(SDKS)) {
  for (const form of ['call', 'stream']) {
    for (const [what, chunks] of Object.entries(STREAMS)) {
      test(`${name}, ${form}: it accepts an answer with ${what}`, async () => {
        const sdk = sdkWith(name, () => sse([...chunks, '[DONE]']));
        clock.restart(BEGIN);
        assert.equal(await clock.run(sdk[form]()), 'Hello world.');
      });
    }
  }

  test(`${name}: it accepts a completion that was not streamed`, async () => {
    const message = { role: 'assistant', content: 'Hello world.', refusal: null, tool_calls: null, function_call: null, reasoning: null, audio: null };
    const completion = { id: 'a', object: 'chat.completion', created: 1, model: FIRST, choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }], usage: USAGE };
    clock.restart(BEGIN);
    assert.equal(await clock.run(sdkWith(name, () => Response.json(completion)).call()), 'Hello world.');
  });

  test(`${name}: a stream that breaks and cannot go on ends with an error that has the message`, async () => {
    const chunk = { id: 'a', object: 'chat.completion.chunk', created: 1, model: FIRST, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] };
    const { error } = await outcome(sdkWith(name, ({ messages }) => (messages.length > 1 ? refuse(500)() : sse([chunk, { error: { message: 'it broke', code: 502 } }]))).stream);
    assert.match(String(error.message ?? error), /it (broke|failed)/);
  });
}

test('the table of the documentation has the classes and the statuses', async () => {
  const page = await readFile(join(ROOT, 'www/docs/package.md'), 'utf8');
  for (const sdk of Object.values(SDKS)) {
    const { errorOf } = sdk({ fetch, origin: 'https://up.example', apiKey: 'k', model: FIRST, prompt: 'Hello?' });
    for (const status of Object.keys(REQUESTS)) assert.ok(page.includes(`\`${errorOf(Number(status)).split(' ')[0]}\``), errorOf(Number(status)));
  }
});
