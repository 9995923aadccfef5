// What calls leave in workerd's process: its memory after thousands of calls of the edge, and of Workers in plain JavaScript that make
// the same calls of the platform, each time after a garbage collection. What an account still holds would be memory too, so the calls
// must be settled.

import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../support/edge.mjs';
import { collectGarbage } from '../../support/garbage.mjs';
import { shorten } from '../short.mjs';
import { send } from './client.mjs';
import { resident } from './cpu.mjs';
import { startCalls, startFailsoft, startFloor, startUpstream } from './servers.mjs';

/** V8 keeps garbage for as long as there is memory, also between two collections. */
const HEAP = ['--max-heap-size=48', '--expose-gc'];
/** The rows of a call reach the database a second after the call. */
const SETTLED = 3_000;
/** How long an account may hold what its calls can cost: calls whose cost is not known are looked up for ten minutes. */
const PATIENCE = 30_000;
const AT_ONCE = 16;
/** A short answer: the edge asks for a stream also where the client wants one piece. */
const CALL = { content: '20 events, 0 ms apart' };
const SAME = 'JavaScript, same calls';
const ACCOUNTING = 'failsoft, with key, hold, settle and ledger';

/** Memory before and after `calls` calls that follow `warm` calls, in four parts. */
export async function remains({ warm = shorten(4_000, 64), calls = shorten(16_000, 64) } = {}) {
  const upstream = await startUpstream();
  const starts = {
    [SAME]: (options) => startFloor(upstream.url, SAME, options, HEAP),
    failsoft: (options) => startFailsoft(upstream.url, { flags: HEAP, options }),
    'JavaScript, same calls of objects and database': (options) => startCalls(upstream.url, { flags: HEAP, options }),
    [ACCOUNTING]: (options) => startFailsoft(upstream.url, { accounting: true, flags: HEAP, options }),
  };
  const rows = [];
  try {
    for (const [name, start] of Object.entries(starts)) {
      const port = await freePort();
      const server = { ...(await start([`--inspector-addr=127.0.0.1:${port}`])), port, hasAccount: name === ACCOUNTING };
      rows.push([name, ...(await measure(server, warm, calls))]);
    }
  } finally {
    await upstream.stop();
  }
  const quarters = [1, 2, 3, 4].map((part) => `bytes a call, ${(part * calls) / 4 - calls / 4} to ${(part * calls) / 4}`);
  return {
    title: `What ${calls} calls leave in the process`,
    about: `After ${warm} calls that warm up, and a garbage collection. V8's heap has at most 48 MiB.`,
    head: ['server', 'MiB before', 'MiB after', ...quarters],
    rows,
  };
}

async function measure(server, warm, calls) {
  try {
    await run(server, warm);
    const sizes = [await size(server)];
    for (let part = 0; part < 4; part += 1) {
      await run(server, calls / 4);
      sizes.push(await size(server));
    }
    const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
    return [mebibytes(sizes[0]), mebibytes(sizes[4]), ...sizes.slice(1).map((bytes, at) => Math.round((bytes - sizes[at]) / (calls / 4)))];
  } finally {
    await server.stop();
  }
}

/** The memory of the process, once nothing is under way. */
async function size(server) {
  await sleep(SETTLED);
  if (server.hasAccount) await checkSettled(server);
  await collectGarbage(server.port);
  return resident(server.pid);
}

/** Throws if the account of the calls goes on holding something: a hold stays in memory until the cost of its call is known. */
async function checkSettled(server) {
  const { headers } = server.prepare(['m']);
  for (const until = Date.now() + PATIENCE; ; await sleep(200)) {
    const { usd, concurrent } = await (await fetch(`${server.origin}/v1/usage`, { headers })).json();
    if (usd.day.used > 0 && usd.day.held === 0 && concurrent.held === 0) return;
    if (Date.now() > until) throw new Error(`the account has used ${usd.day.used} USD, and holds ${usd.day.held} for ${concurrent.held} calls`);
  }
}

async function run(server, calls) {
  let left = calls;
  const work = async () => {
    while (left-- > 0) await send(server, CALL);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
