// `cargo xtask reference`: compares the page of options with the type declarations; with `--write`, makes the page.

import { readFile, writeFile } from 'node:fs/promises';

import { lacking, readGroups } from './declarations.mjs';
import { PAGE, replacePart } from './page.mjs';

const groups = await readGroups();
const page = await readFile(PAGE, 'utf8');
const made = replacePart(page, groups);
for (const group of groups) for (const option of group.options) for (const what of lacking(option, group)) complain(`pkg-template/${group.file}.d.ts: ${option.path.join('.')} lacks ${what}`);
if (process.argv.includes('--write')) await writeFile(PAGE, made);
else if (made !== page) complain('www/docs/options.md is not what the types say: cargo xtask reference --write');

function complain(problem) {
  console.error(problem);
  process.exitCode = 1;
}
