// `cargo xtask api`: compares the APIs of the npm package and of the core with their reports; with `--write`, writes the reports.

import { readFile, writeFile } from 'node:fs/promises';

import { REPORT, report } from './report.mjs';
import { RUST_REPORT, rustReport } from './rust.mjs';

for (const [path, now] of [[REPORT, await report()], [RUST_REPORT, await rustReport()]]) {
  if (process.argv.includes('--write')) await writeFile(path, now);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== now) {
    console.error(`the API is not that of ${path}: cargo xtask api --write, and a line in CHANGELOG.md`);
    process.exitCode = 1;
  }
}
