// Reads long streams through every exported form in this version of Node, and prints a line of JSON for each form.
// Arguments: the package's entry, the number of chunks, the mode, and how many deoptimisations each form gets.
//
//   memory   measures the heap and the WebAssembly at each quarter (needs --expose-gc)
//   deopt    makes V8 throw away all optimised code many times, always while WebAssembly runs below optimised JavaScript
//   control  the same with a function that has the crash which `deopt` looks for
//
// V8 up to Node 22 crashes when it deoptimises a function that has inlined a call of WebAssembly which returns a reference.

import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';

import { FORMS, sizeOf, soak, watchInstances } from './soak.mjs';

const [entry, chunks, mode, deoptimisations] = process.argv.slice(2);
const count = Number(chunks);
const inspector = new Session();
inspector.connect();
inspector.post('Profiler.enable');

/** V8 has to deoptimise every function that is running, before it can count calls. */
function deoptimise() {
  inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  inspector.post('Profiler.stopPreciseCoverage');
}

/** The deoptimisations are far apart, because V8 must optimise the code again before each of them. */
const disturb = (at) => {
  if (at > 0 && at % (count / deoptimisations) === 0) deoptimise();
};

/** `(func (export "f") (param externref) (result externref) (call $import (local.get 0)))` */
const PASS = Buffer.from('AGFzbQEAAAABBgFgAW8BbwIHAQFlAWkAAAMCAQAHBQEBZgABCggBBgAgABAACw==', 'base64');

/** A package whose stream calls a function of WebAssembly for each chunk, and gets a promise back through that function. */
async function control() {
  const decoder = new TextDecoder();
  const decode = ({ done, value }) => ({ done, value: done ? undefined : decoder.decode(value) });
  const imports = { e: { i: (reader) => reader.read().then(decode) } };
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(PASS), imports).exports;
  class Stream {
    constructor(body) {
      this.reader = body.getReader();
    }
    next() {
      return f(this.reader);
    }
    [Symbol.asyncIterator]() {
      return this;
    }
  }
  const parseStream = (body) => ({ textStream: new Stream(body) });
  await soak({ parseStream }, 'parseStream(readableStream), textStream', count, () => undefined, disturb);
}

async function read() {
  const instances = watchInstances();
  const failsoft = await import(pathToFileURL(entry));
  const measure = () => {
    globalThis.gc();
    return { heap: process.memoryUsage().heapUsed, ...sizeOf(instances) };
  };
  for (const form of Object.keys(FORMS)) {
    const options = mode === 'memory' ? [measure] : [() => undefined, disturb];
    console.log(JSON.stringify({ form, ...(await soak(failsoft, form, count, ...options)) }));
  }
}

await (mode === 'control' ? control() : read());
