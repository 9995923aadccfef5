// Objects of the page that misbehave: whatever a `fetch`, a body or a callback of the caller does, the call comes to an end,
// and no other call is disturbed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

const { chat, chatStreaming, chatWithFallback, createClient, createFetch, estimateTokens, parseStream } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const MESSAGES = [{ role: 'user', content: 'Hello?' }];
const encoder = new TextEncoder();
const event = (content) => `data: {"model":"a/a","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
const completion = (content = 'yes') => Response.json({ model: 'a/a', choices: [{ message: { content }, finish_reason: 'stop' }] });
const options = (fetch, more) => ({ baseURL: 'https://api.example/v1', model: 'a/a', policy: { retry: { same: 0 }, recover: 'error' }, fetch, ...more });
const thrower = () => {
  throw new Error('mine');
};

/** A response with this body. */
const responseOf = (body) => ({ status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }), body });
/** A response whose body is read with `reads`, one after the other, and then ends. */
function readsOf(...reads) {
  const left = reads.values();
  const read = () => (left.next().value ?? (async () => ({ done: true })))();
  return responseOf({ getReader: () => ({ read, cancel: async () => {} }) });
}
const chunk = (value) => async () => ({ done: false, value });

/** Responses that misbehave before their first read, and the kind of the failure. */
const RESPONSES = {
  'a fetch that gives undefined': [() => undefined, 'network'],
  'a fetch that gives null': [() => null, 'network'],
  'a fetch that throws': [thrower, 'network'],
  // Headers that cannot be read count as none. The body is empty.
  'a headers getter that throws': [() => Object.defineProperty(readsOf(), 'headers', { get: thrower }), 'badResponse'],
  'a response without headers and body': [() => ({ status: 200 }), 'network'],
  'a getReader that gives undefined': [() => responseOf({ getReader: () => undefined }), 'network'],
  'a getReader that throws': [() => responseOf({ getReader: thrower }), 'network'],
  'a cancel that throws': [() => responseOf({ getReader: () => ({ read: chunk(Symbol('x')), cancel: thrower }) }), 'network'],
};

/** Reads that misbehave, and the kind of the failure. */
const READS = {
  'a read that throws': [thrower, 'network'],
  'a read that gives no promise': [() => undefined, 'network'],
  'a read that gives a thenable that rejects': [() => ({ then: (_, reject) => reject(new Error('mine')) }), 'network'],
  'a read whose result has getters that throw': [async () => Object.defineProperty({}, 'done', { get: thrower }), 'network'],
  'a chunk that is a symbol': [chunk(Symbol('x')), 'network'],
  'a chunk that is a number': [chunk(-1), 'network'],
  'a chunk that is a BigInt': [chunk(1n), 'network'],
  'a chunk that is an object': [chunk({}), 'network'],
  'a chunk that is null': [chunk(null), 'network'],
  // A transfer leaves an array without bytes, so the body ends without a regular end.
  'a chunk whose bytes are gone': [
    async () => {
      const bytes = encoder.encode(event('x'));
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return { done: false, value: bytes };
    },
    'cut',
  ],
  'a chunk whose length getter throws': [chunk(Object.defineProperty(new DataView(new ArrayBuffer(8)), 'byteLength', { get: thrower })), 'network'],
};

const firstReads = Object.entries(READS).map(([name, [read, kind]]) => [name, [() => readsOf(read), kind]]);

for (const [name, [respond, kind]] of [...Object.entries(RESPONSES), ...firstReads]) {
  test(`${name} ends a call with the failure ${kind}, and another call is answered`, async () => {
    const call = chat(MESSAGES, options(async () => respond()));
    const other = chat(MESSAGES, options(async () => completion()));
    await assert.rejects(call, { kind });
    assert.equal((await other).choices[0].message.content, 'yes');
  });

  test(`${name} makes chatStreaming reject with the failure ${kind}`, async () => {
    await assert.rejects(chatStreaming(MESSAGES, options(respond)), { kind });
  });
}

for (const [name, [read, kind]] of Object.entries(READS)) {
  test(`${name} ends the reading of a stream that has begun with the failure ${kind}`, async () => {
    const begun = chunk(encoder.encode(event('so far')));
    const stream = await chatStreaming(MESSAGES, options(async () => readsOf(begun, read)));
    await assert.rejects(stream.text(), { kind, partial: 'so far' });
  });
}

for (const [name, value] of Object.entries({
  string: (bytes) => new TextDecoder().decode(bytes),
  ArrayBuffer: (bytes) => bytes.slice().buffer,
  DataView: (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  Buffer: (bytes) => Buffer.from(bytes),
  'Uint8Array inside a larger buffer': (bytes) => Buffer.concat([Buffer.alloc(3), bytes]).subarray(3),
  Int8Array: (bytes) => new Int8Array(bytes.slice().buffer),
})) {
  test(`a chunk that is a ${name} is read whole`, async () => {
    const pieces = ['one ', 'two ', 'three'].map((text) => encoder.encode(event(text)));
    const chunks = [pieces[0], value(pieces[1]), pieces[2], encoder.encode(END)];
    const stream = new ReadableStream({ pull: (controller) => (chunks.length ? controller.enqueue(chunks.shift()) : controller.close()) });
    assert.equal(await parseStream(stream).text(), 'one two three');
  });
}

test('an abort inside fetch closes what fetch gives, and leaves no rejection behind', async () => {
  for (const fails of [false, true]) {
    const controller = new AbortController();
    let cancelled = 0;
    const body = new ReadableStream({ cancel: () => void cancelled++ });
    const fetch = async () => {
      if (fails) throw new Error('mine');
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const aborting = (...given) => (controller.abort(), fetch(...given));
    await assert.rejects(chat(MESSAGES, options(aborting, { signal: controller.signal })), { kind: 'aborted' });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(cancelled, fails ? 0 : 1);
  }
});

test('an abort or a cancel inside the pull of a body closes the connection', async () => {
  for (const act of ['abort', 'cancel']) {
    const controller = new AbortController();
    let [pulls, cancelled, stream, closed] = [0, 0];
    const pull = (source) => {
      pulls += 1;
      if (pulls === 4) act === 'abort' ? controller.abort() : stream.cancel();
      source.enqueue(encoder.encode(event('x')));
    };
    const body = new ReadableStream({ pull, cancel: () => void cancelled++ }, { highWaterMark: 0 });
    const fetch = async (url, { signal }) => {
      closed = signal;
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    stream = await chatStreaming(MESSAGES, options(fetch, { signal: controller.signal }));
    const reading = (async () => {
      for await (const text of stream.textStream) assert.ok(text);
    })();
    if (act === 'abort') await assert.rejects(reading, { kind: 'aborted' });
    else await reading;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([cancelled, closed.aborted], [1, true], act);
  }
});

test('options are read when the function is called', async () => {
  const models = [];
  const fetch = async (url, { body }) => (models.push(JSON.parse(body).model), completion());
  const given = options(fetch);
  const calls = ['a/a', 'b/b'].map((model) => ((given.model = model), chat(MESSAGES, given)));
  await Promise.all(calls);
  assert.deepEqual(models, ['a/a', 'b/b']);
});

/** The request that a call sends, with every model on an upstream of OpenRouter's dialect. */
async function sentBy(call) {
  let sent;
  const fetch = async (url, { body }) => ((sent = JSON.parse(body)), completion());
  await call({ baseURL: 'https://api.example/v1', dialect: 'openrouter', apiKey: 'client-key', fetch });
  return sent;
}
const modelsOf = async (call) => {
  const { model, models = [model] } = await sentBy(call);
  return models;
};
const sdk = (defaults, body) => modelsOf(async (base) => {
  const response = await createFetch(createClient({ ...base, ...defaults }))('https://api.example/v1/chat/completions', { method: 'POST', body: JSON.stringify({ messages: MESSAGES, ...body }) });
  assert.equal(response.status, 200, await response.text());
});

test("a call's own model comes first, and a chain replaces a default model", async () => {
  const chain = { models: ['e/e', 'f/f'] };
  const all = { model: 'd/d', ...chain };
  const ask = (defaults, own) => modelsOf((base) => createClient({ ...base, ...defaults }).chatWithFallback(MESSAGES, own));
  assert.deepEqual(await ask(chain, { model: 'o/o' }), ['o/o', 'e/e', 'f/f']);
  assert.deepEqual(await ask(chain, { body: { model: 'b/b' } }), ['e/e', 'f/f']);
  assert.deepEqual(await ask({ ...chain, body: { model: 'b/b' } }, { model: 'o/o' }), ['o/o', 'e/e', 'f/f']);
  assert.deepEqual(await sdk(all, { model: 'o/o' }), ['o/o', 'e/e', 'f/f']);
  assert.deepEqual(await sdk({ model: 'd/d' }, { model: 'o/o' }), ['o/o', 'd/d']);
  for (const model of ['', null, undefined]) assert.deepEqual(await sdk(chain, { model }), ['e/e', 'f/f']);
  assert.deepEqual(await sdk({ model: 'd/d' }, { model: null }), ['d/d']);
});

test('null is a value of a field, and `body` decides', async () => {
  const sent = await sentBy((base) => chatWithFallback(MESSAGES, { ...base, model: 'a/a', temperature: 1, top_p: null, body: { temperature: null } }));
  assert.deepEqual([sent.temperature, sent.top_p], [null, null]);
});

test('a client goes through the createFetch of another copy of the package', async () => {
  const copy = await import(`${pathToFileURL(join(PACKAGE, 'index.js'))}?copy`);
  const client = createClient(options(async () => completion('copy')));
  const response = await copy.createFetch(client)('https://api.example/v1/chat/completions', { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) });
  assert.equal((await response.json()).choices[0].message.content, 'copy');
});

test('createFetch reads a request in each of its forms', async () => {
  const seen = [];
  const fetch = createFetch(createClient({ ...options(async (url, init) => (init?.body?.includes?.('Hello?') ? completion() : (seen.push(String(url)), new Response('passed')))), model: undefined }));
  const url = 'https://api.example/v1/chat/completions';
  const body = JSON.stringify({ model: 'a/a', messages: MESSAGES });
  const forms = {
    string: () => fetch(url, { method: 'POST', body }),
    URL: () => fetch(new URL(url), { method: 'post', body }),
    Request: () => fetch(new Request(url, { method: 'POST', body })),
    'a body with a byte order mark': () => fetch(url, { method: 'POST', body: `\uFEFF${body}` }),
    'a body of bytes': () => fetch(url, { method: 'POST', body: encoder.encode(body) }),
  };
  for (const [name, ask] of Object.entries(forms)) assert.equal((await (await ask()).json()).choices[0].message.content, 'yes', name);
  assert.equal(await (await fetch(new URL(url), { method: 'POST' })).text(), 'passed');
  assert.equal(seen.length, 1);
});

test('a stream that was cancelled has no completion, and says so', async () => {
  const body = () => new ReadableStream({ pull: (controller) => controller.enqueue(encoder.encode(event('x'))) }, { highWaterMark: 0 });
  const unread = parseStream(body());
  await unread.cancel();
  const broken = parseStream(body());
  for await (const text of broken.textStream) if (text) break;
  for (const stream of [unread, broken]) await assert.rejects(stream.text(), { kind: 'invalidRequest', message: /the stream was cancelled/ });
});

test('wrong headers of toResponse leave the stream to be read', async () => {
  const stream = parseStream(new Response(event('x') + END));
  assert.throws(() => stream.toResponse({ headers: { 'a b': 'c' } }), TypeError);
  assert.equal(await stream.text(), 'x');
});

test('an estimate takes what JSON has no word for', async () => {
  assert.equal(typeof (await estimateTokens(undefined)), 'number');
  assert.equal(await estimateTokens('x', null), await estimateTokens('x'));
});

test('options that nest too deeply are refused as such', async () => {
  let deep = 1;
  for (let level = 0; level < 200; level += 1) deep = { deep };
  await assert.rejects(chat(MESSAGES, options(thrower, { metadata: deep })), { kind: 'invalidRequest', message: /nest deeper than 128 levels/ });
});
