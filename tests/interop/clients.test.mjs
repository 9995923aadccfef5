// Every client of tests/clients does all that it can over one edge in workerd, and the page of the documentation says the same.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { abilities, listLacking } from '../clients/abilities.mjs';
import { ABILITIES, readPart } from '../clients/page.mjs';
import { FAILSOFT, loadClients } from '../clients/run.mjs';
import { useEdge } from '../edge/use-edge.mjs';

const server = useEdge({ failsoft: FAILSOFT });
const { clients, stop } = await loadClients();
after(stop);
const grid = abilities(server, clients);

for (const { title, act } of grid.runs) test(title, act);

test('the page of the documentation shows the table of these runs', async () => {
  assert.equal(await readPart(ABILITIES), `${grid.markdown()}\n\n${listLacking(clients)}`, 'run `cargo xtask matrix --write`');
});
