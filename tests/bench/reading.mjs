// Reading a stream: everyone, each cut, interleaved, in the host that imports this.

import { SLOW, readers } from './readers.mjs';
import { generator, shuffled } from './statistics.mjs';
import { CUTS, body, pieces } from './streams.mjs';

/** Microseconds for an event, by cut and reader, a number for each round; readers take turns in another order each round. */
export async function reading(failsoft, { events, rounds, cuts = Object.keys(CUTS), only }) {
  const all = await readers(failsoft);
  const random = generator(3);
  const samples = {};
  for (const cut of cuts) {
    const sizes = { whole: events, tenth: Math.ceil(events / 10) };
    const bodies = Object.fromEntries(Object.entries(sizes).map(([name, count]) => [name, prepared(count, cut)]));
    samples[cut] = {};
    const names = Object.keys(all).filter((name) => !only || only.includes(name));
    // The first round warms up, and is thrown away.
    for (let round = -1; round < rounds; round++) {
      for (const name of shuffled(names, random)) {
        const given = bodies[SLOW.includes(name) ? 'tenth' : 'whole'];
        const began = performance.now();
        const read = await all[name](given.pieces);
        const took = performance.now() - began;
        check(name, cut, read, given);
        if (round >= 0) (samples[cut][name] ??= []).push((took * 1_000) / given.events);
      }
    }
  }
  return samples;
}

function prepared(events, cut) {
  const whole = body(events);
  const bytes = new TextEncoder().encode(whole.lines.join('')).length;
  return { events, bytes, characters: whole.lines.join('').length, text: whole.text.length, pieces: pieces(whole, CUTS[cut]) };
}

/** Who has not read everything has not been measured. */
function check(name, cut, read, given) {
  for (const [what, length] of Object.entries(read)) {
    if (length !== given[what]) throw new Error(`${name}, ${cut}: read ${length} ${what} of ${given[what]}`);
  }
}
