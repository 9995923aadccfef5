// `cargo xtask bench`: everybody side by side, in one run, as ratios of medians with their 95 % intervals.
//
//     node main.mjs PACKAGE [part…]        parts: bundle first-use chromium node edge

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { bundles } from './bundle.mjs';
import { firstUse, readingInPage } from './chromium.mjs';
import { edge } from './edge.mjs';
import { reading } from './reading.mjs';
import { median, ratio } from './statistics.mjs';

const ROUNDS = 7;
const EVENTS = 20_000;

const [pkg, ...named] = process.argv.slice(2);
const folder = resolve(pkg);
const wanted = (part) => named.length === 0 || named.includes(part);

say(`# ${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}, ${chromiumVersion()}`);

if (wanted('bundle')) {
  const rows = await bundles(folder);
  say('\n## What a page downloads, in bytes\n');
  table(['package', 'minified', 'gzip', 'brotli'], Object.entries(rows).map(([name, { bytes, gzip, brotli }]) => [name, bytes, gzip, brotli]));
}

if (wanted('first-use')) {
  const samples = await firstUse(folder, 4 * ROUNDS);
  say('\n## From `import()` to the first answer, in Chromium, with a warm cache\n');
  table(['package', 'ms', 'failsoft / this'], Object.entries(samples).map(([name, taken]) => [name, median(taken).toFixed(1), told(samples.failsoft, taken)]));
}

const options = { events: EVENTS, rounds: ROUNDS };
if (wanted('chromium')) compared('Chromium', await readingInPage(folder, options));
if (wanted('node')) compared('Node', await reading(await import(pathToFileURL(join(folder, 'index.js'))), options));

if (wanted('edge')) {
  for (const [asked, servers] of Object.entries(await edge(ROUNDS))) {
    say(`\n## CPU of workerd's process for a request: ${asked}\n`);
    const floors = Object.keys(servers).filter((name) => name.startsWith('JavaScript'));
    const rows = Object.entries(servers).map(([name, taken]) => [name, median(taken).toFixed(0), ...floors.map((floor) => told(taken, servers[floor]))]);
    table(['Worker', 'µs', ...floors.map((floor) => `this / ${floor}`)], rows);
  }
}

function compared(host, samples) {
  for (const [cut, readers] of Object.entries(samples)) {
    say(`\n## Reading a stream in ${host}, ${cut}\n`);
    const rows = Object.entries(readers).sort(([, a], [, b]) => median(a) - median(b));
    table(
      ['reader', 'µs an event', 'failsoft, text / this', 'failsoft, chunks / this'],
      rows.map(([name, taken]) => [name, median(taken).toFixed(2), told(readers['failsoft, text'], taken), told(readers['failsoft, chunks'], taken)]),
    );
  }
}

/** A ratio with its interval. */
function told(ours, theirs) {
  const { ratio: middle, low, high } = ratio(ours, theirs);
  return ours === theirs ? '1' : `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function table(head, rows) {
  for (const row of [head, head.map((_, at) => (at === 0 ? ':--' : '--:')), ...rows]) say(`| ${row.join(' | ')} |`);
}

function say(line) {
  console.log(line);
}

function chromiumVersion() {
  return execFileSync(process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', ['--version', '--no-sandbox']).toString().trim();
}
