// `cargo xtask matrix`: makes all runs, prints the tables, and fails if a cell is wrong or the page of the documentation shows
// another table. With `--write`, the page gets the tables.

import { startEdge } from '../support/edge.mjs';
import { startEmulator } from '../support/process.mjs';
import { configure } from '../edge/use-edge.mjs';
import { abilities, listLacking } from './abilities.mjs';
import { matrix, startDialects } from './matrix.mjs';
import { ABILITIES, MATRIX, RUNTIMES, readPart, writePart } from './page.mjs';
import { FAILSOFT, loadClients } from './run.mjs';
import { runtimesGrid } from './runtimes/grid.mjs';
import { startRuntimes } from './runtimes/hosts.mjs';

const writes = process.argv.includes('--write');
const emulator = await startEmulator();
const edge = await startEdge({ failsoft: configure(emulator, FAILSOFT) });
const edges = await startDialects(emulator);
const { clients, stop } = await loadClients();
const runtimes = await startRuntimes();
const problems = [];

async function show(name, grid, notes = []) {
  for (const { title, act, skip } of grid.runs) {
    if (skip) {
      problems.push(`${title}: ${skip}`);
      continue;
    }
    await emulator.clear();
    await act().catch((error) => problems.push(`${title}: ${error.message}`));
  }
  const text = [grid.markdown(), ...notes].join('\n\n');
  console.log(`\n${name}\n\n${text}`);
  if (writes) await writePart(name, text);
  else if ((await readPart(name)) !== text) problems.push(`www/docs/clients.md shows another table below "${name}": cargo xtask matrix --write`);
}

await show(ABILITIES, abilities({ emulator, edge }, clients), [listLacking(clients)]);
await show(MATRIX, matrix(emulator, edges));
await show(RUNTIMES, runtimesGrid(emulator, runtimes));
for (const problem of problems) console.log(problem);
await Promise.all([stop(), runtimes.stop(), edge.stop(), ...Object.values(edges).map((one) => one.stop())]);
await emulator.stop();
process.exitCode = problems.length > 0 ? 1 : 0;
