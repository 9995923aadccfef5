// The CPU of the isolate, of which Cloudflare's Free plan gives a request 10 ms. workerd does not tell it, so it is taken from
// both sides. From above: the CPU of workerd's main thread, which has the isolate, but does all network I/O too. From below:
// the time in which V8's profiler sees a Worker's code, with what that calls and the garbage collector, but without what
// workerd does for it between two calls. The truth is between them. They are not taken at once: a profiler has a price.

import { freePort } from '../../support/edge.mjs';
import { generator, median, shuffled } from '../statistics.mjs';
import { ask } from './ask.mjs';
import { cpuOfThread } from './cpu.mjs';
import { profiler } from './profile.mjs';
import { LANES, inLane, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const BOOKS = 'failsoft, with key, hold, settle and ledger, their objects too';
const LOOP = 'JavaScript, pull loop';
const lanes = LANES.map((lane) => `failsoft, ${lane}`);

/** What is asked, how often in one sample, how many at once, and of whom. */
const ASKED = {
  'JSON of 2 KB': { asks: {}, times: 100, atOnce: 1, names: [LOOP, 'Portkey', 'failsoft', BOOKS] },
  'stream of 500 events, all at once': { asks: { stream: true }, times: 20, atOnce: 1, names: [LOOP, 'Portkey', ...lanes] },
  'stream of 500 events, 4 ms apart': { asks: { stream: true, content: '500 events, 4 ms apart' }, times: 8, atOnce: 8, names: [LOOP, 'Portkey', ...lanes] },
};
/** One that warms up, and those that count. */
const ROUNDS = 3;

export async function isolate() {
  const upstream = await startUpstream();
  const servers = {};
  try {
    servers[LOOP] = await inspected((options) => startFloor(upstream.url, LOOP, options));
    servers.Portkey = await inspected((options) => startPortkey(upstream.url, options));
    servers[BOOKS] = await inspected((options) => startFailsoft(upstream.url, { books: true, options }));
    servers.failsoft = await inspected((options) => startFailsoft(upstream.url, { options }));
    for (const lane of LANES) servers[`failsoft, ${lane}`] = inLane(servers.failsoft, lane);
    const tables = [];
    for (const [what, asked] of Object.entries(ASKED)) tables.push(await measured(what, asked, servers));
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) {
      server.profiler.close();
      await server.stop();
    }
  }
}

async function inspected(start) {
  const port = await freePort();
  const server = await start([`--inspector-addr=127.0.0.1:${port}`]);
  return { ...server, profiler: await profiler(port) };
}

async function measured(what, { asks, times, atOnce, names }, servers) {
  const samples = Object.fromEntries(names.map((name) => [name, { busy: [], thread: [] }]));
  const random = generator(17);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of shuffled(names, random)) {
      const server = servers[name];
      const work = async () => {
        for (let time = 0; time < times; time += atOnce) await Promise.all(Array.from({ length: atOnce }, () => ask(server, asks)));
      };
      const before = await cpuOfThread(server.pid);
      await work();
      const thread = (await cpuOfThread(server.pid)) - before;
      const busy = await server.profiler.busy(work);
      if (round === 0) continue;
      samples[name].thread.push(thread / times);
      samples[name].busy.push(busy / times);
    }
  }
  const rows = names.map((name) => [name, ...[samples[name].busy, samples[name].thread].map((taken) => (median(taken) / 1_000).toFixed(2))]);
  const head = ['Worker', 'its code, ms: no less', "workerd's main thread, ms: no more"];
  return { title: `CPU of the isolate for a request: ${what}`, about: 'Of 10 ms on the Free plan.', head, rows };
}
