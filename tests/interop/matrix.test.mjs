// Each protocol of clients over each dialect of upstreams, read by the protocol's official SDK, in workerd; and the page of the
// documentation says the same.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { matrix, startDialects } from '../clients/matrix.mjs';
import { MATRIX, readPart } from '../clients/page.mjs';
import { setUp, useEmulator } from '../edge/use-edge.mjs';

const emulator = useEmulator();
const edges = {};
setUp(async () => Object.assign(edges, await startDialects(emulator)));
after(() => Promise.all(Object.values(edges).map((edge) => edge.stop())));
const grid = matrix(emulator, edges);

for (const { title, act } of grid.runs) test(title, act);

test('the page of the documentation shows the table of these runs', async () => {
  assert.equal(await readPart(MATRIX), grid.markdown(), 'run `cargo xtask matrix --write`');
});
