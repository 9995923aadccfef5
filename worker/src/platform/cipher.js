// Encryption of stored texts: AES-256-GCM with a key that HKDF-SHA-256 derives from a secret, for one use.

const toBytes = (text) => new TextEncoder().encode(text);
const algorithm = (iv, about) => ({ name: 'AES-GCM', iv, additionalData: toBytes(about) });

async function deriveKey(secret, use) {
  const material = await crypto.subtle.importKey('raw', toBytes(secret), 'HKDF', false, ['deriveKey']);
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: toBytes(use) };
  return crypto.subtle.deriveKey(derivation, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/** Encrypts `text`. Only a call of `open` with the same `about` can read the result: 12 random bytes and the cipher, in base64. */
export async function seal(secret, use, about, text) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const cipher = new Uint8Array(await crypto.subtle.encrypt(algorithm(iv, about), await deriveKey(secret, use), toBytes(text)));
  const sealed = new Uint8Array(12 + cipher.length);
  sealed.set(iv);
  sealed.set(cipher, 12);
  return sealed.toBase64();
}

/** The text that `seal` encrypted. Throws if the secret, the use or `about` differs, or if a bit has changed. */
export async function open(secret, use, about, sealed) {
  const bytes = Uint8Array.fromBase64(sealed);
  const key = await deriveKey(secret, use);
  return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm(bytes.subarray(0, 12), about), key, bytes.subarray(12)));
}
