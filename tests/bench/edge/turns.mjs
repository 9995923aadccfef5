// The CPU of servers' processes for a request, kernel time included: one request after the other over one connection, and
// the servers in turn, in another order each round.

import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../statistics.mjs';
import { ask, check, said } from './ask.mjs';
import { cpu } from './cpu.mjs';

/** A ledger is written after a second. */
const BEHIND = 1_500;

/** Microseconds for a request that `asks` for something, by server, a number for each round. A sample is so many `times`. */
export async function inTurns(servers, { asks, times }, upstream, rounds) {
  const names = Object.keys(servers);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const expected = said(await ask(upstream, { ...asks, models: ['m'] }), asks.stream);
  for (const name of names) await check(name, servers[name], asks, expected);
  const random = generator(11);
  // The first round warms up, and is thrown away.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names, random)) {
      const { pid, database } = servers[name];
      const before = await cpu(pid);
      for (let time = 0; time < times; time++) await ask(servers[name], asks);
      if (database) await sleep(BEHIND);
      const taken = (await cpu(pid)) - before;
      if (round >= 0) samples[name].push(taken / times);
    }
  }
  return samples;
}
