// The memory of an edge: a Worker that tells the size of WebAssembly's.

import { MODULES } from './edge.mjs';

const ENTRY = `import { hook } from './memory.worker.mjs';
import Worker from './entry.mjs';
hook(Worker);
export { default } from './entry.mjs';
export * from './entry.mjs';`;

/** Options of `startEdge`, for an edge whose memory can be read, and whose garbage can be collected. */
export const memoryModules = {
  modules: [
    `(name = "main.mjs", esModule = ${JSON.stringify(ENTRY)})`,
    '(name = "memory.worker.mjs", esModule = embed "/support/memory.worker.mjs")',
    ...MODULES,
  ],
  // Without a limit, V8 keeps garbage for as long as the machine has memory. A leak ends the process.
  flags: ['--expose-gc', '--max-heap-size=48'],
};

/** The bytes of WebAssembly's memory in the isolate at `origin`. */
export async function readMemory({ origin }) {
  const answer = await fetch(origin, { headers: { 'x-memory': '1' } });
  return answer.json();
}
