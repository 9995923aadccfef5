// What a request costs at the edge: CPU of workerd's process, beside Workers in JavaScript and Portkey's gateway, which
// sleeps for 25 ms before the first chunk of a stream; that costs no CPU.

import { compared } from '../table.mjs';
import { FLOORS, LANES, inLane, startCalls, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';
import { inTurns } from './turns.mjs';

const BOOKS = 'failsoft, with key, hold, settle and ledger';
const CALLS = 'JavaScript, with the same calls';
/** What the upstream says that an answer costs, in the ledger's unit. */
const COST = 5_020_000_000;
const lanes = LANES.map((lane) => `failsoft, ${lane}`);

/** What is asked: how often in one sample, of whom, and whom each is compared with. */
const ASKED = {
  'JSON of 2 KB': { times: 300, asks: {}, against: ['JavaScript, native pipe', 'JavaScript, same calls', 'Portkey'], also: ['failsoft'] },
  'JSON of 2 KB, with books': { times: 300, asks: {}, against: [CALLS], also: [BOOKS] },
  '429, then an answer': { times: 200, asks: { models: ['limited', 'm'] }, against: ['JavaScript, fallback loop', 'Portkey'], also: ['failsoft'] },
  'stream of 500 events, all at once': {
    times: 30,
    asks: { stream: true },
    against: ['JavaScript, native pipe', 'JavaScript, tee', 'JavaScript, pull loop', 'Portkey'],
    also: lanes,
  },
};

/** A table for each thing that is asked. */
export async function requests({ rounds }) {
  const upstream = await startUpstream();
  const servers = {};
  try {
    for (const name of Object.keys(FLOORS)) servers[name] = await startFloor(upstream.url, name);
    servers.Portkey = await startPortkey(upstream.url);
    servers[CALLS] = await startCalls(upstream.url);
    servers[BOOKS] = await startFailsoft(upstream.url, { books: true });
    servers.failsoft = await startFailsoft(upstream.url);
    for (const lane of LANES) servers[`failsoft, ${lane}`] = inLane(servers.failsoft, lane);
    const tables = [];
    for (const [what, asked] of Object.entries(ASKED)) {
      const those = Object.fromEntries([...asked.against, ...asked.also].map((name) => [name, servers[name]]));
      const samples = await inTurns(those, asked, upstream, rounds);
      tables.push({ title: `CPU of workerd's process for a request: ${what}`, ...compared('Worker', 'µs', 0, samples, asked.against) });
    }
    // What is asked once to be checked, in all rounds, and in the one that warms up.
    const asked = 1 + (rounds + 1) * ASKED['JSON of 2 KB, with books'].times;
    for (const name of [CALLS, BOOKS]) await checkLedger(name, servers[name].database, asked);
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** Whose ledger does not have every request, at its cost, has done less. */
async function checkLedger(name, database, asked) {
  const [{ rows, cost }] = await database.all('SELECT count(*) AS rows, min(cost) AS cost FROM attempts');
  if (rows !== asked || cost !== COST) throw new Error(`${name}: ${rows} rows for ${asked} requests, the cheapest ${cost}`);
}
