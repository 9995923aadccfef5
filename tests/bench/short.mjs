// The short form of `cargo xtask bench`, for a test: every part with a few calls and events. Its figures mean nothing, but each row has one.

const SHORT = process.argv.includes('--short');

/** `count`, or `few` in the short form. */
export const shorten = (count, few) => (SHORT ? few : count);
