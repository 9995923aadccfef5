// The CPU of the isolate, of which Cloudflare's Free plan allows 10 ms for a request. workerd does not report it, so two
// measurements enclose it. The upper bound is the CPU of workerd's main thread, which also does all network I/O. The lower
// bound is the time in which V8's profiler sees the Worker's code, its callees and the garbage collector, but not workerd's
// work between two calls. The two measurements are separate, because a profiler costs time.

import { freePort } from '../../support/edge.mjs';
import { generator, shuffled } from '../../support/random.mjs';
import { shorten } from '../short.mjs';
import { median } from '../statistics.mjs';
import { send } from './client.mjs';
import { cpuOfThread } from './cpu.mjs';
import { profiler } from './profile.mjs';
import { LANES, inLane, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const ACCOUNTING = 'failsoft, with key, hold, settle and ledger, their objects too';
const LOOP = 'JavaScript, pull loop';
const lanes = LANES.map((lane) => `failsoft, ${lane}`);

/** The calls: how many in one sample, how many at once, and on which servers. */
const CALLS = {
  'JSON of 2 KB': { call: {}, times: 100, atOnce: 1, names: [LOOP, 'Portkey', 'failsoft', ACCOUNTING] },
  'stream of 500 events, all at once': { call: { stream: true }, times: 20, atOnce: 1, names: [LOOP, 'Portkey', ...lanes] },
  'stream of 500 events, 4 ms apart': { call: { stream: true, content: '500 events, 4 ms apart' }, times: 8, atOnce: 8, names: [LOOP, 'Portkey', ...lanes] },
};
/** One round that warms up, and the rounds that count. */
const ROUNDS = shorten(3, 2);

export async function isolate() {
  const upstream = await startUpstream();
  const servers = {};
  try {
    servers[LOOP] = await startInspected((options) => startFloor(upstream.url, LOOP, options));
    servers.Portkey = await startInspected((options) => startPortkey(upstream.url, options));
    servers[ACCOUNTING] = await startInspected((options) => startFailsoft(upstream.url, { accounting: true, options }));
    servers.failsoft = await startInspected((options) => startFailsoft(upstream.url, { options }));
    for (const lane of LANES) servers[`failsoft, ${lane}`] = inLane(servers.failsoft, lane);
    const tables = [];
    for (const [what, kind] of Object.entries(CALLS)) tables.push(await measure(what, kind, servers));
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) {
      server.profiler.close();
      await server.stop();
    }
  }
}

async function startInspected(start) {
  const port = await freePort();
  const server = await start([`--inspector-addr=127.0.0.1:${port}`]);
  return { ...server, profiler: await profiler(port) };
}

async function measure(what, { call, times, atOnce, names }, servers) {
  const samples = Object.fromEntries(names.map((name) => [name, { busy: [], thread: [] }]));
  const random = generator(17);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of shuffled(names, random)) {
      const server = servers[name];
      const work = async () => {
        for (let time = 0; time < times; time += atOnce) await Promise.all(Array.from({ length: atOnce }, () => send(server, call)));
      };
      const before = await cpuOfThread(server.pid);
      await work();
      const thread = (await cpuOfThread(server.pid)) - before;
      const busy = await server.profiler.measureBusy(work);
      if (round === 0) continue;
      samples[name].thread.push(thread / times);
      samples[name].busy.push(busy / times);
    }
  }
  const rows = names.map((name) => [name, ...[samples[name].busy, samples[name].thread].map((taken) => (median(taken) / 1_000).toFixed(2))]);
  const head = ['Worker', 'its code, ms: at least', "workerd's main thread, ms: at most"];
  return { title: `CPU of the isolate for a request: ${what}`, about: 'Of 10 ms on the Free plan.', head, rows };
}
