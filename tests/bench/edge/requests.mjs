// The cost of a request at the edge: CPU of workerd's process, beside Workers in JavaScript and beside Portkey's gateway,
// which sleeps for 25 ms before the first chunk of a stream; the sleep costs no CPU.

import { shorten } from '../short.mjs';
import { compare } from '../table.mjs';
import { FLOORS, LANES, inLane, startCalls, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';
import { measureInTurns } from './turns.mjs';

const ACCOUNTING = 'failsoft, with key, hold, settle and ledger';
const SAME_CALLS = 'JavaScript, with the same calls';
/** The cost of an answer according to the upstream, in the ledger's unit. */
const COST = 5_020_000_000;
const lanes = LANES.map((lane) => `failsoft, ${lane}`);

/** The calls: how many in one sample, and the peers to compare with. */
const CALLS = {
  'JSON of 2 KB': { times: shorten(300, 4), call: {}, against: ['JavaScript, native pipe', 'JavaScript, same calls', 'Portkey'], also: ['failsoft'] },
  'JSON of 2 KB, with accounting': { times: shorten(300, 4), call: {}, against: [SAME_CALLS], also: [ACCOUNTING] },
  '429, then an answer': { times: shorten(200, 4), call: { models: ['limited', 'm'] }, against: ['JavaScript, fallback loop', 'Portkey'], also: ['failsoft'] },
  'stream of 500 events, all at once': {
    times: shorten(30, 2),
    call: { stream: true },
    against: ['JavaScript, native pipe', 'JavaScript, tee', 'JavaScript, pull loop', 'Portkey'],
    also: lanes,
  },
};

/** A table for each kind of call. */
export async function requests({ rounds }) {
  const upstream = await startUpstream();
  const servers = {};
  try {
    for (const name of Object.keys(FLOORS)) servers[name] = await startFloor(upstream.url, name);
    servers.Portkey = await startPortkey(upstream.url);
    servers[SAME_CALLS] = await startCalls(upstream.url);
    servers[ACCOUNTING] = await startFailsoft(upstream.url, { accounting: true });
    servers.failsoft = await startFailsoft(upstream.url);
    for (const lane of LANES) servers[`failsoft, ${lane}`] = inLane(servers.failsoft, lane);
    const tables = [];
    for (const [what, kind] of Object.entries(CALLS)) {
      const those = Object.fromEntries([...kind.against, ...kind.also].map((name) => [name, servers[name]]));
      const samples = await measureInTurns(those, kind, upstream, rounds);
      tables.push({ title: `CPU of workerd's process for a request: ${what}`, ...compare('Worker', 'µs', 0, samples, kind.against) });
    }
    // The call that checks the server, and the calls of all rounds, including the round that warms up.
    const calls = 1 + (rounds + 1) * CALLS['JSON of 2 KB, with accounting'].times;
    for (const name of [SAME_CALLS, ACCOUNTING]) await checkLedger(name, servers[name].database, calls);
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** Throws if a ledger lacks a request or a cost, because its server has done less work. */
async function checkLedger(name, database, calls) {
  const [{ rows, cost }] = await database.all('SELECT count(*) AS rows, min(cost) AS cost FROM attempts');
  if (rows !== calls || cost !== COST) throw new Error(`${name}: ${rows} rows for ${calls} requests, the cheapest ${cost}`);
}
