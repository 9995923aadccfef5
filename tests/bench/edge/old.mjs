// Two builds of the Worker in turns: the build of this checkout and a baseline, which is the folder `worker/build` of
// another commit. The ratio shows whether a change made the edge slower.

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { shorten } from '../short.mjs';
import { median } from '../statistics.mjs';
import { compare } from '../table.mjs';
import { inLane, startFailsoft, startUpstream } from './servers.mjs';
import { measureInTurns } from './turns.mjs';

const [NEW, OLD] = ['this build', 'the old build'];
/** More than elsewhere, because the difference to find is a few percent. */
const ROUNDS = shorten(25, 1);

const CALLS = {
  oldJson: { title: 'JSON call with key, hold and settlement', times: shorten(300, 4), call: {}, accounting: true },
  oldStream: { title: 'stream of 500 events in the lane `gate`', times: shorten(30, 2), call: { stream: true }, accounting: false },
};

/** A table for each kind of call. `baseline` is a built folder `worker/build`. */
export async function old(baseline) {
  const worker = requireBuild(baseline);
  const upstream = await startUpstream();
  try {
    const tables = [];
    for (const [name, kind] of Object.entries(CALLS)) tables.push(await compareBuilds(name, kind, worker, upstream));
    return tables;
  } finally {
    await upstream.stop();
  }
}

async function compareBuilds(name, { title, times, call, accounting }, worker, upstream) {
  const servers = {};
  try {
    for (const [build, folder] of [[NEW, undefined], [OLD, worker]]) {
      const server = await startFailsoft(upstream.url, { accounting, worker: folder });
      servers[build] = accounting ? server : inLane(server, 'gate');
    }
    const samples = await measureInTurns(servers, { call, times }, upstream, ROUNDS);
    const targets = { [name]: median(samples[NEW]) / median(samples[OLD]) };
    return { title: `CPU of workerd's process for a request: ${title}`, ...compare('build', 'µs', 0, samples, [OLD]), targets };
  } finally {
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** The folder of the Worker that `build` belongs to. Its entry.mjs and migrations belong to the same commit. */
function requireBuild(build) {
  const folder = resolve(build ?? '');
  const worker = dirname(folder);
  const isBuilt = basename(folder) === 'build' && existsSync(join(folder, 'index.js')) && existsSync(join(worker, 'entry.mjs'));
  if (!isBuilt) throw new Error(`${folder}: expected a built folder worker/build: run \`cargo xtask build worker\` in its checkout`);
  return worker;
}
