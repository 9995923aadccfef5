// `cargo xtask faults`: prints how each cell of the table ended and after which time. Fails if a cell is wrong. The argument is the
// dialect of the upstream.

import { table } from '../support/markdown.mjs';
import { runAtEdge } from './edge.mjs';
import { runInPage } from './page.mjs';
import { LONGEST_MS, ROWS, SILENT_MS, cell, problems } from './rows.mjs';

const COLUMNS = [['page', true], ['page', false], ['edge', true], ['edge', false]];
const HEADS = ['the first model', 'page, streamed', 'page, in one piece', 'edge, streamed', 'edge, in one piece'];

const seconds = (ms) => (ms / 1_000).toFixed(1);

/** How a cell ended, in a few words. */
function describe({ asItCame }, { error, firstMs, ms }, wrong) {
  const answered = asItCame ? 'as it came' : 'answered';
  const how = error ? `${error.kind}${error.status ? ` ${error.status}` : ''}` : answered;
  const when = firstMs === undefined || ms - firstMs < 1_000 ? seconds(ms) : `${seconds(firstMs)} to ${seconds(ms)}`;
  return `${wrong.length > 0 ? 'WRONG: ' : ''}${how}, ${when} s`;
}

const dialect = process.argv[2];
const columns = COLUMNS.map(([place, isStreamed]) => ROWS.map((row) => cell(row, place, isStreamed, dialect)));
// One place after the other, so that the load of the one does not slow the other.
const inPage = await runInPage(columns.slice(0, 2).flat());
const atEdge = await runAtEdge(columns.slice(2).flat());
const seen = [...inPage, ...atEdge];
const cells = columns.flat();
const wrong = cells.map((cell, at) => problems(cell, seen[at]));
const described = cells.map((cell, at) => describe(cell, seen[at], wrong[at]));
const rows = ROWS.map(({ what }, row) => [what, ...COLUMNS.map((_, column) => described[column * ROWS.length + row])]);

console.log(table([HEADS, ...rows]));
const failed = wrong.filter((found) => found.length > 0).length;
for (const [at, found] of wrong.entries()) {
  const { what, place, isStreamed } = cells[at];
  for (const problem of found) console.log(`${what}, ${place}, ${isStreamed ? 'streamed' : 'in one piece'}: ${problem}`);
}
console.log(`\n${cells.length} cells, ${failed} wrong. A cell has ${LONGEST_MS / 1_000} s; a silent model is overtaken within ${SILENT_MS / 1_000} s.`);
process.exitCode = failed > 0 ? 1 : 0;
