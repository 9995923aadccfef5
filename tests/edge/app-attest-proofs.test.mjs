// App Attest: an attestation or assertion with one thing wrong, and a challenge that does not count, give nothing.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../support/process.mjs';
import { ALGORITHMS, DEVELOPMENT, EXTENSIONS, NAMES, cbor, certificate, constraints, criticalExtension, newKey, nonceExtension, sha256, usage } from './app-attest.mjs';
import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { APP, DAY, OTHER_APP, SECRETS, b64, result, useAppAttest } from './use-app-attest.mjs';
import { withEdge } from './use-edge.mjs';

const { authority, edge, failsoft, options, newChallenge, sendProof, register, renew, makeDevice, makeRegistered } = useAppAttest();

/** Certificates in the place of those that `Device` makes. */
const leaf = (changes) => ({ leaf: (nonce) => changes(nonce) });
const issuer = (changes) => ({ issuer: changes });
const stranger = newKey('secp384r1');
const small = newKey('prime256v1');
const usual = (nonce) => [constraints(false), usage('f0', 4), nonceExtension(nonce)];
const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]);
const deep = (levels) => Buffer.concat([...Array.from({ length: levels }, () => Buffer.from([0x81])), Buffer.from([0])]);
const pairs = (list) => ({ pairs: list });

const ATTESTATIONS = [
  ['of another app', { app: 'ABCDE12345.com.evil.app' }],
  ['of a key made for development', { aaguid: DEVELOPMENT }],
  ['of another kind of authenticator', { aaguid: Buffer.alloc(16) }],
  ['whose counter is not 0', { counter: 1 }],
  ['of another credential', { credential: sha256('another') }],
  ['whose credential is cut', { data: Buffer.concat([sha256(APP), Buffer.from([0x40, 0, 0, 0, 0]), Buffer.from('appattest\0\0\0\0\0\0\0'), Buffer.from([255, 255, 1])]) }],
  ['without a credential', { flags: 0 }],
  ['with bytes behind the key', { extensions: Buffer.from([1]) }],
  ['with half a map behind the key', { extensions: EXTENSIONS.subarray(0, -1) }],
  ['with two maps behind the key', { extensions: Buffer.concat([EXTENSIONS, EXTENSIONS]) }],
  ['without a public key', { publicKey: Buffer.alloc(0) }],
  ['for another nonce', leaf(() => ({ extensions: usual(sha256('another')) }))],
  ['with a short nonce', leaf((nonce) => ({ extensions: usual(nonce.subarray(1)) }))],
  ['without a nonce', leaf(() => ({ extensions: [constraints(false), usage('f0', 4)] }))],
  ['with two nonces', leaf((nonce) => ({ extensions: [...usual(nonce), nonceExtension(nonce)] }))],
  ['with bytes behind the nonce', leaf((nonce) => ({ extensions: [constraints(false), usage('f0', 4), nonceExtension(nonce, Buffer.from([5, 0]))] }))],
  ['with a critical extension that nobody knows', leaf((nonce) => ({ extensions: [...usual(nonce), criticalExtension()] }))],
  ['whose key must not sign', leaf((nonce) => ({ extensions: [constraints(false), usage('20', 5), nonceExtension(nonce)] }))],
  ['whose certificate is an authority', leaf((nonce) => ({ extensions: [constraints(true), usage('f0', 4), nonceExtension(nonce)] }))],
  ['that has expired', leaf(() => ({ from: Date.now() - 3 * DAY, until: Date.now() - 60_000 }))],
  ['that is not valid yet', leaf(() => ({ from: Date.now() + 60_000 }))],
  ['by an authority that has expired', issuer({ until: Date.now() - 60_000 })],
  ['by an authority that has no right to sign', issuer({ extensions: [constraints(true), usage('80', 7)] })],
  ['by an authority that is none', issuer({ extensions: [constraints(false), usage('06', 1)] })],
  ['by an authority without extensions', issuer({ extensions: [] })],
  ['by an authority of another name', issuer({ subject: NAMES.leaf })],
  ['by an authority of a root of another name', issuer({ issuer: NAMES.leaf })],
  ['by an authority that another root has signed', issuer({ by: stranger.privateKey })],
  ['by an authority with another key', issuer({ key: stranger.publicKey })],
  ['that signs itself', leaf(() => ({ by: small.privateKey }))],
  ['with a hash that is too weak', leaf(() => ({ algorithm: ALGORITHMS.sha1 }))],
  ['with an algorithm of RSA', leaf(() => ({ algorithm: ALGORITHMS.rsa }))],
  ['that names two algorithms', leaf(() => ({ inner: ALGORITHMS.sha384 }))],
  ['of a key on a larger curve', leaf(() => ({ key: stranger.publicKey }))],
  ['of a key on a curve that nobody knows', leaf(() => ({ curve: 'secp256k1' }))],
  ['of a key that is not on its curve', leaf(() => ({ point: offCurve }))],
  ['of a key in the compressed form', leaf(() => ({ point: Buffer.concat([Buffer.from([2]), Buffer.alloc(32, 7)]) }))],
  ['by a key that is not on its curve', issuer({ point: Buffer.concat([Buffer.from([4]), Buffer.alloc(96, 7)]) })],
  ['of a certificate of version 1', leaf(() => ({ version: Buffer.alloc(0) }))],
  ['with a byte behind its certificate', { x5c: ([first, second]) => [Buffer.concat([first, Buffer.from([0])]), second] }],
  ['with one certificate', { x5c: ([first]) => [first] }],
  ['with three certificates', { x5c: ([first, second]) => [first, second, second] }],
  ['with its certificates in the wrong order', { x5c: ([first, second]) => [second, first] }],
  ['whose authority is the root', { x5c: ([first]) => [first, certificate({ key: authority.root.publicKey, by: authority.root.privateKey, issuer: NAMES.root, subject: NAMES.root, hash: 'sha384', extensions: [constraints(true), usage('06', 1)] })] }],
  ['with certificates that are texts', { x5c: () => ['a', 'b'] }],
  ['of another format', { object: (attStmt, authData) => ({ fmt: 'packed', attStmt, authData }) }],
  ['without a format', { object: (attStmt, authData) => ({ attStmt, authData }) }],
  ['without authenticator data', { object: (attStmt) => ({ fmt: 'apple-appattest', attStmt }) }],
  ['with short authenticator data', { data: Buffer.alloc(36) }],
  ['with two authenticator data', { object: (attStmt, authData) => pairs([['fmt', 'apple-appattest'], ['attStmt', attStmt], ['authData', authData], ['authData', authData]]) }],
  ['with a name that is a number', { object: (attStmt, authData) => pairs([['fmt', 'apple-appattest'], ['attStmt', attStmt], ['authData', authData], [1, 1]]) }],
  ['with a byte behind it', { bytes: (object) => Buffer.concat([object, Buffer.from([0])]) }],
  ['that is cut', { bytes: (object) => object.subarray(0, -1) }],
  ['that claims more fields than it has', { bytes: (object) => Buffer.concat([Buffer.from([0xa4]), object.subarray(1)]) }],
  ['that claims four thousand million fields', { bytes: (object) => Buffer.concat([Buffer.from([0xba, 255, 255, 255, 255]), object.subarray(1)]) }],
  ['of unknown length', { bytes: (object) => Buffer.concat([Buffer.from([0xbf]), object.subarray(1), Buffer.from([0xff])]) }],
  ['with a length that is longer than necessary', { bytes: (object) => Buffer.concat([Buffer.from([0xb8, 3]), object.subarray(1)]) }],
  ['that nests deep', { bytes: () => deep(20_000) }],
  ['with a field that nests deep', { object: (attStmt, authData) => pairs([['fmt', 'apple-appattest'], ['attStmt', attStmt], ['authData', authData], ['x', 0]]), bytes: (object) => Buffer.concat([object.subarray(0, -1), deep(15_000).subarray(0, -1)]) }],
  ['that is empty inside', { bytes: () => Buffer.from([0xa0]) }],
  ['that is a number', { bytes: () => Buffer.from([0]) }],
];

test('no attestation with one thing wrong gives a session, and none stores its key', async () => {
  for (const [what, changes] of ATTESTATIONS) {
    const phone = makeDevice();
    const challenge = await newChallenge();
    const refused = await register(phone, { challenge, changes });
    assert.deepEqual(result(refused), [403, 'attestation_refused'], `${what}: ${refused.text}`);
    assert.ok(!('token' in refused.json));
    assert.deepEqual(result(await renew(phone)), [403, 'device_key_unknown'], what);
    // The challenge is not used up, and everything else was right.
    assert.equal((await register(phone, { challenge })).status, 200, what);
  }
});

test('an attestation belongs to its key', async () => {
  const [phone, other] = [makeDevice(), makeDevice()];
  for (const keyId of [other.keyId, Buffer.alloc(32)]) assert.deepEqual(result(await register(phone, { keyId })), [403, 'attestation_refused']);
  const challenge = await newChallenge();
  for (const keyId of [b64(phone.keyId.subarray(1)), b64(Buffer.concat([phone.keyId, phone.keyId])), 'a key', '', 7]) {
    const refused = await sendProof({ challenge, keyId, attestation: b64(phone.attest(challenge)) });
    assert.deepEqual([...result(refused), refused.json.error.param], [400, 'invalid_request', 'appAttest.keyId'], String(keyId));
  }
});

test('a challenge gives one session, whatever uses it, also for requests at the same time', async () => {
  const [first, second] = [makeDevice(), makeDevice()];
  const challenge = await newChallenge();
  const all = await Promise.all(Array.from({ length: 12 }, (_, at) => register(at % 2 ? first : second, { challenge, isolate: at % 2 })));
  assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array(11).fill(403)]);
  const winner = all.findIndex(({ status }) => status === 200) % 2 ? first : second;
  const loser = winner === first ? second : first;
  assert.deepEqual(result(await renew(winner, { challenge })), [403, 'challenge_refused']);
  assert.deepEqual(result(await register(winner, { challenge })), [403, 'challenge_refused']);
  assert.equal((await renew(winner)).status, 200, 'the refused assertion left the counter as it was');
  assert.deepEqual(result(await renew(loser)), [403, 'device_key_unknown'], 'the loser is not registered');
});

test('a challenge that this edge did not make, or made too long ago, is refused', async () => {
  const phone = makeDevice();
  const good = await newChallenge();
  assert.match(good, /^[\w-]{75}$/);
  const later = Buffer.from(good, 'base64url');
  later.writeBigUInt64BE(later.readBigUInt64BE() + 1n);
  for (const challenge of [later.toString('base64url'), `${good}A`, `${good}=`, good.slice(0, -1), `B${good.slice(1)}`, good.slice(0, 32), 'x', 'é'.repeat(75)]) {
    assert.deepEqual(result(await register(phone, { challenge })), [403, 'challenge_refused'], challenge);
  }
  for (const challenge of ['', 7, undefined, null, [good]]) {
    const refused = await sendProof({ challenge, keyId: b64(phone.keyId), attestation: b64(phone.attest(good)) });
    assert.deepEqual([...result(refused), refused.json.error.param], [400, 'invalid_request', 'appAttest.challenge']);
  }
  await withEdge(options(), async (at) => {
    assert.equal((await register(phone, { at, challenge: good })).status, 200, 'another edge with the same secret');
    const challenge = await newChallenge({ at });
    await setClockAhead(at, 299_000);
    assert.equal((await renew(phone, { at, challenge })).status, 200);
    const old = await newChallenge({ at });
    await setClockAhead(at, 600_000);
    assert.deepEqual(result(await renew(phone, { at, challenge: old })), [403, 'challenge_refused']);
  });
  await withEdge({ ...options(), secrets: { ...SECRETS, SESSION_SECRET: 'another-0123456789-0123456789-012345' } }, async (at) => {
    assert.deepEqual(result(await register(phone, { at, challenge: await newChallenge() })), [403, 'challenge_refused']);
  });
});

test('an attestation is for its challenge, and so is an assertion', async () => {
  const phone = makeDevice();
  const [first, second] = [await newChallenge(), await newChallenge()];
  const swapped = await sendProof({ challenge: first, keyId: b64(phone.keyId), attestation: b64(phone.attest(second)) });
  assert.deepEqual(result(swapped), [403, 'attestation_refused']);
  assert.equal((await register(phone, { challenge: first })).status, 200);
  const assertion = await sendProof({ challenge: await newChallenge(), keyId: b64(phone.keyId), assertion: b64(phone.assertion(second)) });
  assert.deepEqual(result(assertion), [403, 'attestation_refused']);
});

const ASSERTIONS = [
  ['with the counter of the last one', { counter: 7 }],
  ['with a smaller counter', { counter: 6 }],
  ['with the counter 0', { counter: 0 }],
  ['of another app of the owner', { app: OTHER_APP, counter: 8 }],
  ['by another key', { by: small.privateKey, counter: 8 }],
  ['with a cut signature', { counter: 8, signature: (signature) => signature.subarray(0, -1) }],
  ['with a byte behind the signature', { counter: 8, signature: (signature) => Buffer.concat([signature, Buffer.from([0])]) }],
  ['with a signature of zeros', { counter: 8, signature: () => Buffer.from('3006020100020100', 'hex') }],
  ['without a signature', { counter: 8, signature: () => Buffer.alloc(0) }],
  ['with bytes behind its data', { counter: 8, extensions: Buffer.from([1]) }],
  ['with two maps behind its data', { counter: 8, extensions: Buffer.concat([EXTENSIONS, EXTENSIONS]) }],
  ['that is cut', { counter: 8, bytes: (object) => object.subarray(0, -1) }],
  ['with a byte behind it', { counter: 8, bytes: (object) => Buffer.concat([object, Buffer.from([0])]) }],
  ['that nests deep', { counter: 8, bytes: () => deep(20_000) }],
  ['that is an attestation', { counter: 8, bytes: () => cbor({ fmt: 'apple-appattest', attStmt: {}, authData: Buffer.alloc(37) }) }],
];

test('no assertion with one thing wrong gives a session, and none moves the counter', async () => {
  const phone = await makeRegistered();
  assert.equal((await renew(phone, { changes: { counter: 7 } })).status, 200);
  for (const [what, changes] of ASSERTIONS) {
    const refused = await renew(phone, { changes });
    assert.deepEqual(result(refused), [403, 'attestation_refused'], `${what}: ${refused.text}`);
  }
  assert.equal((await renew(phone, { changes: { counter: 8 } })).status, 200);
  const largest = await renew(phone, { changes: { counter: 0xffff_ffff } });
  assert.equal(largest.status, 200, 'the counter has 32 bits');
  assert.deepEqual(result(await renew(phone, { changes: { counter: 9 } })), [403, 'attestation_refused']);
});

test('assertions with one counter give one session, whichever isolate they reach', async () => {
  const phone = await makeRegistered();
  const all = await Promise.all(Array.from({ length: 10 }, (_, at) => renew(phone, { isolate: at % 2, changes: { counter: 3 } })));
  assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array(9).fill(403)]);
});

test("the Worker as it is built trusts Apple's root and no other, and Apple's attestations only while they are valid", async () => {
  await withEdge({ modules: CLOCK_MODULES, secrets: SECRETS, failsoft: failsoft() }, async (at) => {
    const phone = makeDevice();
    const refused = await register(phone, { at });
    assert.deepEqual(result(refused), [403, 'attestation_refused']);
    assert.match(refused.json.error.message, /a signature is wrong/);
    assert.deepEqual(result(await renew(phone, { at })), [403, 'device_key_unknown']);
    const { attestations } = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/app-attest/vectors.json'), 'utf8'));
    for (const { keyId, attestation } of attestations) {
      const old = await sendProof({ challenge: await newChallenge({ at }), keyId, attestation }, { at });
      assert.deepEqual(result(old), [403, 'attestation_refused']);
      assert.match(old.json.error.message, /certificates is not valid now/);
    }
  });
});
