// `cargo xtask bench`: everybody side by side, in one run, as ratios of medians with their 95 % intervals.
//
//     node main.mjs PACKAGE [part…]        the parts are below
//
// Who is compared does the same work, is asked over the same kind of connection, and is checked to answer the same. Absolute
// figures differ between machines and runs; ratios of one run hold better. Nothing else should run meanwhile.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { bundles } from './bundle.mjs';
import { firstUse, readingInPage } from './chromium.mjs';
import { cold } from './edge/cold.mjs';
import { growth } from './edge/growth.mjs';
import { isolate } from './edge/isolate.mjs';
import { litellm } from './edge/litellm.mjs';
import { paced } from './edge/paced.mjs';
import { requests } from './edge/requests.mjs';
import { memory } from './memory.mjs';
import { reading } from './reading.mjs';
import { median } from './statistics.mjs';
import { compared, table, told } from './table.mjs';

const ROUNDS = 7;
const EVENTS = 20_000;

const [pkg, ...named] = process.argv.slice(2);
const folder = resolve(pkg);
const options = { events: EVENTS, rounds: ROUNDS };

/** What can be measured by itself: each gives tables. xtask knows the names. */
const PARTS = {
  bundle: async () => {
    const rows = Object.entries(await bundles(folder)).map(([name, { bytes, gzip, brotli }]) => [name, bytes, gzip, brotli]);
    return [{ title: 'What a page downloads, in bytes', head: ['package', 'minified', 'gzip', 'brotli'], rows }];
  },
  'first-use': async () => {
    const samples = await firstUse(folder, 4 * ROUNDS);
    return [{ title: 'From `import()` to the first answer, in Chromium, with a warm cache', ...compared('package', 'ms', 1, samples, ['openai']) }];
  },
  chromium: async () => readers('Chromium', await readingInPage(folder, options)),
  node: async () => readers('Node', await reading(await import(pathToFileURL(join(folder, 'index.js'))), options)),
  memory: () => memory({ pkg: folder }),
  edge: () => requests(options),
  isolate,
  paced: () => paced(options),
  cold: () => cold(options),
  growth,
  litellm,
};

const version = execFileSync(process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', ['--version', '--no-sandbox'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
console.log(`# ${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}, ${version}`);
for (const part of named.length > 0 ? named : Object.keys(PARTS)) {
  for (const measured of await PARTS[part]()) console.log(table(measured));
}

/** Readers of a stream in one host: a table for each cut. */
function readers(host, samples) {
  return Object.entries(samples).map(([cut, taken]) => ({
    title: `Reading a stream in ${host}, ${cut}`,
    head: ['reader', 'µs an event', 'failsoft, text / this', 'failsoft, chunks / this'],
    rows: Object.entries(taken)
      .sort(([, a], [, b]) => median(a) - median(b))
      .map(([name, its]) => [name, median(its).toFixed(2), told(taken['failsoft, text'], its), told(taken['failsoft, chunks'], its)]),
  }));
}
