// The table of `cargo xtask faults` as tests of one place. A bounded run leaves out the rows that take long. The command checks
// how soon a silent model is overtaken; a test does not, because it may run on a machine that is busy.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { LONG } from '../support/long.mjs';
import { DIALECTS, ROWS, cell, problems } from './rows.mjs';

/** A test for each cell of `place`. `run` runs cells. */
export function testPlace(place, run) {
  const rows = ROWS.filter(({ long }) => LONG || !long);
  const columns = (LONG ? DIALECTS : ['openai']).flatMap((dialect) => [[true, dialect], [false, dialect]]);
  const cells = rows.flatMap((row) => columns.map((column) => cell({ ...row, silent: false }, place, ...column)));
  let seen;
  before(async () => {
    seen = await run(cells);
  });
  for (const [at, { what, isStreamed, dialect }] of cells.entries()) {
    test(`${what}, then a healthy model, all by default: ${isStreamed ? 'streamed' : 'in one piece'}, ${dialect}`, () => {
      assert.deepEqual(problems(cells[at], seen[at]), []);
    });
  }
}
