// What calls leave in workerd's process: its memory after thousands of calls of the edge, and of Workers in plain JavaScript that make
// the same calls of the platform. V8 gets a small heap, because it keeps garbage for as long as there is memory.

import { send } from './client.mjs';
import { resident } from './cpu.mjs';
import { startCalls, startFailsoft, startFloor, startUpstream } from './servers.mjs';

const HEAP = ['--max-heap-size=48'];
const AT_ONCE = 16;
/** A short answer: the edge asks for a stream also where the client wants one piece. */
const CALL = { content: '20 events, 0 ms apart' };
const SAME = 'JavaScript, same calls';

/** Memory before and after `calls` calls that follow `warm` calls, in four parts. */
export async function remains({ warm = 4_000, calls = 16_000 } = {}) {
  const upstream = await startUpstream();
  const starts = {
    [SAME]: () => startFloor(upstream.url, SAME, [], HEAP),
    failsoft: () => startFailsoft(upstream.url, { flags: HEAP }),
    'JavaScript, same calls of objects and database': () => startCalls(upstream.url, { flags: HEAP }),
    'failsoft, with key, hold, settle and ledger': () => startFailsoft(upstream.url, { accounting: true, flags: HEAP }),
  };
  const rows = [];
  try {
    for (const [name, start] of Object.entries(starts)) rows.push([name, ...(await measure(await start(), warm, calls))]);
  } finally {
    await upstream.stop();
  }
  const quarters = [1, 2, 3, 4].map((part) => `bytes a call, ${(part * calls) / 4 - calls / 4} to ${(part * calls) / 4}`);
  return {
    title: `What ${calls} calls leave in the process`,
    about: `After ${warm} calls that warm up. V8's heap has at most 48 MiB.`,
    head: ['server', 'MiB before', 'MiB after', ...quarters],
    rows,
  };
}

async function measure(server, warm, calls) {
  try {
    await run(server, warm);
    const sizes = [await resident(server.pid)];
    for (let part = 0; part < 4; part += 1) {
      await run(server, calls / 4);
      sizes.push(await resident(server.pid));
    }
    const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
    return [mebibytes(sizes[0]), mebibytes(sizes[4]), ...sizes.slice(1).map((size, at) => Math.round((size - sizes[at]) / (calls / 4)))];
  } finally {
    await server.stop();
  }
}

async function run(server, calls) {
  let left = calls;
  const work = async () => {
    while (left-- > 0) await send(server, CALL);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
