// What a request costs at the edge: CPU of workerd's process, kernel time included, beside Workers in JavaScript and
// Portkey's gateway. One run, taking turns, one request after the other over one connection.

import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../statistics.mjs';
import { compared } from '../table.mjs';
import { ask, check, said } from './ask.mjs';
import { cpu } from './cpu.mjs';
import { FLOORS, LANES, inLane, startCalls, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const BOOKS = 'failsoft, with key, hold, settle and ledger';
const CALLS = 'JavaScript, with the same calls';
const lanes = LANES.map((lane) => `failsoft, ${lane}`);
/** The ledger is written after a second. */
const BEHIND = 1_500;

/** What is asked: how often in one sample, of whom, and whom each is compared with. */
const ASKED = {
  'JSON of 2 KB': { times: 300, asks: {}, against: ['JavaScript, native pipe', 'Portkey'], also: ['failsoft'] },
  'JSON of 2 KB, with books': { times: 300, asks: {}, against: [CALLS], also: [BOOKS] },
  '429, then an answer': { times: 200, asks: { models: ['limited', 'm'] }, against: ['JavaScript, fallback loop', 'Portkey'], also: ['failsoft'] },
  'stream of 500 events': {
    times: 60,
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
      const samples = await measured(servers, asked, upstream, rounds);
      tables.push({ title: `CPU of workerd's process for a request: ${what}`, ...compared('Worker', 'µs', 0, samples, asked.against) });
    }
    for (const name of [CALLS, BOOKS]) await checkLedger(name, servers[name]);
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) await server.stop();
  }
}

async function measured(servers, { times, asks, against, also }, upstream, rounds) {
  const names = [...against, ...also];
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const expected = said(await ask(upstream, { ...asks, models: ['m'] }), asks.stream);
  for (const name of names) await check(name, servers[name], asks, expected);
  const random = generator(11);
  // The first round warms up, and is thrown away.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names, random)) {
      const server = servers[name];
      const before = await cpu(server.pid);
      for (let time = 0; time < times; time++) await ask(server, asks);
      if (server.database) await sleep(BEHIND);
      server.requests = (server.requests ?? 1) + times;
      const taken = (await cpu(server.pid)) - before;
      if (round >= 0) samples[name].push(taken / times);
    }
  }
  return samples;
}

/** Whose ledger does not have every request, at its cost, has done less. */
async function checkLedger(name, { database, requests }) {
  const [{ rows, cost }] = await database.all('SELECT count(*) AS rows, min(cost) AS cost FROM attempts');
  if (rows !== requests || cost !== 5_020_000_000) throw new Error(`${name}: ${rows} rows for ${requests} requests, the cheapest ${cost}`);
}
