// The documentation as data: its files and the code blocks in them.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from './process.mjs';

const PAGES = 'www/docs';
const OTHERS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'pkg-template/README.md', 'www/examples/README.md'];

/** Every document for users, by its path in the repository. */
export async function documents() {
  const pages = (await readdir(join(ROOT, PAGES))).filter((name) => name.endsWith('.md')).sort();
  const paths = [...OTHERS, ...pages.map((name) => `${PAGES}/${name}`)];
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(ROOT, path), 'utf8') })));
}

/** The fenced code blocks of a document: the language, the label behind it, the line number and the code. */
export function blocks({ path, text }) {
  const fence = /^( *)```(\w*) ?(.*)\n([\s\S]*?)^\1```$/gm;
  return [...text.matchAll(fence)].map(({ index, 1: indent, 2: language, 3: label, 4: code }) => ({
    path,
    line: text.slice(0, index).split('\n').length,
    language,
    label,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The commands of a shell block, without comments; a command may span lines. */
export function commands(code) {
  const joined = code.replaceAll(/\\\n\s*/g, ' ');
  const quoted = /'[^']*'|"[^"]*"|[^'"\n]+|\n/g;
  let commands = [''];
  for (const [piece] of joined.matchAll(quoted)) {
    if (piece === '\n') commands.push('');
    else commands[commands.length - 1] += /^['"]/.test(piece) ? piece : piece.replace(/(^|\s)#.*/, '');
  }
  return commands.map((command) => command.trim()).filter(Boolean);
}

/** A table of `rows`, the first of which has the heads. Its columns are aligned. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
  return [line(rows[0]), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n');
}
