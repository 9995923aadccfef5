// The table of runtimes: what the package does in each.

import assert from 'node:assert/strict';

import { BROWSERS } from '../../support/browsers.mjs';
import { Grid } from '../grid.mjs';

export const HEADS = ['runtime', 'answer', 'stream', 'cut', 'abort', 'createFetch', 'slim', 'element'];
// A program reads the file of `failsoft/slim`, and does not compile it while it comes.
const PROGRAM = { slim: 'answer' };
// An app for phones has no files beside its script.
const PHONE = { stream: 'streamOfWhole', abort: 'abortOfWhole', slim: null };
const NONE = Object.fromEntries(['answer', 'stream', 'cut', 'abort'].map((column) => [column, 'lacking']));

/** The rows: their names, the name in `startRuntimes`, and the checks that differ from their columns; null for no such thing. */
const ROWS = [
  ...Object.entries(BROWSERS).map(([name, { title }]) => [title, name, {}]),
  ['Node', 'node', PROGRAM],
  ['Bun', 'bun', PROGRAM],
  ['Deno', 'deno', PROGRAM],
  ['Cloudflare Workers (workerd)', 'worker', { slim: null }],
  ["React Native's `fetch`", 'reactNative', PHONE],
  ["React Native's `fetch`, without WebAssembly, as in Hermes", 'hermes', { ...NONE, createFetch: 'passThrough', slim: null }],
];

/** The runs of all cells; `runtimes` are those of `startRuntimes` when they run. */
export function runtimesGrid(emulator, runtimes) {
  const grid = new Grid(HEADS, 1);
  for (const [title, name, checks] of ROWS) {
    const add = grid.addRow(title);
    const skip = BROWSERS[name]?.skip;
    for (const column of ['answer', 'stream', 'cut', 'abort', 'createFetch', 'slim']) {
      if (checks[column] === null) continue;
      const check = checks[column] ?? column;
      const entry = column === 'slim' ? 'failsoft/slim' : 'failsoft';
      add(column, `${title}: ${column}`, async () => {
        const cell = await runtimes[name](entry, check, emulator.baseURL, check === 'abortOfWhole' ? abortWhenAsked(emulator) : undefined);
        // The upstream sees that the client has left. An edge of another table may still ask for the cost of a call.
        if (check.startsWith('abort')) assert.equal((await emulator.log('clientGone')).findLast(({ method }) => method === 'POST').outcome, 'clientGone');
        return cell;
      }, skip);
    }
    if (name in BROWSERS) {
      add('element', `${title}: element`, async () => {
        assert.equal(await runtimes.element(name, emulator.baseURL), 'openai/gpt-4o says: Hello!');
        return 'yes';
      }, skip);
    }
  }
  return grid;
}

/** Aborts the call of a page when the upstream has its request. */
const abortWhenAsked = (emulator) => async (page) => {
  while (!(await emulator.log()).some(({ method }) => method === 'POST')) await new Promise((resolve) => setTimeout(resolve, 20));
  await page.evaluate(() => globalThis.abort());
};
