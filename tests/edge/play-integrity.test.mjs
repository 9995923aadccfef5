// Play Integrity: Google says what is in the token of an Android app. Here a server on this machine stands for Google, with the fields
// of Google's reference. Google itself was never asked.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { setUp, useEdge, useEmulator, withEdge } from './use-edge.mjs';

const PACKAGE = 'com.example.app';
const EMAIL = 'edge@project.iam.gserviceaccount.com';
const CERTIFICATE = Buffer.alloc(32, 7);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const account = (fields = {}) => JSON.stringify({
  type: 'service_account', project_id: 'project', private_key_id: 'key-1', client_email: EMAIL,
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }), token_uri: 'https://evil.example/token', ...fields,
});
const SECRETS = { SESSION_SECRET: 'session-0123456789-0123456789-012345', PLAY_INTEGRITY_KEY: account() };

/** Google's two endpoints. An integrity token is the JSON of its payload, in base64url. */
async function startGoogle() {
  const google = { granted: 0, decoded: [], answer: null };
  const accessTokens = new Set();
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const reply = (status, json) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    if (google.answer?.(request, response, reply)) return;
    if (request.url === '/token') return reply(...grant(request, body));
    const at = /^\/v1\/([\w.]+):decodeIntegrityToken$/.exec(request.url);
    if (!at) return reply(404, {});
    if (!accessTokens.has(request.headers.authorization)) return reply(401, { error: { code: 401, status: 'UNAUTHENTICATED' } });
    const { integrityToken: token } = JSON.parse(body);
    google.decoded.push(token);
    const payload = Buffer.from(token, 'base64url').toString();
    if (at[1] !== PACKAGE || !payload.startsWith('{')) return reply(400, { error: { code: 400, status: 'INVALID_ARGUMENT' } });
    return reply(200, { tokenPayloadExternal: JSON.parse(payload) });
  });
  const grant = (request, body) => {
    const form = new URLSearchParams(body);
    const [head, claims, signature] = (form.get('assertion') ?? '').split('.');
    const read = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
    const { iss, scope, aud, iat, exp } = read(claims);
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    assert.deepEqual(read(head), { alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    assert.deepEqual([iss, scope, aud, exp - iat], [EMAIL, 'https://www.googleapis.com/auth/playintegrity', 'https://oauth2.googleapis.com/token', 3600]);
    if (!verify('sha256', `${head}.${claims}`, createPublicKey(privateKey), Buffer.from(signature, 'base64url'))) return [400, { error: 'invalid_grant' }];
    google.granted += 1;
    accessTokens.add(`Bearer ya29.token-${google.granted}`);
    return [200, { access_token: `ya29.token-${google.granted}`, expires_in: 3599, token_type: 'Bearer' }];
  };
  google.forget = () => accessTokens.clear();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  google.url = `http://127.0.0.1:${server.address().port}`;
  google.stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return google;
}

const emulator = useEmulator();
let google;
setUp(async () => {
  google = await startGoogle();
});
after(() => google?.stop());

const failsoft = (terms = {}) => ({
  upstream: { url: emulator.baseURL, dialect: 'openai' },
  routes: { support: { models: [SECOND] } },
  policy: POLICY,
  keys: undefined,
  visitors: { playIntegrity: { package: PACKAGE, endpoint: google.url, ...terms }, routes: ['support'], models: [] },
});
const { edge } = useEdge(() => ({ secrets: SECRETS, modules: CLOCK_MODULES, failsoft: failsoft() }), emulator);

const post = async (path, body, { at = edge, headers = {} } = {}) => {
  const answer = await send(at, path, { method: 'POST', key: null, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.text) };
};
const newChallenge = async (at) => (await post('/v1/session/challenge', {}, { at })).json.challenge;

/** A token with the verdicts of a good app on a good device, where `change` replaces fields of the payload's objects. */
function tokenFor(challenge, change = {}) {
  const payload = {
    requestDetails: { requestPackageName: PACKAGE, requestHash: challenge, timestampMillis: String(Date.now()) },
    appIntegrity: { appRecognitionVerdict: 'PLAY_RECOGNIZED', packageName: PACKAGE, certificateSha256Digest: [CERTIFICATE.toString('base64url')], versionCode: '42' },
    deviceIntegrity: { deviceRecognitionVerdict: ['MEETS_DEVICE_INTEGRITY'] },
    accountDetails: { appLicensingVerdict: 'LICENSED' },
  };
  for (const [name, fields] of Object.entries(change)) payload[name] = fields && { ...payload[name], ...fields };
  return Buffer.from(JSON.stringify(payload)).toString('base64url');
}

/** Asks for a session with a token for `challenge`. */
async function begin({ at = edge, change, challenge, token, headers } = {}) {
  challenge ??= await newChallenge(at);
  return post('/v1/session', { playIntegrity: { challenge, token: token ?? tokenFor(challenge, change) } }, { at, headers });
}
const result = ({ status, json }) => [status, json.error?.code];

test('an Android app gets a session for an integrity token, and calls with the session', async () => {
  const answer = await begin();
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.json.token, /^fsv_/);
  const completion = await chat(edge, { model: 'route/support' }, { key: answer.json.token });
  assert.equal(completion.status, 200, completion.text);
  const page = await send(edge, '/v1/models', { key: answer.json.token, headers: { origin: 'https://app.example' } });
  assert.equal(page.status, 403);
});

test('the token of a classic request names the challenge as its nonce', async () => {
  // Google encodes the bytes of the nonce again.
  for (const encoding of ['base64url', 'base64']) {
    const challenge = await newChallenge(edge);
    const change = { requestDetails: { requestHash: undefined, nonce: Buffer.from(challenge, 'base64url').toString(encoding) } };
    assert.equal((await begin({ challenge, change })).status, 200, encoding);
  }
});

test('the edge asks for one access token for many integrity tokens, and for another when Google forgets the first', async () => {
  await begin();
  const granted = google.granted;
  for (let count = 0; count < 3; count += 1) assert.equal((await begin()).status, 200);
  assert.equal(google.granted, granted);
  google.forget();
  assert.deepEqual(result(await begin()), [503, 'play_integrity_unavailable']);
  assert.equal((await begin()).status, 200);
  assert.equal(google.granted, granted + 1);
  await withEdge({ secrets: SECRETS, modules: CLOCK_MODULES, failsoft: failsoft() }, async (at) => {
    const before = google.granted;
    assert.equal((await begin({ at })).status, 200);
    await setClockAhead(at, 3_540_000);
    const now = String(Date.now() + 3_540_000);
    const challenge = await newChallenge(at);
    const change = { requestDetails: { requestPackageName: PACKAGE, requestHash: challenge, timestampMillis: now } };
    assert.equal((await begin({ at, challenge, change })).status, 200);
    assert.equal(google.granted, before + 2, 'a minute before its end a token is no longer used');
  });
});

test('no token with one wrong verdict gives a session', async () => {
  for (const [what, change] of [
    ['another challenge', { requestDetails: { requestHash: await newChallenge(edge) } }],
    ['no challenge', { requestDetails: { requestHash: undefined } }],
    ['another package asked', { requestDetails: { requestPackageName: 'com.evil.app' } }],
    ['an old token', { requestDetails: { timestampMillis: String(Date.now() - 120_000) } }],
    ['a token of the future', { requestDetails: { timestampMillis: String(Date.now() + 120_000) } }],
    ['no time', { requestDetails: { timestampMillis: undefined } }],
    ['an app that Play does not know', { appIntegrity: { appRecognitionVerdict: 'UNRECOGNIZED_VERSION' } }],
    ['an app that was not evaluated', { appIntegrity: { appRecognitionVerdict: 'UNEVALUATED' } }],
    ['another app', { appIntegrity: { packageName: 'com.evil.app' } }],
    ['a weak device', { deviceIntegrity: { deviceRecognitionVerdict: ['MEETS_BASIC_INTEGRITY'] } }],
    ['no device', { deviceIntegrity: null }],
    ['no app', { appIntegrity: null }],
    ['no request', { requestDetails: null }],
    ['a test', { testingDetails: { isTestingResponse: true } }],
  ]) {
    const challenge = await newChallenge(edge);
    const refused = await begin({ challenge, change });
    assert.deepEqual(result(refused), [403, 'attestation_refused'], `${what}: ${refused.text}`);
    assert.ok(!('token' in refused.json));
    assert.equal((await begin({ challenge })).status, 200, `${what}: the challenge is not used up`);
  }
});

test('the owner asks for certificates, devices and development builds', async () => {
  await withEdge({ secrets: SECRETS, failsoft: failsoft({ certificates: [CERTIFICATE.toString('hex').toUpperCase().match(/../g).join(':')], device: 'MEETS_STRONG_INTEGRITY' }) }, async (at) => {
    const strong = { deviceRecognitionVerdict: ['MEETS_BASIC_INTEGRITY', 'MEETS_STRONG_INTEGRITY'] };
    assert.deepEqual(result(await begin({ at })), [403, 'attestation_refused']);
    assert.equal((await begin({ at, change: { deviceIntegrity: strong } })).status, 200);
    for (const certificateSha256Digest of [[Buffer.alloc(32, 8).toString('base64url')], [], undefined, CERTIFICATE.toString('base64url'), ['%']]) {
      const refused = await begin({ at, change: { deviceIntegrity: strong, appIntegrity: { certificateSha256Digest } } });
      assert.deepEqual(result(refused), [403, 'attestation_refused'], JSON.stringify(certificateSha256Digest));
    }
  });
  await withEdge({ secrets: SECRETS, failsoft: failsoft({ development: true }) }, async (at) => {
    assert.equal((await begin({ at, change: { appIntegrity: { appRecognitionVerdict: 'UNRECOGNIZED_VERSION' } } })).status, 200);
    assert.deepEqual(result(await begin({ at, change: { deviceIntegrity: null } })), [403, 'attestation_refused']);
  });
});

test('a challenge gives one session, also for requests at the same time, and Google is not asked about a wrong one', async () => {
  const challenge = await newChallenge(edge);
  const all = await Promise.all(Array.from({ length: 10 }, () => begin({ challenge })));
  assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array(9).fill(403)]);
  const asked = google.decoded.length;
  const junk = `${'A'.repeat(75)}`;
  assert.deepEqual(result(await begin({ challenge: junk })), [403, 'challenge_refused']);
  assert.equal(google.decoded.length, asked);
});

test('a token that Google does not accept is refused, and so is a page, and a request without a token', async () => {
  assert.deepEqual(result(await begin({ token: 'invented' })), [403, 'attestation_refused']);
  assert.deepEqual(result(await begin({ headers: { origin: 'https://app.example' } })), [403, 'origin_not_allowed']);
  const challenge = await newChallenge(edge);
  for (const token of [undefined, '', 7, null]) {
    const refused = await post('/v1/session', { playIntegrity: { challenge, token } });
    assert.deepEqual([...result(refused), refused.json.error.param], [400, 'invalid_request', 'playIntegrity.token']);
  }
  assert.deepEqual(result(await begin({ token: 'A'.repeat(40_000) })), [413, 'request_too_large']);
  assert.deepEqual(result(await post('/v1/session', { appAttest: {} })), [404, 'visitors_not_set_up']);
});

for (const [name, answer] of [
  ['fails', (_, response) => response.writeHead(500).end('{"access_token":"x","tokenPayloadExternal":{}}')],
  ['does not know the service account', (_, __, reply) => reply(403, { error: 'access_denied' })],
  ['has no quota left', (_, __, reply) => reply(429, {})],
  ['redirects', (_, response) => response.writeHead(302, { location: google.url }).end()],
  ['breaks the connection', (request) => request.socket.destroy()],
]) {
  test(`while Google ${name}, no session is issued`, async () => {
    assert.equal((await begin()).status, 200);
    const { granted } = google;
    google.answer = (...of) => (answer(...of), true);
    try {
      assert.deepEqual(result(await begin()), [503, 'play_integrity_unavailable']);
    } finally {
      google.answer = null;
    }
    assert.equal((await begin()).status, 200);
    assert.equal(google.granted, granted, 'the access token was not the reason');
  });
}

test('an answer that is not a payload gives no session', async () => {
  for (const body of ['<html>', '{}', '[]', '{"tokenPayloadExternal":[]}', '{"tokenPayloadExternal":"x"}']) {
    await begin();
    google.answer = (_, response) => response.writeHead(200).end(body);
    try {
      assert.deepEqual(result(await begin()), [403, 'attestation_refused'], body);
    } finally {
      google.answer = null;
    }
  }
});

test('a secret that is no key file, or has a key that cannot sign, closes the way in, and stands nowhere', async () => {
  for (const [key, problem] of [
    [null, /PLAY_INTEGRITY_KEY is not set/],
    ['a key', /PLAY_INTEGRITY_KEY must hold the key file \(JSON\) of a Google service account/],
    [account({ private_key: 'x' }), /PLAY_INTEGRITY_KEY must hold the key file/],
    [SECRETS.SESSION_SECRET, /PLAY_INTEGRITY_KEY has the same value as SESSION_SECRET/],
  ]) {
    await withEdge({ secrets: { ...SECRETS, PLAY_INTEGRITY_KEY: key }, failsoft: failsoft() }, async (at) => {
      assert.match(JSON.parse((await send(at, '/healthz')).text).problems.join('\n'), problem);
      assert.deepEqual(result(await post('/v1/session/challenge', {}, { at })), [503, 'not_configured']);
    });
  }
  const junk = account({ private_key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' });
  await withEdge({ secrets: { ...SECRETS, PLAY_INTEGRITY_KEY: junk }, failsoft: failsoft() }, async (at) => {
    assert.deepEqual(result(await begin({ at })), [503, 'play_integrity_unavailable']);
    assert.match(at.said(), /PLAY_INTEGRITY_KEY holds no RSA key that can sign/);
  });
  const files = await readdir(join(edge.folder, 'Keys'));
  const stored = await Promise.all(files.map((file) => readFile(join(edge.folder, 'Keys', file), 'latin1')));
  assert.ok(stored.some((text) => text.length > 0));
  const secret = JSON.parse(SECRETS.PLAY_INTEGRITY_KEY).private_key.split('\n')[1];
  for (const text of [...stored, edge.said()]) for (const hidden of [secret, 'ya29.', EMAIL]) assert.ok(!text.includes(hidden));
});
