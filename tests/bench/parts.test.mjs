// Every part of `cargo xtask bench` starts, and has a figure in every row. `instructions` is not here: xtask counts them itself.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ROOT } from '../support/process.mjs';

const MAIN = fileURLToPath(new URL('main.mjs', import.meta.url));
const BASELINE = join(ROOT, 'worker/build');
const READERS = 9;

/** The rows of each table, by part. */
const ROWS = {
  bundle: [7],
  'first-use': [2],
  chromium: [READERS, READERS, READERS],
  node: [READERS, READERS, READERS],
  memory: [2],
  edge: [4, 2, 3, 7],
  isolate: [4, 5, 5],
  paced: [8],
  cold: [3],
  growth: [2, 4],
  account: [1],
  dashboard: [7],
  litellm: [2, 2, 2],
  old: [2, 2],
};
/** A number, a ratio with its interval, or several numbers with their units. A dash stands where a figure makes no sense. */
const FIGURE = /^(–|-?\d[\d.,]*( \[-?\d[\d.]*, -?\d[\d.]*\])?|[\d.]+ ms, \d+ MiB)$/;

/** The rows of the tables in a report in Markdown, without the table of targets. */
function readTables(report) {
  const sections = report.split('\n## ').slice(1).filter((section) => !section.startsWith('Targets\n'));
  return sections.map((section) => section.split('\n').filter((line) => line.startsWith('| ')).slice(2).map((line) => line.slice(2, -2).split(' | ')));
}

for (const [part, expected] of Object.entries(ROWS)) {
  test(`the part ${part} measures something in each row`, async () => {
    const args = [MAIN, process.env.FAILSOFT_PKG, '--short', '--baseline', BASELINE, part];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const tables = readTables(stdout);
    assert.deepEqual(tables.map((rows) => rows.length), expected, stdout);
    for (const [name, ...figures] of tables.flat()) {
      assert.ok(figures.some((figure) => figure !== '–') && figures.every((figure) => FIGURE.test(figure)), `${name}: ${figures.join(' | ')}`);
    }
  });
}
