// Starts an emulator and edges for the tests of a file, and stops them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

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

/** A webhook for alerts, at `url`. `received` has the alerts; `find` waits for one that `is` what the test expects. */
export function useAlerts() {
  const received = [];
  const alerts = {
    received,
    async find(is) {
      const until = Date.now() + 20_000;
      for (;;) {
        const found = received.find(is);
        if (found) return found;
        assert.ok(Date.now() < until, JSON.stringify(received));
        await sleep(50);
      }
    },
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    received.push(JSON.parse(text));
    response.end();
  });
  setUp(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    alerts.url = `http://127.0.0.1:${server.address().port}/`;
  });
  after(() => server.close());
  return alerts;
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
