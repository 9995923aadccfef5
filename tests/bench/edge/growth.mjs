// The cost of a stream among many: CPU and memory of workerd with 1 to 500 concurrent streams, and what calls leave behind. Each lane
// runs in a process of its own, so that no lane inherits memory of another.

import { setTimeout as sleep } from 'node:timers/promises';

import { shorten } from '../short.mjs';
import { median } from '../statistics.mjs';
import { parse, send } from './client.mjs';
import { cpu, resident } from './cpu.mjs';
import { remains } from './remains.mjs';
import { LANES, inLane, startFailsoft, startFloor, startUpstream } from './servers.mjs';

const LOOP = 'JavaScript, pull loop';
const EVENTS = 10;
/** Milliseconds between two events. The streams start within one such gap. */
const GAP = 100;
const CALL = { stream: true, content: `${EVENTS} events, ${GAP} ms apart` };
const AT_ONCE = shorten([1, 10, 100, 500], [1, 10]);
const ROUNDS = shorten(3, 1);
/** Small counts repeat until a sample has this many streams. */
const ENOUGH = 6;
const WARM = 20;

export async function growth() {
  const upstream = await startUpstream();
  const starts = { [LOOP]: () => startFloor(upstream.url, LOOP) };
  for (const lane of LANES) starts[`failsoft, ${lane}`] = async () => inLane(await startFailsoft(upstream.url), lane);
  const columns = {};
  try {
    for (const [name, start] of Object.entries(starts)) columns[name] = await measureGrowth(await start());
  } finally {
    await upstream.stop();
  }
  const names = Object.keys(columns);
  const cell = ({ used, memory }) => `${(used / 1_000).toFixed(2)} ms, ${(memory / 2 ** 20).toFixed(0)} MiB`;
  return [
    {
      title: `Streams of ${EVENTS} events, ${GAP} ms apart, many at once`,
      about: "CPU for each stream, and what is resident of workerd's process while they run.",
      head: ['streams at once', ...names],
      rows: AT_ONCE.map((atOnce, at) => [atOnce, ...names.map((name) => cell(columns[name][at]))]),
    },
    await remains(),
  ];
}

/** For each count: the CPU of a stream in microseconds, and the memory in bytes. */
async function measureGrowth(server) {
  try {
    for (let time = 0; time < WARM; time++) await send(server, { stream: true });
    const counts = [];
    for (const atOnce of AT_ONCE) {
      const samples = [];
      for (let round = 0; round < ROUNDS; round++) samples.push(await sample(server, atOnce));
      counts.push({ used: median(samples.map(({ used }) => used)), memory: median(samples.map(({ memory }) => memory)) });
    }
    return counts;
  } finally {
    await server.stop();
  }
}

async function sample(server, atOnce) {
  const times = Math.max(1, Math.ceil(ENOUGH / atOnce / ROUNDS));
  const before = await cpu(server.pid);
  let memory;
  for (let time = 0; time < times; time++) {
    const streams = Array.from({ length: atOnce }, (_, at) => sleep((at * GAP) / atOnce).then(() => send(server, CALL)));
    await sleep((EVENTS * GAP) / 2);
    memory = await resident(server.pid);
    for (const answer of await Promise.all(streams)) if (parse(answer, true).chunks !== EVENTS) throw new Error('events were lost');
  }
  return { used: ((await cpu(server.pid)) - before) / times / atOnce, memory };
}
