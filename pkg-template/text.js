/** What some hosts lack, jsdom under Jest for one. The build puts these names in the place of the global ones. */
const { TextDecoder: Decoder, TextEncoder: Encoder } = globalThis;

export const TextDecoder = Decoder ?? class {
  decode = (bytes = []) => decodeURIComponent(escape(bytes.reduce((text, byte) => text + String.fromCharCode(byte), '')));
};

export const TextEncoder = Encoder ?? class {
  encode = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (byte) => byte.charCodeAt(0));
  encodeInto(text, view) {
    const bytes = this.encode(text);
    view.set(bytes);
    return { read: text.length, written: bytes.length };
  }
};
