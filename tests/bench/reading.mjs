// Measures all readers with each cut of the stream, interleaved, in the host that imports this file.

import { SLOW, readers } from './readers.mjs';
import { generator, shuffled } from '../support/random.mjs';
import { CUTS, body, pieces } from './streams.mjs';

/** Microseconds for an event, by cut and reader, one number for each round. The order of the readers changes in each round. */
export async function reading(failsoft, { events, rounds, cuts = Object.keys(CUTS), only }) {
  const all = await readers(failsoft);
  const random = generator(3);
  const samples = {};
  for (const cut of cuts) {
    const sizes = { whole: events, tenth: Math.ceil(events / 10) };
    const bodies = Object.fromEntries(Object.entries(sizes).map(([name, count]) => [name, prepare(count, cut)]));
    samples[cut] = {};
    const names = Object.keys(all).filter((name) => !only || only.includes(name));
    // The first round warms up and does not count.
    for (let round = -1; round < rounds; round++) {
      for (const name of shuffled(names, random)) {
        const input = bodies[SLOW.includes(name) ? 'tenth' : 'whole'];
        const start = performance.now();
        const read = await all[name](input.pieces);
        const time = performance.now() - start;
        check(name, cut, read, input);
        if (round >= 0) (samples[cut][name] ??= []).push((time * 1_000) / input.events);
      }
    }
  }
  return samples;
}

function prepare(events, cut) {
  const whole = body(events);
  const bytes = new TextEncoder().encode(whole.lines.join('')).length;
  return { events, bytes, characters: whole.lines.join('').length, text: whole.text.length, pieces: pieces(whole, CUTS[cut]) };
}

/** Throws if a reader has lost a part, because its time would mean nothing. */
function check(name, cut, read, input) {
  for (const [what, length] of Object.entries(read)) {
    if (length !== input[what]) throw new Error(`${name}, ${cut}: read ${length} ${what} of ${input[what]}`);
  }
}
