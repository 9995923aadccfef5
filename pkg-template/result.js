/** Settles the promise of an iterator's `next`. Rust holds its `settle` function, which takes a result, or no result and an error. */
export const giveText = (settle, value) => settle({ done: false, value });
// A copy: the bytes lie in the memory of the WebAssembly, which goes on to use the place.
export const giveBytes = (settle, bytes) => settle({ done: false, value: bytes.slice() });
export const giveEnd = (settle) => settle({ done: true, value: undefined });
export const giveError = (settle, error) => settle(undefined, error);

/** Copies the bytes of a reader's result to `room`; gives their number, or -1 if there are none or `room` is too small. */
export const copyBytes = ({ value }, room) => {
  if (!(value instanceof Uint8Array) || value.length > room.length) return -1;
  // Bytes that were transferred to another owner have no length here, and to copy them would throw.
  if (value.length > 0) room.set(value);
  return value.length;
};
