// From the start of workerd's process to its first answer, which the upstream gave: what a new isolate costs, and what starts
// workerd itself. Everything is in the file system's cache.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../statistics.mjs';
import { compared } from '../table.mjs';
import { ask } from './ask.mjs';
import { startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const FLOOR = 'JavaScript, native pipe';
/** A process that is killed and its port may need a moment. */
const PATIENCE = 10_000;

export async function cold({ rounds }) {
  const upstream = await startUpstream();
  const servers = { [FLOOR]: await startFloor(upstream.url, FLOOR), Portkey: await startPortkey(upstream.url), failsoft: await startFailsoft(upstream.url) };
  const samples = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  const random = generator(23);
  try {
    for (const server of Object.values(servers)) await server.kill();
    for (let round = -2; round < 3 * rounds; round++) {
      for (const name of shuffled(Object.keys(servers), random)) {
        const taken = await start(servers[name]);
        if (round >= 0) samples[name].push(taken);
      }
    }
  } finally {
    await upstream.stop();
    for (const { folder } of Object.values(servers)) await rm(folder, { recursive: true, force: true });
  }
  return [{ title: 'From the start of workerd to the first answer', ...compared('Worker', 'ms', 1, samples, [FLOOR, 'Portkey']) }];
}

/** Milliseconds. */
async function start(server) {
  const { command, args, options } = server.program;
  const began = performance.now();
  const child = spawn(command, args, { ...options, stdio: 'ignore' });
  const exited = once(child, 'exit');
  try {
    for (;;) {
      const answer = await ask(server, {}).catch((error) => error);
      const took = performance.now() - began;
      if (answer.pieces) return took;
      if (answer.code !== 'ECONNREFUSED' && answer.code !== 'ECONNRESET') throw answer;
      if (took > PATIENCE) throw new Error(`no answer: ${answer}`);
      await sleep(1);
    }
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}
