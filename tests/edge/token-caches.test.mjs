// What the edge remembers of a key, a token or a request belongs to the whole of it: two that share a beginning, an end or all but the
// signature have nothing in common.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey, sha256 } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { configure, setUp, useEdge, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const ADMIN = 'admin-0123456789-0123456789-0123456789';
const [ISSUER, AUDIENCE] = ['https://id.example/', 'app'];

/** A list of public keys, and Turnstile, which passes everybody. */
const server = {};
setUp(async () => {
  const listening = createServer((request, response) => {
    request.resume();
    const isKeys = request.url === '/jwks';
    const body = isKeys ? { keys: [{ ...EC.publicKey.export({ format: 'jwk' }), kid: 'ec' }, { ...RSA.publicKey.export({ format: 'jwk' }), kid: 'rsa' }] } : { success: true, hostname: 'app.example' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise((resolve) => listening.listen(0, '127.0.0.1', resolve));
  after(() => listening.close());
  server.url = `http://127.0.0.1:${listening.address().port}`;
});

const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
/** The order of P-256. (r, n - s) signs the same text as (r, s). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const PREFIX = 'fs_a-long-beginning-that-both-keys-share-0123456789-';
const SUFFIX = '-a-long-end-that-both-keys-share-0123456789';
const KEYS = ['one', 'two'].map((name) => [name, `${PREFIX}${name}${SUFFIX}`]);

const { edge, emulator } = useEdge(() => ({
  isolates: 2,
  secrets: { ADMIN_TOKEN: ADMIN, TURNSTILE_SECRET: 'turnstile', SESSION_SECRET: 'session-0123456789-0123456789-012345' },
  failsoft: {
    keys: [clientKey(), clientKey({ name: 'one', models: [SECOND], budget: { requests: { day: 100 } } }, KEYS[0][1]), clientKey({ name: 'two', models: ['b/b'], budget: { requests: { day: 100 } } }, KEYS[1][1])],
    models: [SECOND],
    users: [{ issuer: ISSUER, audience: AUDIENCE, jwks: `${server.url}/jwks`, budget: { requests: { day: 100 } } }],
    visitors: { origins: [APP], siteverify: `${server.url}/siteverify`, budget: { requests: { day: 100 } } },
  },
}));

const at = (isolate) => ({ origin: edge.origins[isolate] });
const models = (key, isolate = 0) => send(at(isolate), '/v1/models', { key, headers: { origin: APP } });
const used = async (key) => JSON.parse((await send(edge, '/v1/usage', { key, headers: { origin: APP } })).text).requests.day.used;
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(claims, header = {}) {
  const alg = header.alg ?? 'ES256';
  const signed = `${part({ alg, kid: alg === 'ES256' ? 'ec' : 'rsa', ...header })}.${part({ iss: ISSUER, aud: AUDIENCE, exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`;
  const key = alg === 'ES256' ? { key: EC.privateKey, dsaEncoding: 'ieee-p1363' } : RSA.privateKey;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** Tokens that differ from `token` in the signature alone, or in its spelling. */
function signatures(token) {
  const [header, claims, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const flipped = (index, bit) => Buffer.from(bytes.map((byte, place) => (place === index ? byte ^ bit : byte))).toString('base64url');
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const unused = [1, 2, 3].map((bits) => signature.slice(0, -1) + last[last.indexOf(signature.at(-1)) ^ bits]);
  const with_ = [flipped(0, 1), flipped(bytes.length - 1, 1), flipped(bytes.length >> 1, 128), ...unused, '', signature.slice(0, -1), signature.slice(1), `${signature}A`, `${signature}=`, `${signature}==`, `${signature}.x`, 'A'.repeat(signature.length), signature.toUpperCase()];
  return with_.filter((other) => other !== signature).map((other) => `${header}.${claims}.${other}`);
}

/** The right token works on every isolate, before and after each of the `others`, and no other does. */
async function checkAlone(token, others) {
  for (const isolate of [0, 1]) assert.equal((await models(token, isolate)).status, 200);
  for (const other of others) {
    for (const isolate of [0, 1]) {
      const answer = await models(other, isolate);
      assert.equal(answer.status, 401, `${other}: ${answer.text}`);
      assert.equal((await chat(at(isolate), { model: SECOND }, { key: other, headers: { origin: APP } })).status, 401);
    }
    assert.equal((await models(token)).status, 200);
  }
}

test('a token is valid by its whole signature, also after the right token was admitted', async () => {
  for (const alg of ['ES256', 'RS256']) {
    const token = jwt({ sub: `whole-${alg}` }, { alg });
    const [header, claims, signature] = token.split('.');
    const other = jwt({ sub: 'another' }, { alg });
    await checkAlone(token, [...signatures(token), `${header}.${claims}.${other.split('.')[2]}`, `${other.split('.').slice(0, 2).join('.')}.${signature}`, `${header}.${part({ iss: ISSUER, aud: AUDIENCE, exp: 9e9, sub: 'x' })}.${signature}`]);
  }
});

test('two tokens of different users share no account, whatever their texts share', async () => {
  const padding = 'p'.repeat(2_000);
  const [ann, bob] = ['ann', 'bob'].map((sub) => jwt({ pad: padding, sub, end: padding }, { alg: 'RS256' }));
  assert.equal(ann.slice(0, 1_000), bob.slice(0, 1_000), 'both begin the same');
  assert.equal((await chat(edge, { model: SECOND }, { key: ann })).status, 200);
  assert.deepEqual([await used(ann), await used(bob)], [1, 0]);
  assert.equal((await chat(at(1), { model: SECOND }, { key: bob })).status, 200);
  assert.deepEqual([await used(ann), await used(bob)], [1, 1]);
});

test('the second signature of a text by ECDSA is the same user, and no other account', async () => {
  const token = jwt({ sub: 'malleable' });
  const [header, claims, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const twin = `${header}.${claims}.${Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]).toString('base64url')}`;
  assert.equal((await chat(edge, { model: SECOND }, { key: token })).status, 200);
  const answer = await models(twin);
  assert.ok([200, 401].includes(answer.status));
  if (answer.status === 200) assert.equal(await used(twin), await used(token));
});

test('two client keys that share a beginning and an end are two clients', async () => {
  for (const isolate of [0, 1]) {
    const lists = await Promise.all(KEYS.map(async ([, key]) => JSON.parse((await models(key, isolate)).text).data.map(({ id }) => id)));
    assert.deepEqual(lists, [[SECOND], ['b/b']]);
  }
  assert.equal((await chat(edge, { model: SECOND }, { key: KEYS[0][1] })).status, 200);
  assert.equal((await chat(edge, { model: SECOND }, { key: KEYS[1][1] })).status, 403);
  assert.deepEqual(await Promise.all(KEYS.map(([, key]) => used(key))), [1, 0]);
  const [, key] = KEYS[0];
  await checkAlone(key, [`${PREFIX}three${SUFFIX}`, PREFIX, key.slice(0, -1), `${key}x`, `${PREFIX}onE${SUFFIX}`, sha256(key)]);
});

test('a managed key is compared as a whole, also when its id is known to the isolate', async () => {
  const make = async (fields) => JSON.parse((await send(edge, '/admin/keys', { method: 'POST', key: ADMIN, body: JSON.stringify(fields) })).text);
  const [first, second] = [await make({ name: 'first', models: [SECOND] }), await make({ name: 'second', models: ['b/b'] })];
  const secretOf = (key) => key.slice(20);
  const without = (key) => key.slice(0, -8);
  await checkAlone(first.key, [`fs_${first.id}_${secretOf(second.key)}`, `fs_${second.id}_${secretOf(first.key)}`, without(first.key), `${without(first.key)}00000000`, `fs_${first.id}_${'0'.repeat(64)}`, `fs_${first.id}_`, `fs_${first.id}`]);
});

test('a session is valid by its whole signature, and a revoked one stays revoked in every spelling', async () => {
  const begin = async (address) => JSON.parse((await send(edge, '/v1/session', { method: 'POST', key: null, headers: { origin: APP, 'cf-connecting-ip': address }, body: JSON.stringify({ turnstile: `t-${address}` }) })).text);
  const [first, second] = [await begin('203.0.113.1'), await begin('203.0.113.2')];
  const variants = (token) => signatures(`x.${token}`).map((other) => other.slice(2));
  const [text, mac] = second.token.split('.');
  await checkAlone(first.token, [...variants(first.token), `${text}.${first.token.split('.')[1]}`, `${first.token.split('.')[0]}.${mac}`]);
  assert.equal((await send(edge, `/admin/sessions/${first.id}`, { method: 'DELETE', key: ADMIN })).status, 200);
  for (const token of [first.token, ...variants(first.token)]) assert.equal((await models(token)).status, 401);
  assert.equal((await models(second.token)).status, 200);
});

test('a failure that is remembered for one account is not the answer to another', async () => {
  const failsoft = configure(emulator, { keys: [clientKey(), clientKey({ name: 'other' }, 'fs_other')], models: [SECOND], policy: { ...POLICY, retry: { same: 0 } } });
  await withEdge({ failsoft }, async (own) => {
    await emulator.script(SECOND, ['unauthorized']);
    for (let again = 0; again < 3; again += 1) assert.equal((await chat(own, { model: SECOND })).status, 502);
    assert.equal((await chat(own, { model: SECOND }, { key: 'fs_other' })).status, 200, 'the same body of another account');
    assert.equal((await chat(own, { model: SECOND, seed: 1 })).status, 200, 'another body of the same account');
    assert.equal((await emulator.log()).filter(({ method }) => method === 'POST').length, 3);
  });
});
