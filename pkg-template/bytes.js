import { heap } from './load.js';

const LF = 10;
const CR = 13;
const NOTHING = new Uint8Array();
/** How much of a line waits for its end, in bytes. */
const HELD = 4096;

const encoder = new TextEncoder();
export const encode = (text) => encoder.encode(text);

/**
 * Bytes up to the end of a line: what a chunk of the network brings of the next one waits here, because each visit to the
 * WebAssembly costs as much as reading a line does.
 */
export class Lines {
  #held = new Uint8Array(HELD);
  #size = 0;

  /**
   * Puts the lines that `value` completes, or whatever has become too much to hold, where `room` says; at the end,
   * undefined, what is left. Gives how many bytes that are.
   */
  take(value, room) {
    const bytes = value === undefined ? NOTHING : typeof value === 'string' ? encode(value) : ArrayBuffer.isView(value) ? value : new Uint8Array(value);
    const { length } = bytes;
    const held = this.#size;
    let end = bytes.lastIndexOf(LF) + 1;
    if (value === undefined || length - end + held > HELD || bytes.indexOf(CR, end) >= 0) end = length;
    const isWhole = end || value === undefined;
    if (isWhole) {
      const at = room(held + end);
      if (held) heap().set(this.#held.subarray(0, held), at);
      heap().set(end === length ? bytes : bytes.subarray(0, end), at + held);
      this.#size = 0;
    }
    if (end < length) {
      this.#held.set(end ? bytes.subarray(end) : bytes, this.#size);
      this.#size += length - end;
    }
    return isWhole ? held + end : 0;
  }
}

export function isAscii(bytes) {
  let all = 0;
  for (let at = 0; at < bytes.length; at++) all |= bytes[at];
  return all < 128;
}

/** A body that comes in one piece: some hosts, React Native's for one, cannot do better. */
export function onePiece(response) {
  const pieces = (async function* () {
    yield response.text();
  })();
  return { read: () => pieces.next(), cancel() {} };
}
