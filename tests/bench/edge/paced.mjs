// Streams at the speed of a model: an event every 4 ms, 16 streams that overlap. Each event contains the time at which the
// upstream sent it, and the client compares the same clock on arrival: the lag. A Worker adds its lag minus the lag of a
// client that is connected to the upstream directly, in the same round.

import { setTimeout as sleep } from 'node:timers/promises';

import { generator, shuffled } from '../../support/random.mjs';
import { median } from '../statistics.mjs';
import { formatRatio } from '../table.mjs';
import { parse, send } from './client.mjs';
import { cpu } from './cpu.mjs';
import { LANES, inLane, startFailsoft, startFloor, startPortkey, startUpstream } from './servers.mjs';

const [DIRECT, PIPE, LOOP, TEE] = ['directly', 'JavaScript, native pipe', 'JavaScript, pull loop', 'JavaScript, tee'];
const EVENTS = 250;
const AT_ONCE = 16;
/** Milliseconds between the starts of two streams, so that the streams do not wait for each other's start. */
const APART = 10;
/** Streams before the measurement, so that the code is compiled as in a server that has run for a while. */
const WARM = 50;
const CALL = { stream: true, content: `${EVENTS} events, 4 ms apart` };

export async function paced({ rounds }) {
  const upstream = await startUpstream();
  const servers = { [DIRECT]: upstream };
  try {
    for (const name of [PIPE, LOOP, TEE]) servers[name] = await startFloor(upstream.url, name);
    servers.Portkey = await startPortkey(upstream.url);
    const failsoft = await startFailsoft(upstream.url);
    for (const lane of LANES) servers[`failsoft, ${lane}`] = inLane(failsoft, lane);
    return [tabulate(await measure(servers, rounds))];
  } finally {
    for (const server of Object.values(servers)) await server.stop();
  }
}

async function measure(servers, rounds) {
  const names = Object.keys(servers);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const random = generator(19);
  for (const name of names) for (let time = 0; time < WARM; time++) await send(servers[name], { stream: true });
  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names, random)) {
      const taken = await sample(servers[name]);
      if (round >= 0) samples[name].push(taken);
    }
  }
  return samples;
}

/** One sample, all values in microseconds. */
async function sample(server) {
  const before = server.pid && (await cpu(server.pid));
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => sleep(at * APART).then(() => send(server, CALL))));
  const used = server.pid && (await cpu(server.pid)) - before;
  const lags = [];
  const firsts = [];
  for (const answer of answers) {
    if (parse(answer, true).chunks !== EVENTS) throw new Error('events were lost');
    const arrived = arrivals(answer);
    lags.push(...arrived.map(({ sent, at }) => Number(at - sent) / 1_000));
    firsts.push(Number(arrived[0].at - answer.start) / 1_000);
  }
  lags.sort((a, b) => a - b);
  return { p50: lags[lags.length >> 1], p99: lags[Math.floor(lags.length * 0.99)], first: median(firsts), used: used && used / AT_ONCE };
}

/** When each event was sent, and when it had arrived completely. */
function arrivals({ pieces }) {
  const arrived = [];
  let rest = '';
  for (const { bytes, at } of pieces) {
    const events = (rest + bytes).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const [, sent] = /"at (\d+) "/.exec(event) ?? [];
      if (sent) arrived.push({ sent: BigInt(sent), at });
    }
  }
  return arrived;
}

function tabulate(samples) {
  const column = (name, measure) => samples[name].map((taken) => taken[measure]);
  const added = (name, measure) => column(name, measure).map((lag, round) => lag - samples[DIRECT][round][measure]);
  const rows = Object.keys(samples).map((name) => {
    const middle = (taken) => median(taken).toFixed(0);
    if (name === DIRECT) return [name, middle(column(name, 'p50')), middle(column(name, 'p99')), '–', middle(column(name, 'first')), '–', '–'];
    return [
      name,
      middle(added(name, 'p50')),
      middle(added(name, 'p99')),
      name === LOOP ? '1' : formatRatio(added(name, 'p50'), added(LOOP, 'p50')),
      middle(column(name, 'first')),
      name === PIPE ? '1' : formatRatio(column(name, 'first'), column(PIPE, 'first')),
      (median(column(name, 'used')) / 1_000).toFixed(1),
    ];
  });
  return {
    title: `Streams of ${EVENTS} events, 4 ms apart, ${AT_ONCE} at once`,
    about: 'Lag of an event: what is added to that of the first row, which is whole. First content byte: since the request.',
    head: ['Worker', 'lag, p50, µs', 'p99, µs', 'p50 / pull loop', 'first content byte, µs', 'this / native pipe', 'CPU of a stream, ms'],
    rows,
  };
}
