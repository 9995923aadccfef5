// Medians, ratios of medians, and their confidence.

import { generator } from '../support/random.mjs';

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
