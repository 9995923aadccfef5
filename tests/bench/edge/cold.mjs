// The time from the start of workerd's process to the first answer of the upstream: the cost of a new isolate, and of
// starting workerd itself. All files are in the file system's cache.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../../support/random.mjs';
import { compare } from '../table.mjs';
import { send } from './client.mjs';
import { startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const FLOOR = 'JavaScript, native pipe';
/** A killed process may need a moment to free its port. In milliseconds. */
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
        const time = await measureStart(servers[name]);
        if (round >= 0) samples[name].push(time);
      }
    }
  } finally {
    await upstream.stop();
    for (const { folder } of Object.values(servers)) await rm(folder, { recursive: true, force: true });
  }
  return [{ title: 'From the start of workerd to the first answer', ...compare('Worker', 'ms', 1, samples, [FLOOR, 'Portkey']) }];
}

/** Milliseconds. */
async function measureStart(server) {
  const { command, args, options } = server.program;
  const start = performance.now();
  const child = spawn(command, args, { ...options, stdio: 'ignore' });
  const exited = once(child, 'exit');
  try {
    for (;;) {
      const answer = await send(server, {}).catch((error) => error);
      const took = performance.now() - start;
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
