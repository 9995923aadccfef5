// What reading a long stream costs, and what it needs: the package in Node, from a hundred events to a million, each count in
// a process of its own. As a program: `node --expose-gc memory.mjs PACKAGE EVENTS`.
//
// Memory is what the heap has more than before, after the garbage was collected, and all of the WebAssembly's; the most of it
// while the stream is read, with what the stream keeps for who asks for it at the end. A string of JavaScript takes a byte
// for a character of ASCII. The bound is the text and a MiB.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { CUTS, body, pieces } from './streams.mjs';

const COUNTS = [100, 1_000, 10_000, 100_000, 1_000_000];
const MIB = 2 ** 20;
/** Events that are told again and again: a million take more memory than what reads them. */
const TOLD = 1_000;
/** Collections of garbage while a stream is read. */
const LOOKS = 20;
const self = fileURLToPath(import.meta.url);

export async function memory({ pkg }) {
  const rows = [];
  for (const events of COUNTS) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', self, pkg, String(events)]);
    const { took, text, heap, wasm } = JSON.parse(stdout);
    const mib = (bytes) => (bytes / MIB).toFixed(2);
    rows.push([events.toLocaleString('en'), took.toFixed(2), mib(text), mib(heap), mib(wasm), mib(heap + wasm - text), heap + wasm - text <= MIB ? 'yes' : 'no']);
  }
  const head = ['events', 'µs an event', 'text, MiB', 'heap, MiB', 'WebAssembly, MiB', 'beside the text, MiB', 'within 1 MiB'];
  return [{ title: 'Reading a long stream as text in Node, 16 KiB chunks', about: 'Heap: what is more than before, at its most. WebAssembly: all of its memory.', head, rows }];
}

/** What is told again and again, cut, and the end. */
function prepared(events) {
  const { lines, text } = body(Math.min(events, TOLD));
  const end = new TextEncoder().encode(lines.splice(-2).join(''));
  return { events, said: text.length * Math.ceil(events / TOLD), round: pieces({ lines }, CUTS['16 KiB chunks']), end };
}

function* chunks({ events, round, end }) {
  for (let told = 0; told < events; told += TOLD) yield* round;
  yield end;
}

async function read(parseStream, told, looked) {
  const rest = chunks(told);
  const every = Math.ceil((told.events * 300) / 16_384 / LOOKS);
  let [pulls, length] = [0, 0];
  const source = new ReadableStream({
    pull(controller) {
      const { done, value } = rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
      if (looked && ++pulls % every === 0) looked();
    },
  }, { highWaterMark: 1 });
  const stream = parseStream(source);
  for await (const text of stream.textStream) length += text.length;
  looked?.();
  if (length !== told.said) throw new Error('text was lost');
  return length;
}

/** The memories of all WebAssembly that this process makes from now on. */
function watched() {
  const memories = new Set();
  const keep = (instance) => Object.values(instance.exports).forEach((value) => value instanceof WebAssembly.Memory && memories.add(value));
  const { instantiate, Instance } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate(...given);
    keep(made.instance ?? made);
    return made;
  };
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, given) {
      const made = Reflect.construct(target, given);
      keep(made);
      return made;
    },
  });
  return () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

async function measure(pkg, events) {
  const wasm = watched();
  const { parseStream } = await import(pathToFileURL(join(resolve(pkg), 'index.js')));
  await read(parseStream, prepared(100));
  const told = prepared(events);
  const heap = () => {
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  // What was freed last is swept behind the collection.
  heap();
  await new Promise(setImmediate);
  const before = heap();
  let most = 0;
  const text = await read(parseStream, told, () => (most = Math.max(most, heap())));
  const taken = { text, heap: most - before, wasm: wasm() };
  const began = performance.now();
  await read(parseStream, told);
  return { ...taken, took: ((performance.now() - began) * 1_000) / events };
}

if (process.argv[1] === self) {
  const [pkg, events] = process.argv.slice(2);
  console.log(JSON.stringify(await measure(pkg, Number(events))));
}
