// The CPU and the memory of a process, as the operating system counts them (Linux only).

import { readFile, readdir } from 'node:fs/promises';

/** The CPU that all threads of a process have used, with kernel time, in microseconds. */
export async function cpu(pid) {
  const threads = await readdir(`/proc/${pid}/task`);
  const used = await Promise.all(threads.map((thread) => cpuOfThread(pid, thread)));
  return used.reduce((sum, part) => sum + part, 0);
}

/** The CPU of one thread. The id of the main thread is the id of the process. */
export async function cpuOfThread(pid, thread = pid) {
  // Nanoseconds. The hundredths of a second in /proc/PID/stat are too coarse for one request.
  const [used] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')).split(' ');
  return Number(used) / 1_000;
}

/** The resident memory of a process, in bytes. */
export async function resident(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return Number(kilobytes) * 1_024;
}
