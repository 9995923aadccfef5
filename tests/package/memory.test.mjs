// The memory that a stream takes while it is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

let memory;
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...given) {
    super(...given);
    memory = Object.values(this.exports).find((value) => value instanceof WebAssembly.Memory);
  }
};
const { parseStream } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const MIB = 2 ** 20;
const WORDS = 'So many words, and each of them is kept once. '.repeat(2);
const EVENT = `data: {"choices":[{"index":0,"delta":{"content":"${WORDS}"}}]}\n\n`;
const PIECE = new TextEncoder().encode(EVENT.repeat(100));

/** A stream of `count` pieces, each with 100 events. */
function streamOf(count) {
  const pull = (controller) => {
    if (count-- > 0) return controller.enqueue(PIECE);
    controller.enqueue(new TextEncoder().encode('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'));
    controller.close();
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

/** Each reads a stream to its end, and returns how many letters the stream had. */
const READERS = {
  text: async (stream) => {
    let length = 0;
    for await (const text of stream.textStream) length += text.length;
    return length;
  },
  chunks: async (stream) => {
    let length = 0;
    for await (const { choices } of stream) length += choices[0].delta.content?.length ?? 0;
    return length;
  },
};

for (const [name, read] of Object.entries(READERS)) {
  test(`a long stream that is read as ${name} takes the memory of its text and at most one MiB more`, async () => {
    const pieces = 1_000;
    const before = memory?.buffer.byteLength ?? 0;
    const text = 100 * pieces * WORDS.length;
    assert.equal(await read(parseStream(streamOf(pieces))), text);
    const taken = memory.buffer.byteLength - before;
    assert.ok(taken <= text + MIB, `${(taken / MIB).toFixed(2)} MiB for a text of ${(text / MIB).toFixed(2)}`);
  });
}
