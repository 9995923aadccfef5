// Starts an emulator and edges for the tests of a file, and stops them.

import { after, before, beforeEach } from 'node:test';

import { clientKey, startEdge } from '../support/edge.mjs';
import { startEmulator } from '../support/process.mjs';
import { POLICY } from './harness.mjs';

let lastSetUp = Promise.resolve();

/** Runs `act` before the first test, after the acts of earlier calls. Node by itself runs all `before` hooks of a file at once. */
export function setUp(act) {
  lastSetUp = lastSetUp.then(act);
  const done = lastSetUp;
  before(() => done);
}

/** The configuration with which CLIENT_KEY may call every model of the emulator; `fields` add to it, or replace a field. */
export const configure = (emulator, fields = {}) => ({
  upstream: { url: emulator.baseURL, dialect: 'openai' },
  keys: [clientKey()],
  models: ['*'],
  policy: POLICY,
  ...fields,
});

/** One emulator for all tests of a file. Each test begins with an empty log, no scripts, no generations and no hold. */
export function useEmulator(args) {
  const emulator = {};
  setUp(async () => Object.assign(emulator, await startEmulator(args)));
  beforeEach(() => emulator.clear());
  after(() => emulator.stop?.());
  return emulator;
}

/**
 * One edge for all tests of a file, in front of `emulator`, or of an emulator of its own. `options` are those of
 * `startEdge`, or a function of the emulator that returns them, called when the emulator runs. `failsoft` adds to the
 * configuration of `configure`. `start` replaces `startEdge`.
 */
export function useEdge(options = {}, emulator = useEmulator()) {
  const edge = {};
  setUp(async () => {
    const { start = startEdge, failsoft, ...rest } = options instanceof Function ? options(emulator) : options;
    Object.assign(edge, await start({ ...rest, failsoft: configure(emulator, failsoft) }));
  });
  after(() => edge.stop?.());
  return { emulator, edge };
}

/** Starts an edge with the options of `startEdge`, calls `act` with the edge, and stops it. Returns what `act` returned. */
export async function withEdge(options, act) {
  const edge = await startEdge(options);
  try {
    return await act(edge);
  } finally {
    await edge.stop();
  }
}
