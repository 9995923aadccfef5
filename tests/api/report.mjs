// The API of the npm package in a form in which only a change of the API is a change: the type declarations as the compiler prints
// them, without comments, and the declarations of a file in the order of their names.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import ts from 'typescript-5.9';

import { ROOT } from '../support/process.mjs';

const FOLDER = join(ROOT, 'pkg-template');
export const REPORT = join(ROOT, 'tests/api/reports/javascript.txt');

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

/** The declarations of one file. */
export function describe(name, text) {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  const parts = source.statements.map((statement) => printer.printNode(ts.EmitHint.Unspecified, statement, source));
  return [`// ${name}`, ...parts.sort()].join('\n');
}

/** The report of the package as it is now: its entries, and the declarations of every file. */
export async function report() {
  const manifest = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8'));
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.d.ts')).sort();
  const texts = await Promise.all(files.map(async (file) => describe(file, await readFile(join(FOLDER, file), 'utf8'))));
  return `${[`// entries: ${Object.keys(manifest.exports).sort().join(' ')}`, ...texts].join('\n\n')}\n`;
}
