// What a newcomer does for an edge without Rust: the commands of the documentation, and the call that the first one prints.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { blocks, commands, table } from '../support/markdown.mjs';
import { ROOT } from '../support/process.mjs';

const PAGE = 'www/docs/edge.md';
/** The sentence in front of the table of times. */
const BEFORE_TABLE = /(^`cargo xtask newcomer` .*(?:\n.+)*:\n\n)(?:\|.*\n)*/m;

const page = () => readFile(join(ROOT, PAGE), 'utf8');

/** The commands, in order. The last one serves. */
export async function readCommands() {
  const block = blocks({ path: PAGE, text: await page() }).find(({ code }) => /^npm exec .* create-failsoft-edge /m.test(code));
  return commands(block.code);
}

/** Puts the seconds of each step into the page. */
export async function writeTimes(steps) {
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [...steps.map(({ step, seconds }) => [`\`${step}\``, seconds.toFixed(0)]), ['together', total.toFixed(0)]];
  const text = await page();
  if (!BEFORE_TABLE.test(text)) throw new Error(`${PAGE} has no sentence about cargo xtask newcomer`);
  await writeFile(join(ROOT, PAGE), text.replace(BEFORE_TABLE, (_, before) => `${before}${table([['step', 'seconds'], ...rows])}\n`));
}
