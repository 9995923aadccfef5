// The seed of the random choices of a test.

import { LONG } from './long.mjs';
import { generator } from './random.mjs';

/**
 * The random numbers of the test `t`. The seed is FAILSOFT_SEED if it is set; otherwise it is the same in every bounded run,
 * and a new one in every long run. The report of the test names the seed.
 */
export function seededRandom(t) {
  const seed = Number(process.env.FAILSOFT_SEED ?? (LONG ? Date.now() % 1_000_000 : 1));
  t.diagnostic(`FAILSOFT_SEED=${seed}`);
  return generator(seed);
}
