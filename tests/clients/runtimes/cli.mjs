// The check of a runtime that runs programs: ENTRY NAME BASE_URL. Prints the text of the cell.

import process from 'node:process';

import { run } from './program.mjs';

const [entry, name, baseURL] = process.argv.slice(2);
console.log(await run(await import(entry), name, baseURL));
process.exit();
