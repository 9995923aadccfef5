// The page of the documentation that shows the tables.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../support/process.mjs';

const PAGE = join(ROOT, 'www/docs/clients.md');

/** The part of the page behind the heading `## NAME`, after its first paragraph `Cells: …`, up to the next heading. */
const partOf = (page, name) => {
  const begin = page.indexOf('\n\n', page.indexOf('Cells:', page.indexOf(`\n## ${name}\n`))) + 2;
  const next = page.indexOf('\n## ', begin);
  return { begin, end: next < 0 ? page.length : next };
};

/** What the page shows below the heading `name`. */
export async function readPart(name) {
  const page = await readFile(PAGE, 'utf8');
  const { begin, end } = partOf(page, name);
  return page.slice(begin, end).trim();
}

/** Replaces what the page shows below the heading `name`. */
export async function writePart(name, text) {
  const page = await readFile(PAGE, 'utf8');
  const { begin, end } = partOf(page, name);
  await writeFile(PAGE, `${page.slice(0, begin)}${text}\n${page.slice(end)}`);
}

/** The headings. */
export const ABILITIES = 'What each client can do';
export const MATRIX = 'Protocols and dialects';
export const RUNTIMES = 'Runtimes';
