/** Settles the promises of an iterator's `next`. Rust holds their `resolve` functions. */
export const giveText = (resolve, value) => resolve({ done: false, value });
// A copy: the bytes lie in the memory of the WebAssembly, which goes on to use the place.
export const giveBytes = (resolve, bytes) => resolve({ done: false, value: bytes.slice() });
export const giveEnd = (resolve) => resolve({ done: true, value: undefined });
