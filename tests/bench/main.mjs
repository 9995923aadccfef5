// `cargo xtask bench`: failsoft and its peers side by side, in one run, as ratios of medians with their 95 % intervals.
//
//     node main.mjs PACKAGE [--baseline DIR] [--short] [part…]        the parts are below; short.mjs explains --short
//
// Every peer does the same work over the same kind of connection, and every answer is checked. Absolute figures differ
// between machines and runs; ratios within one run are more stable. Run nothing else at the same time.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

import { bundles } from './bundle.mjs';
import { firstUse, readingInPage } from './chromium.mjs';
import { account } from './edge/account.mjs';
import { cold } from './edge/cold.mjs';
import { dashboard } from './edge/dashboard.mjs';
import { growth } from './edge/growth.mjs';
import { isolate } from './edge/isolate.mjs';
import { litellm } from './edge/litellm.mjs';
import { old } from './edge/old.mjs';
import { paced } from './edge/paced.mjs';
import { requests } from './edge/requests.mjs';
import { memory } from './memory.mjs';
import { reading } from './reading.mjs';
import { shorten } from './short.mjs';
import { median } from './statistics.mjs';
import { compare, formatRatio, formatTable } from './table.mjs';
import { checkTargets } from './targets.mjs';

const ROUNDS = shorten(7, 1);
const EVENTS = shorten(20_000, 200);

const { values, positionals: [pkg, ...names] } = parseArgs({ allowPositionals: true, options: { baseline: { type: 'string' }, short: { type: 'boolean' } } });
const folder = resolve(pkg);
const options = { events: EVENTS, rounds: ROUNDS };

/** The parts that can be measured separately. Each returns tables; a table may carry `targets`. xtask knows the names. */
const PARTS = {
  bundle: async () => {
    const sizes = await bundles(folder);
    const rows = Object.entries(sizes).map(([name, { bytes, gzip, brotli }]) => [name, bytes, gzip, brotli]);
    const targets = { bundle: sizes.failsoft.gzip / 1_000 };
    return [{ title: 'What a page downloads, in bytes', head: ['package', 'minified', 'gzip', 'brotli'], rows, targets }];
  },
  'first-use': async () => {
    const samples = await firstUse(folder, 4 * ROUNDS);
    const targets = { firstUse: median(samples.failsoft) / median(samples.openai) };
    return [{ title: 'From `import()` to the first answer, in Chromium, with a warm cache', ...compare('package', 'ms', 1, samples, ['openai']), targets }];
  },
  chromium: async () => tabulateReaders('Chromium', await readingInPage(folder, options)),
  node: async () => {
    const samples = await reading(await import(pathToFileURL(join(folder, 'index.js'))), options);
    const tables = tabulateReaders('Node', samples);
    tables.at(-1).targets = readingRatios(samples);
    return tables;
  },
  memory: () => memory({ pkg: folder }),
  edge: () => requests(options),
  isolate,
  paced: () => paced(options),
  cold: () => cold(options),
  growth,
  account,
  dashboard,
  litellm,
  old: () => old(values.baseline),
};

const version = execFileSync(process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', ['--version', '--no-sandbox'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
console.log(`# ${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}, ${version}`);
const measured = {};
for (const part of names) {
  for (const table of await PARTS[part]()) {
    console.log(formatTable(table));
    Object.assign(measured, table.targets);
  }
}
console.log(formatTable(checkTargets(measured)));

/** A table for each cut of the stream, with the readers of one host. */
function tabulateReaders(host, samples) {
  return Object.entries(samples).map(([cut, readers]) => ({
    title: `Reading a stream in ${host}, ${cut}`,
    head: ['reader', 'µs an event', 'failsoft, text / this', 'failsoft, chunks / this'],
    rows: Object.entries(readers)
      .sort(([, a], [, b]) => median(a) - median(b))
      .map(([name, times]) => [name, median(times).toFixed(2), formatRatio(readers['failsoft, text'], times), formatRatio(readers['failsoft, chunks'], times)]),
  }));
}

/** The ratios of failsoft's text to the two peers of the targets, by cut. */
function readingRatios(samples) {
  const text = (cut, peer) => median(samples[cut]['failsoft, text']) / median(samples[cut][peer]);
  return {
    textOpenai: text('16 KiB chunks', 'openai'),
    textParser: text('16 KiB chunks', 'eventsource-parser + JSON.parse'),
    eventOpenai: text('one event per chunk', 'openai'),
    eventParser: text('one event per chunk', 'eventsource-parser + JSON.parse'),
    randomParser: text('1 to 64 bytes at random', 'eventsource-parser + JSON.parse'),
  };
}
