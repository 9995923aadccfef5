// A device with App Attest, and the authority behind it, in place of Apple's: chains, attestations and assertions as Apple makes them,
// or with one thing wrong. The root key is the test's own, so only a Worker in which the bytes of Apple's root key are replaced
// accepts any of this; `copyWorker` makes one. No option of the real Worker leads there.

import assert from 'node:assert/strict';
import { X509Certificate, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WORKER } from '../support/edge.mjs';

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Apple's root, as the Worker has it. */
export const appleRoot = () => readFile(join(WORKER, 'src/access/visitors/app_attest/apple_root.der'));

export const newKey = (namedCurve) => generateKeyPairSync('ec', { namedCurve });
const pointOf = (key) => key.export({ type: 'spki', format: 'der' }).subarray(key.asymmetricKeyDetails.namedCurve === 'secp384r1' ? -97 : -65);

// DER.

const der = (tag, ...parts) => {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const hex = (text) => Buffer.from(text, 'hex');
const sequence = (...parts) => der(0x30, ...parts);
const octets = (bytes) => der(0x04, bytes);
const bits = (bytes, unused = 0) => der(0x03, Buffer.from([unused]), bytes);
const TRUE = hex('0101ff');
const OID = {
  sha256: hex('06082a8648ce3d040302'), sha384: hex('06082a8648ce3d040303'), sha1: hex('06072a8648ce3d0401'), rsa: hex('06092a864886f70d01010b'),
  key: hex('06072a8648ce3d0201'), prime256v1: hex('06082a8648ce3d030107'), secp384r1: hex('06052b81040022'), secp256k1: hex('06052b8104000a'),
  commonName: hex('0603550403'), organization: hex('060355040a'), state: hex('0603550408'),
  constraints: hex('0603551d13'), usage: hex('0603551d0f'), nonce: hex('06092a864886f763640802'), other: hex('06092a864886f763640863'),
};
const name = (commonName) => sequence(...[[OID.commonName, commonName], [OID.organization, 'Apple Inc.'], [OID.state, 'California']].map(([id, text]) => der(0x31, sequence(id, der(0x0c, Buffer.from(text))))));
const time = (ms) => der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
const extension = (id, value, isCritical = false) => sequence(id, ...(isCritical ? [TRUE] : []), octets(value));
export const constraints = (isAuthority) => extension(OID.constraints, isAuthority ? sequence(TRUE, hex('020100')) : sequence(), true);
export const usage = (bytes, unused) => extension(OID.usage, bits(hex(bytes), unused), true);
export const nonceExtension = (nonce, more = Buffer.alloc(0)) => extension(OID.nonce, Buffer.concat([sequence(der(0xa1, octets(nonce))), more]));
export const criticalExtension = () => extension(OID.other, hex('0500'), true);

export const NAMES = { root: name('Apple App Attestation Root CA'), issuer: name('Apple App Attestation CA 1'), leaf: name('a key') };
const DAY = 86_400_000;

/** A certificate for `key`, signed with `by`. */
export function certificate({ key, by, issuer, subject, extensions, from = Date.now() - DAY, until = Date.now() + DAY, hash = 'sha256', algorithm = OID[hash], inner = algorithm, curve, point, version = hex('a003020102') }) {
  curve ??= key.asymmetricKeyDetails.namedCurve;
  const publicKey = sequence(sequence(OID.key, OID[curve]), bits(point ?? pointOf(key)));
  const signed = sequence(version, hex('020101'), sequence(inner), issuer, sequence(time(from), time(until)), subject, publicKey, der(0xa3, sequence(...extensions)));
  return sequence(signed, sequence(algorithm), bits(sign(hash, signed, by)));
}
export const ALGORITHMS = OID;

// CBOR.

const head = (major, value) => Buffer.from(value < 24 ? [major << 5 | value] : value < 256 ? [major << 5 | 24, value] : [major << 5 | 25, value >> 8, value & 255]);
/** A value as CBOR. A `Map` may have a name twice, as an array of pairs in `pairs`. */
export function cbor(value) {
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const pairs = value.pairs ?? (value instanceof Map ? [...value] : Object.entries(value));
  return Buffer.concat([head(5, pairs.length), ...pairs.flat().map(cbor)]);
}

/** The part of authenticator data that attestations and assertions have in common. */
const dataOf = (app, counter, flags) => {
  const data = Buffer.concat([sha256(app), Buffer.from([flags, 0, 0, 0, 0])]);
  data.writeUInt32BE(counter, 33);
  return data;
};
export const EXTENSIONS = cbor({ apple_bundle_version_01: '1', apple_validation_category_01: hex('04000000') });
export const PRODUCTION = Buffer.from('appattest\0\0\0\0\0\0\0');
export const DEVELOPMENT = Buffer.from('appattestdevelop');

/** An authority in the place of Apple's. */
export class Authority {
  root = newKey('secp384r1');
  issuer = newKey('secp384r1');

  /** The certificate between the root and a device's. */
  issuerCertificate(changes = {}) {
    return certificate({ key: this.issuer.publicKey, by: this.root.privateKey, issuer: NAMES.root, subject: NAMES.issuer, hash: 'sha384', extensions: [constraints(true), usage('06', 1)], ...changes });
  }

  /** A copy of the built Worker that takes this authority for Apple. Returns its folder. */
  async copyWorker() {
    const folder = await mkdtemp(join(tmpdir(), 'failsoft-worker-'));
    for (const part of ['entry.mjs', 'wrangler.jsonc', 'migrations', 'build/index.js']) await cp(join(WORKER, part), join(folder, part), { recursive: true });
    const wasm = await readFile(join(WORKER, 'build/index_bg.wasm'));
    const apples = pointOf(new X509Certificate(await appleRoot()).publicKey);
    const at = wasm.indexOf(apples);
    assert.ok(at > 0 && wasm.indexOf(apples, at + 1) === -1, "Apple's root key is in the Worker once");
    pointOf(this.root.publicKey).copy(wasm, at);
    await writeFile(join(folder, 'build/index_bg.wasm'), wasm);
    return folder;
  }
}

/** A key of App Attest on a device. */
export class Device {
  key = newKey('prime256v1');
  counter = 0;

  constructor(authority, app) {
    Object.assign(this, { authority, app });
  }

  get point() {
    return pointOf(this.key.publicKey);
  }

  get keyId() {
    return sha256(this.point);
  }

  /**
   * The attestation for `challenge`, with `changes`: fields of the authenticator data (`app`, `counter`, `flags`, `aaguid`,
   * `credential`, `data`), of the certificates (`leaf`, `issuer`, `x5c`), of the statement, of the object, or `bytes` of the whole.
   */
  attest(challenge, changes = {}) {
    const { app = this.app, counter = 0, flags = 0x40, aaguid = PRODUCTION, credential = this.keyId, publicKey = this.cose(), extensions = Buffer.alloc(0) } = changes;
    const length = Buffer.from([credential.length >> 8, credential.length & 255]);
    const data = changes.data ?? Buffer.concat([dataOf(app, counter, flags), aaguid, length, credential, publicKey, extensions]);
    const nonce = sha256(data, sha256(challenge));
    const leaf = { key: this.key.publicKey, by: this.authority.issuer.privateKey, issuer: NAMES.issuer, subject: NAMES.leaf, extensions: [constraints(false), usage('f0', 4), nonceExtension(nonce)] };
    const x5c = [certificate({ ...leaf, ...changes.leaf?.(nonce) }), this.authority.issuerCertificate(changes.issuer)];
    const statement = { x5c: changes.x5c?.(x5c) ?? x5c, receipt: Buffer.from('a receipt'), ...changes.statement };
    const object = cbor(changes.object?.(statement, data) ?? { fmt: 'apple-appattest', attStmt: statement, authData: data });
    return changes.bytes?.(object) ?? object;
  }

  cose() {
    return cbor(new Map([[1, 2], [3, -7], [-1, 1], [-2, this.point.subarray(1, 33)], [-3, this.point.subarray(33)]]));
  }

  /** An assertion over `challenge`. */
  assertion(challenge, { app = this.app, counter = (this.counter += 1), by = this.key.privateKey, extensions = Buffer.alloc(0), signature, bytes } = {}) {
    const data = Buffer.concat([dataOf(app, counter, 0x40), extensions]);
    const signed = sign('sha256', sha256(data, sha256(challenge)), by);
    const object = cbor({ signature: signature?.(signed) ?? signed, authenticatorData: data });
    return bytes?.(object) ?? object;
  }
}
