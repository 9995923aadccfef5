// parseStream reads every recorded stream as expected, cut at every byte and byte by byte.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE, ROOT } from '../support/process.mjs';

const { isChatError, parseStream } = await import(pathToFileURL(join(PACKAGE, 'index.js')));
const folder = join(ROOT, 'tests/fixtures/streams');
const expectations = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));

const streamOf = (pieces) => new ReadableStream({
  start(controller) {
    for (const piece of pieces) controller.enqueue(piece);
    controller.close();
  },
});

/** Reads a stream of `pieces`: its chunks and its failure. */
async function read(pieces) {
  const stream = parseStream(streamOf(pieces));
  const seen = { chunks: [], failure: undefined };
  try {
    for await (const chunk of stream) seen.chunks.push(chunk);
  } catch (error) {
    if (!isChatError(error)) throw error;
    seen.failure = error.kind;
    seen.status = error.status;
  }
  return seen;
}

const textOf = ({ choices }) => {
  const content = (choices ?? []).find((choice) => (choice.index ?? 0) === 0)?.delta?.content ?? '';
  return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
};

for (const [name, expected] of Object.entries(expectations)) {
  test(`${name} reads as expected, however it is cut`, async () => {
    const bytes = new Uint8Array(await readFile(join(folder, `${name}.sse`)));
    const whole = await read([bytes]);
    assert.deepEqual([whole.chunks.length, whole.failure, whole.status], [expected.chunks, expected.failure, expected.status]);
    assert.equal(whole.chunks.map(textOf).join(''), expected.text);
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(await read([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at byte ${at}`);
    }
    assert.deepEqual(await read(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
  });
}

test('the error of a failed response is thrown while reading', async () => {
  const body = { error: { code: 429, message: 'slow down' } };
  await assert.rejects(parseStream(Response.json(body, { status: 429, headers: { 'retry-after': '2' } })).text(), {
    kind: 'rateLimited', status: 429, retryAfter: 2_000, message: 'slow down',
  });
  await assert.rejects(parseStream(Response.json({ error: { code: 502, message: 'down' } })).text(), { kind: 'serverError', status: 502, message: 'down' });
});

test('a completion in one piece is read as one chunk', async () => {
  const completion = { model: 'a/a', choices: [{ message: { content: 'whole' }, finish_reason: 'stop' }] };
  assert.equal(await parseStream(Response.json(completion)).text(), 'whole');
});

test('a response without a content type and a stream of strings are read too', async () => {
  const sse = 'data: {"model":"a/a","choices":[{"delta":{"content":"hé"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  assert.equal(await parseStream(new Response(sse)).text(), 'hé');
  assert.equal(await parseStream(streamOf([sse])).text(), 'hé');
  const stream = parseStream(new Response(sse));
  let text = '';
  for await (const piece of stream.textStream) text += piece;
  assert.deepEqual([text, stream.model], ['hé', 'a/a']);
});

test('JSON is read down to 128 levels, and an event with deeper JSON is skipped', async () => {
  const event = (depth) => `data: {"choices":[{"delta":{"content":"x"}}],"usage":${'['.repeat(depth)}${']'.repeat(depth)}}\n\n`;
  const end = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
  assert.equal(await parseStream(streamOf([event(127), end])).text(), 'x');
  for (const depth of [128, 100_000]) assert.equal(await parseStream(streamOf([event(depth), event(1), end])).text(), 'x');
});

test('a cancelled stream closes its body and gives no more chunks, whether it was read before or not', async () => {
  for (const reads of [0, 1, 2]) {
    let cancelled = false;
    const pull = (controller) => controller.enqueue('data: {"choices":[{"delta":{"content":"x"}}]}\n\n');
    const stream = parseStream(new ReadableStream({ pull, cancel: () => (cancelled = true) }));
    const texts = stream.textStream[Symbol.asyncIterator]();
    if (reads === 2) await texts.next();
    const readings = reads > 0 ? [texts.next()] : [];
    await stream.cancel();
    assert.ok(cancelled);
    const end = { done: true, value: undefined };
    assert.deepEqual(await Promise.all([...readings, texts.next()]), [...readings.map(() => end), end]);
  }
});
