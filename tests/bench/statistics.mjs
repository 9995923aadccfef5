// Medians, ratios of medians, and their confidence.

/** The median of `numbers`. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The ratio of the medians of `ours` and `theirs`, which were measured in the same rounds, with its 95 % interval. The rounds
 * are resampled 2,000 times (a paired bootstrap) with a fixed seed, so that the same samples give the same interval.
 */
export function ratio(ours, theirs) {
  const random = generator(1);
  const ratios = [];
  for (let draw = 0; draw < 2_000; draw++) {
    const rounds = ours.map(() => Math.floor(random() * ours.length));
    ratios.push(median(rounds.map((round) => ours[round])) / median(rounds.map((round) => theirs[round])));
  }
  ratios.sort((a, b) => a - b);
  return { ratio: median(ours) / median(theirs), low: ratios[49], high: ratios[1_949] };
}

/** Pseudo-random numbers from 0 to 1, the same for the same seed (mulberry32). */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The items in another order. */
export function shuffled(items, random) {
  const left = [...items];
  const order = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(random() * left.length), 1));
  return order;
}
