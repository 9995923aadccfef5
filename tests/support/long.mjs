// The long mode of the tests: `cargo xtask test --long` sets FAILSOFT_LONG=1.

/** Run everything: full matrices and large data. */
export const LONG = process.env.FAILSOFT_LONG === '1';

/**
 * The items to test: all of them in a long run, every `stride`-th of them otherwise. The choice is the same in every run,
 * so a failure can be repeated.
 */
export function thin(items, stride) {
  return LONG ? items : items.filter((_, at) => at % stride === 0);
}
