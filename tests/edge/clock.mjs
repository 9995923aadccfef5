// The edge with a clock that a test can move, so that no test waits for a time to pass.

import { MODULES } from '../support/edge.mjs';
import { send } from './harness.mjs';

const ENTRY = `import { hook } from './clock.worker.mjs';
import Worker from './entry.mjs';
hook(Worker);
export { default } from './entry.mjs';
export * from './entry.mjs';`;

/** The option `modules` of an edge whose clock can be moved. */
export const CLOCK_MODULES = [
  `(name = "main.mjs", esModule = ${JSON.stringify(ENTRY)})`,
  '(name = "clock.worker.mjs", esModule = embed "/edge/clock.worker.mjs")',
  ...MODULES,
];

/** Sets the clock of an isolate, and of the Durable Objects in that isolate, `ms` ahead of the real time. */
export async function setClockAhead({ origin }, ms) {
  // A preflight is no refusal, which would be counted in the database.
  await send({ origin }, '/v1/nothing', { method: 'OPTIONS', key: null, headers: { 'x-clock': String(ms) } });
}
