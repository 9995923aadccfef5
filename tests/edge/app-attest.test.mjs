// App Attest: a native app registers a key once, gets sessions for assertions of that key, and calls with them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXTENSIONS } from './app-attest.mjs';
import { chat, send } from './harness.mjs';
import { OTHER_APP, SECRETS, b64, result, useAppAttest } from './use-app-attest.mjs';
import { withEdge } from './use-edge.mjs';

const { edge, options, post, newChallenge, sendProof, register, renew, makeDevice } = useAppAttest();

test('an app registers a key, calls with its session, and gets the next session for an assertion', async () => {
  const phone = makeDevice();
  const first = await register(phone);
  assert.equal(first.status, 200, first.text);
  assert.match(first.json.token, /^fsv_/);
  assert.equal(first.json.expires_in, 900);
  const second = await renew(phone, { isolate: 1 });
  assert.equal(second.status, 200, second.text);
  assert.notEqual(second.json.token, first.json.token);
  for (const { token } of [first.json, second.json]) {
    const answer = await chat(edge, { model: 'route/support' }, { key: token });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await send(edge, '/v1/models', { key: token, headers: { origin: 'https://app.example' } })).status, 403);
  }
  const revoked = await send(edge, `/admin/sessions/${second.json.id}`, { method: 'DELETE', key: SECRETS.ADMIN_TOKEN });
  assert.equal(revoked.status, 200, revoked.text);
  const gone = await send({ origin: edge.origins[0] }, '/v1/models', { key: second.json.token });
  assert.equal(JSON.parse(gone.text).error.code, 'token_revoked');
});

test('an attestation of iOS 27, with extensions behind its key, is accepted, and so is its assertion', async () => {
  for (const flags of [0x40, 0xc0]) {
    const phone = makeDevice(OTHER_APP);
    assert.equal((await register(phone, { changes: { extensions: EXTENSIONS, flags } })).status, 200);
    assert.equal((await renew(phone, { changes: { extensions: EXTENSIONS } })).status, 200);
  }
});

test('a web page gets neither a challenge nor a session by App Attest', async () => {
  for (const origin of ['https://app.example', 'null', edge.origin]) {
    const headers = { origin };
    assert.deepEqual(result(await post('/v1/session/challenge', '', { headers })), [403, 'origin_not_allowed']);
    const refused = await sendProof({ challenge: await newChallenge(), keyId: b64(makeDevice().keyId), attestation: 'AAAA' }, { headers });
    assert.deepEqual(result(refused), [403, 'origin_not_allowed']);
  }
  const turnstile = await post('/v1/session', { turnstile: 'a token' });
  assert.deepEqual(result(turnstile), [403, 'origin_not_allowed']);
});

test('a request that is too large or has no proof is refused before anything is read', async () => {
  const huge = await sendProof({ challenge: 'c', keyId: b64(Buffer.alloc(32)), attestation: 'A'.repeat(40_000) });
  assert.deepEqual(result(huge), [413, 'request_too_large']);
  for (const [fields, param] of [[{}, 'keyId'], [{ keyId: b64(Buffer.alloc(32)) }, 'assertion'], [{ keyId: b64(Buffer.alloc(32)), attestation: '%' }, 'attestation']]) {
    const refused = await sendProof({ challenge: 'c', ...fields });
    assert.deepEqual([...result(refused), refused.json.error.param], [400, 'invalid_request', `appAttest.${param}`]);
  }
  const other = await post('/v1/session', { playIntegrity: { challenge: 'c', token: 't' } });
  assert.deepEqual(result(other), [404, 'visitors_not_set_up']);
});

test('without the objects that store keys there is no App Attest', async () => {
  await withEdge({ ...options(), without: ['KEYS'] }, async (at) => {
    assert.deepEqual(result(await register(makeDevice(), { at, challenge: 'c'.repeat(75) })), [503, 'not_configured']);
  });
});

test('the account and the rate of native visitors are those of their address', async () => {
  await withEdge({ ...options({ budget: { requests: { day: 1 } } }), strangers: 6 }, async (at) => {
    const [first, second] = [makeDevice(), makeDevice()];
    const from = (address) => ({ at, headers: { 'cf-connecting-ip': address } });
    const tokens = [(await register(first, from('203.0.113.7'))).json.token, (await register(second, from('203.0.113.7'))).json.token];
    const other = (await renew(first, from('203.0.113.8'))).json.token;
    const statuses = [];
    for (const key of [...tokens, other]) statuses.push((await chat(at, { model: 'route/support' }, { key })).status);
    assert.deepEqual(statuses, [200, 429, 200], 'a new key of App Attest has no new budget');
    const seen = [];
    for (let count = 0; count < 6; count += 1) seen.push((await post('/v1/session/challenge', '', from('203.0.113.7'))).status);
    assert.deepEqual(seen, [200, 200, 200, 200, 429, 429]);
    const junk = [];
    for (let count = 0; count < 8; count += 1) junk.push((await sendProof({ challenge: 'c' }, from('203.0.113.9'))).status);
    assert.deepEqual(junk, [...Array(6).fill(400), 429, 429]);
  });
});
