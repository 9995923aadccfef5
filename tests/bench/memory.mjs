// The time and the memory for a long stream: the package in Node, from a hundred events to a million, each count in a
// process of its own. As a program: `node --expose-gc memory.mjs PACKAGE EVENTS`.
//
// Memory is the growth of the heap, after a garbage collection, and the whole memory of WebAssembly; the largest value
// while the stream is read, with what the stream keeps for the caller until the end. A JavaScript string needs one byte for
// an ASCII character. The target is the text plus 1.5 MiB.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { shorten } from './short.mjs';
import { CUTS, body, pieces } from './streams.mjs';

const COUNTS = shorten([100, 1_000, 10_000, 100_000, 1_000_000], [100, 1_000]);
const MIB = 2 ** 20;
/** The events that repeat: a million different events would need more memory than their reader. */
const REPEATED = 1_000;
/** The number of garbage collections while a stream is read. */
const LOOKS = 20;
const self = fileURLToPath(import.meta.url);

export async function memory({ pkg }) {
  const rows = [];
  let beside;
  for (const events of COUNTS) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', self, pkg, String(events)]);
    const { time, text, heap, wasm } = JSON.parse(stdout);
    const mib = (bytes) => (bytes / MIB).toFixed(2);
    beside = heap + wasm - text;
    rows.push([events.toLocaleString('en'), time.toFixed(2), mib(text), mib(heap), mib(wasm), mib(beside)]);
  }
  const head = ['events', 'µs an event', 'text, MiB', 'heap, MiB', 'WebAssembly, MiB', 'beside the text, MiB'];
  return [{ title: 'Reading a long stream as text in Node, 16 KiB chunks', about: 'Heap: its largest growth. WebAssembly: its whole memory.', head, rows, targets: { memory: beside / MIB } }];
}

/** The repeated events, cut into chunks, and the end of the stream. */
function prepare(events) {
  const { lines, text } = body(Math.min(events, REPEATED));
  const end = new TextEncoder().encode(lines.splice(-2).join(''));
  return { events, textLength: text.length * Math.ceil(events / REPEATED), round: pieces({ lines }, CUTS['16 KiB chunks']), end };
}

function* chunks({ events, round, end }) {
  for (let sent = 0; sent < events; sent += REPEATED) yield* round;
  yield end;
}

async function read(parseStream, stream, onLook) {
  const rest = chunks(stream);
  const every = Math.ceil((stream.events * 300) / 16_384 / LOOKS);
  let [pulls, length] = [0, 0];
  const source = new ReadableStream({
    pull(controller) {
      const { done, value } = rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
      if (onLook && ++pulls % every === 0) onLook();
    },
  }, { highWaterMark: 1 });
  const answer = parseStream(source);
  for await (const text of answer.textStream) length += text.length;
  onLook?.();
  if (length !== stream.textLength) throw new Error('text was lost');
  return length;
}

/** Collects the memories of all WebAssembly that this process creates from now on. */
function watchMemories() {
  const memories = new Set();
  const keep = (instance) => Object.values(instance.exports).forEach((value) => value instanceof WebAssembly.Memory && memories.add(value));
  const { instantiate, Instance } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const result = await instantiate(...args);
    keep(result.instance ?? result);
    return result;
  };
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args) {
      const instance = Reflect.construct(target, args);
      keep(instance);
      return instance;
    },
  });
  return () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

async function measure(pkg, events) {
  const wasm = watchMemories();
  const { parseStream } = await import(pathToFileURL(join(resolve(pkg), 'index.js')));
  await read(parseStream, prepare(100));
  const stream = prepare(events);
  const heap = () => {
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  // The collector frees the last objects only after a pause.
  heap();
  await new Promise(setImmediate);
  const before = heap();
  let most = 0;
  const text = await read(parseStream, stream, () => (most = Math.max(most, heap())));
  const used = { text, heap: most - before, wasm: wasm() };
  const start = performance.now();
  await read(parseStream, stream);
  return { ...used, time: ((performance.now() - start) * 1_000) / events };
}

if (process.argv[1] === self) {
  const [pkg, events] = process.argv.slice(2);
  console.log(JSON.stringify(await measure(pkg, Number(events))));
}
