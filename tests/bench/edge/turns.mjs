// The CPU of servers' processes for a request, kernel time included: one request after the other over one connection, with
// the servers in turn, in another order in each round.

import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../../support/random.mjs';
import { check, parse, send } from './client.mjs';
import { cpu } from './cpu.mjs';

/** The edge writes the ledger after a second, so a sample waits for longer. */
const LEDGER_DELAY = 1_500;

/** Microseconds of CPU for one `call`, by server, one number for each round. A sample repeats the call `times` times. */
export async function measureInTurns(servers, { call, times }, upstream, rounds) {
  const names = Object.keys(servers);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const expected = parse(await send(upstream, { ...call, models: ['m'] }), call.stream);
  for (const name of names) await check(name, servers[name], call, expected);
  const random = generator(11);
  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names, random)) {
      const { pid, database } = servers[name];
      const before = await cpu(pid);
      for (let time = 0; time < times; time++) await send(servers[name], call);
      if (database) await sleep(LEDGER_DELAY);
      const used = (await cpu(pid)) - before;
      if (round >= 0) samples[name].push(used / times);
    }
  }
  return samples;
}
