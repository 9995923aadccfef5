// The package in each runtime that runs here; and the page of the documentation says the same.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';

import { RUNTIMES, readPart } from '../clients/page.mjs';
import { runtimesGrid } from '../clients/runtimes/grid.mjs';
import { startRuntimes } from '../clients/runtimes/hosts.mjs';
import { setUp, useEmulator } from '../edge/use-edge.mjs';

const emulator = useEmulator();
const runtimes = {};
setUp(async () => Object.assign(runtimes, await startRuntimes()));
beforeEach(() => emulator.clear());
after(() => runtimes.stop?.());
const grid = runtimesGrid(emulator, runtimes);

for (const { title, act, skip } of grid.runs) test(title, { skip }, act);

test('the page of the documentation shows the table of these runs', { skip: grid.runs.find(({ skip }) => skip)?.skip }, async () => {
  assert.equal(await readPart(RUNTIMES), grid.markdown(), 'run `cargo xtask matrix --write`');
});
