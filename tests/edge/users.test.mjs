// Tokens of the app's own users: valid tokens, signed with real keys, and all kinds of invalid ones.

import assert from 'node:assert/strict';
import { createHmac, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey, CLIENT_KEY } from '../support/edge.mjs';
import { CLOCK_MODULES, setClockAhead } from './clock.mjs';
import { send } from './harness.mjs';
import { setUp, useEdge, withEdge } from './use-edge.mjs';

const ISSUER = 'https://id.example/';
const AUDIENCE = 'app';
const APP = 'https://app.example';
const now = () => Math.floor(Date.now() / 1000);

/** A key pair. `jwk` is the public key as the issuer publishes it. */
function pair(kid, algorithm, extra = {}) {
  const [type, options] = {
    RS256: ['rsa', { modulusLength: 2048 }],
    ES256: ['ec', { namedCurve: 'P-256' }],
    EdDSA: ['ed25519', {}],
  }[algorithm];
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  return { kid, algorithm, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, ...extra } };
}

const RSA = pair('rsa', 'RS256', { alg: 'RS256', use: 'sig' });
const EC = pair('ec', 'ES256');
const ED = pair('ed', 'EdDSA', { key_ops: ['verify'] });
const STRANGER = pair('rsa', 'RS256');

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claims = (changes = {}) => ({ iss: ISSUER, aud: AUDIENCE, sub: 'ann', exp: now() + 300, ...changes });

/** A token signed with `key`. `header` replaces fields of its header. */
function token(key, payload = claims(), header = {}) {
  const signed = `${part({ alg: key.algorithm, kid: key.kid, typ: 'JWT', ...header })}.${part(payload)}`;
  const options = key.algorithm === 'ES256' ? { key: key.privateKey, dsaEncoding: 'ieee-p1363' } : key.privateKey;
  return `${signed}.${sign(key.algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(signed), options).toString('base64url')}`;
}

/** An issuer that publishes `keys` and counts its requests in `asked`. `answer` replaces its response. */
async function startIssuer(keys) {
  const issuer = { keys, asked: 0, answer: null };
  const server = createServer((request, response) => {
    issuer.asked += 1;
    if (issuer.answer) return issuer.answer(request, response);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer.url = `http://127.0.0.1:${server.address().port}/jwks`;
  issuer.stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return issuer;
}

const failsoft = (jwks, fields = {}) => ({
  upstream: { url: 'http://127.0.0.1:1', dialect: 'openai' },
  models: ['a/a'],
  routes: { support: { models: ['b/b'] } },
  users: [{ issuer: ISSUER, audience: AUDIENCE, jwks, ...fields }],
});

let issuer;

setUp(async () => {
  issuer = await startIssuer([RSA, EC, ED]);
});

after(() => issuer?.stop());

const { edge } = useEdge(() => {
  const more = { issuer: ISSUER, audience: 'web', jwks: issuer.url, algorithms: ['ES256'], origins: [APP], routes: ['support'], models: [], claim: 'email', clockSkew: 0 };
  const config = failsoft(issuer.url);
  return { failsoft: { ...config, keys: [clientKey()], users: [...config.users, more] } };
});

const models = (key, { at = edge, origin } = {}) => send(at, '/v1/models', { key, headers: origin ? { origin } : {} });

async function checkLetIn(key, options) {
  const answer = await models(key, options);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text).data.map(({ id }) => id);
}

async function checkRefused(key, why, pattern = /not valid here/, code = String(pattern).includes('expired') ? 'token_expired' : 'token_invalid') {
  const answer = await models(key);
  assert.equal(answer.status, 401, `${why}: ${answer.text}`);
  const { error } = JSON.parse(answer.text);
  assert.equal(error.code, code, why);
  assert.match(error.message, pattern, why);
  assert.ok(!answer.text.includes('id.example') && !answer.text.includes('ann'), why);
}

for (const key of [RSA, EC, ED]) {
  test(`a user with a token signed by ${key.algorithm} may call`, async () => {
    assert.deepEqual(await checkLetIn(token(key)), ['route/support', 'a/a']);
    assert.deepEqual(await checkLetIn(token(key, claims({ aud: ['other', AUDIENCE], nbf: now() + 30 }))), ['route/support', 'a/a']);
  });
}

test('the user id of a token is only text, and appears in no answer and no log line', async () => {
  for (const sub of ["'; DROP TABLE users; --", '<script>alert(1)</script>', '../../admin', '\r\nset-cookie: a=b', '\u0000', 'x'.repeat(5_000), 17]) {
    const answer = await models(token(RSA, claims({ sub })));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['set-cookie'], undefined);
    assert.ok(!`${answer.text}${edge.said()}`.includes('DROP TABLE'));
  }
});

test('client keys of the configuration work beside tokens', async () => {
  await checkLetIn(CLIENT_KEY);
});

test('a token gets the configuration of its audience', async () => {
  const web = claims({ aud: 'web', email: 'ann@app.example' });
  assert.deepEqual(await checkLetIn(token(EC, web), { origin: APP }), ['route/support']);
  assert.equal((await models(token(EC, web), { origin: 'https://evil.example' })).status, 403);
  assert.equal((await models(token(EC, web))).status, 403);
  await checkRefused(token(RSA, web), 'an algorithm that is not allowed for it');
  await checkRefused(token(EC, { ...web, email: undefined }), 'nobody', /does not name its user/);
  await checkRefused(token(EC, { ...web, exp: now() - 1 }), 'no skew', /expired/);
});

test('a token whose issuer names the app in another claim than aud is let in by that claim', async () => {
  const cognito = { iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x', sub: 'u-1', client_id: 'app-client-1', token_use: 'access', scope: 'openid', exp: now() + 300 };
  const clerk = { iss: 'https://clerk.example.com', sub: 'user_1', azp: APP, sid: 'sess_1', exp: now() + 300, nbf: 1 };
  const users = [
    { issuer: cognito.iss, audience: cognito.client_id, audienceClaim: 'client_id', jwks: issuer.url },
    { issuer: clerk.iss, audience: APP, audienceClaim: 'azp', jwks: issuer.url },
    { issuer: ISSUER, audience: AUDIENCE, jwks: issuer.url },
  ];
  await withEdge({ failsoft: { ...failsoft(issuer.url), users } }, async (at) => {
    const status = async (payload) => (await models(token(RSA, payload), { at })).status;
    for (const payload of [cognito, clerk, claims()]) assert.equal(await status(payload), 200, JSON.stringify(payload));
    for (const payload of [
      { ...cognito, client_id: 'app-client-2' }, { ...cognito, client_id: undefined }, { ...cognito, client_id: undefined, aud: cognito.client_id },
      { ...cognito, client_id: undefined, azp: cognito.client_id }, { ...clerk, azp: 'https://evil.example' }, { ...clerk, azp: undefined },
      claims({ aud: undefined, client_id: AUDIENCE, azp: AUDIENCE }),
    ]) assert.equal(await status(payload), 401, JSON.stringify(payload));
  });
});

test('the preflight of a page of the app is allowed, and that of another page is not', async () => {
  const preflight = await send(edge, '/v1/chat/completions', { method: 'OPTIONS', key: null, headers: { origin: APP } });
  assert.equal(preflight.headers['access-control-allow-origin'], APP);
  const evil = await send(edge, '/v1/chat/completions', { method: 'OPTIONS', key: null, headers: { origin: 'https://evil.example' } });
  assert.equal(evil.headers['access-control-allow-origin'], undefined);
});

test('a token that the issuer did not sign is refused', async () => {
  const good = token(RSA);
  const [header, payload, signature] = good.split('.');
  const other = (text) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
  await checkRefused(token(STRANGER), 'forged with another key of the same id');
  await checkRefused(`${header}.${part(claims({ sub: 'bob' }))}.${signature}`, 'other claims');
  await checkRefused(`${header}.${payload}.${other(signature)}`, 'another signature');
  await checkRefused(`${header}.${payload}.`, 'no signature');
  await checkRefused(`${header}.${payload}.${signature}=`, 'padding');
  await checkRefused(`${part({ alg: 'RS256', kid: 'rsa' })}.${payload}.${signature}`, 'another header');
  await checkRefused(`${header}.${payload}.${token(EC).split('.')[2]}`, 'a signature of another key');
});

test('a token without a signature is refused in every form', async () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, ['none'], undefined]) {
    const unsigned = `${part({ alg, kid: 'rsa' })}.${part(claims())}`;
    await checkRefused(`${unsigned}.`, String(alg));
    await checkRefused(`${unsigned}.${token(RSA).split('.')[2]}`, String(alg));
  }
});

test('a token that is signed with a public key as HMAC secret is refused', async () => {
  const pem = RSA.publicKey.export({ type: 'spki', format: 'pem' });
  const secrets = [pem, pem.trim(), RSA.publicKey.export({ type: 'spki', format: 'der' }), RSA.jwk.n, Buffer.from(RSA.jwk.n, 'base64url'), JSON.stringify(RSA.jwk), ED.jwk.x, Buffer.from(ED.jwk.x, 'base64url')];
  for (const secret of secrets) {
    for (const header of [{ alg: 'HS256', kid: 'rsa' }, { alg: 'HS256', kid: 'ed' }, { alg: 'HS256' }, { alg: 'RS256', kid: 'rsa' }]) {
      const signed = `${part(header)}.${part(claims())}`;
      await checkRefused(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`, header.alg);
    }
  }
});

test('a key is used for its own algorithm only, whatever the token names', async () => {
  for (const [key, header] of [
    [RSA, { alg: 'ES256' }],
    [RSA, { alg: 'PS256' }],
    [RSA, { alg: 'RS512' }],
    [EC, { alg: 'RS256' }],
    [EC, { alg: 'EdDSA' }],
    [ED, { alg: 'ES256' }],
    [RSA, { kid: 'ec' }],
    [EC, { kid: 'rsa' }],
    [ED, { kid: 'rsa', alg: 'RS256' }],
  ]) {
    await checkRefused(token(key, claims(), header), JSON.stringify([key.algorithm, header]));
  }
  const der = createHash('sha256').update('x').digest();
  await checkRefused(`${token(EC).split('.').slice(0, 2).join('.')}.${sign('sha256', der, EC.privateKey).toString('base64url')}`, 'DER');
});

test('a token cannot bring its own key, and a header that must be understood is refused', async () => {
  const seen = issuer.asked;
  const elsewhere = await startIssuer([STRANGER]);
  const stranger = { ...STRANGER.jwk };
  for (const header of [
    { jwk: stranger },
    { jku: elsewhere.url },
    { x5u: elsewhere.url },
    { x5c: ['MIIB'] },
    { jwk: stranger, jku: elsewhere.url, kid: undefined },
    { jwk: stranger, kid: 'evil' },
  ]) {
    await checkRefused(token(STRANGER, claims(), header), JSON.stringify(header));
  }
  assert.equal(elsewhere.asked, 0);
  await elsewhere.stop();
  await checkLetIn(token(RSA, claims(), { jku: elsewhere.url }));
  for (const header of [{ crit: ['exp'], exp: now() }, { crit: [] }, { crit: ['b64'], b64: false }, { kid: 7 }]) {
    await checkRefused(token(RSA, claims(), header), JSON.stringify(header));
  }
  assert.ok(issuer.asked <= seen + 1, 'an unknown key id causes at most one request in 30 seconds');
});

test('a token is refused outside its issuer, its audience and its time', async () => {
  for (const [changes, pattern] of [
    [{ aud: 'another' }],
    [{ aud: [] }],
    [{ aud: undefined }],
    [{ aud: `${AUDIENCE} ` }],
    [{ iss: 'https://id.example' }],
    [{ iss: undefined }],
    [{ iss: [ISSUER] }],
    [{ exp: now() - 61 }, /expired/],
    [{ exp: 0 }, /expired/],
    [{ exp: undefined }, /no `exp`/],
    [{ exp: String(now() + 300) }, /no `exp`/],
    [{ nbf: now() + 90 }, /not valid yet/],
    [{ sub: undefined }, /does not name its user/],
    [{ sub: '' }, /does not name its user/],
    [{ sub: { id: 1 } }, /does not name its user/],
  ]) {
    await checkRefused(token(RSA, claims(changes)), JSON.stringify(changes), pattern);
  }
  await checkLetIn(token(RSA, claims({ exp: now() - 30 })));
});

test('a token of another kind, from the future, without a near end, or with a claim twice is refused', async () => {
  const day = 86_400;
  for (const typ of ['logout+jwt', 'JWE', 'dpop+jwt', 'secevent+jwt', '', ['JWT'], 7]) await checkRefused(token(EC, claims(), { typ }), `the type ${typ}`);
  for (const typ of ['jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', undefined]) await checkLetIn(token(EC, claims(), { typ }));
  await checkRefused(token(EC, claims({ iat: now() + 120 })), 'an `iat` in the future', /not valid yet/);
  await checkRefused(token(EC, claims({ iat: 'now' })), 'an `iat` that is no number', /not valid yet/);
  for (const exp of [now() + 400 * day, Date.now(), 1e300]) await checkRefused(token(EC, claims({ exp })), `the end ${exp}`, /more than a year/);
  await checkLetIn(token(EC, claims({ iat: now() - day, exp: now() + 300 * day })));
  const twice = JSON.stringify(claims()).replace('{', '{"sub":"bob",');
  await checkRefused(token(EC, twice), 'a claim twice');
  await checkRefused(token(EC, twice.replace('"sub":"bob"', '"s\\u0075b":"bob"')), 'a claim twice, in two spellings');
  const header = JSON.stringify({ alg: 'ES256', kid: 'ec', typ: 'JWT' }).replace('{', '{"alg":"none",');
  const signed = `${part(header)}.${part(claims())}`;
  const signature = sign('sha256', Buffer.from(signed), { key: EC.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  await checkRefused(`${signed}.${signature}`, 'a field of the header twice');
});

test('a text that only resembles a token is refused', async () => {
  const good = token(RSA);
  for (const broken of ['..', 'a.b.c', `${good}.x`, `${good}${'x'.repeat(17_000)}`, `.${good}`, good.replaceAll('.', '..')]) {
    assert.equal((await models(broken)).status, 401, broken.slice(0, 20));
  }
});

/** Runs `act` with a new issuer and a new edge, whose isolate remembers no keys. */
async function withIssuer(keys, act) {
  const own = await startIssuer(keys);
  try {
    await withEdge({ modules: CLOCK_MODULES, failsoft: failsoft(own.url) }, (at) => act(own, at));
  } finally {
    await own.stop();
  }
}

test('requests that arrive together cause one request for the keys', async () => {
  await withIssuer([RSA], async (own, at) => {
    own.answer = (_, response) => setTimeout(() => response.end(JSON.stringify({ keys: [RSA.jwk] })), 300);
    const all = await Promise.all(Array.from({ length: 20 }, () => models(token(RSA), { at })));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [200]);
    assert.equal(own.asked, 1);
  });
});

test('invented key ids do not cause more requests for the keys', async () => {
  await withIssuer([RSA], async (own, at) => {
    await checkLetIn(token(RSA), { at });
    for (let times = 0; times < 10; times += 1) {
      assert.equal((await models(token(STRANGER, claims(), { kid: `invented-${times}` }), { at })).status, 401);
    }
    await checkLetIn(token(RSA), { at });
    assert.equal(own.asked, 1, 'the keys were fetched a moment ago');
  });
});

test('a new key is found when its first token arrives, and a withdrawn key is refused', async () => {
  await withIssuer([RSA], async (own, at) => {
    await checkLetIn(token(RSA), { at });
    own.keys = [EC];
    await setClockAhead(at, 30_100);
    const all = await Promise.all(Array.from({ length: 10 }, () => models(token(EC), { at })));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [200]);
    assert.equal(own.asked, 2);
    assert.equal((await models(token(RSA), { at })).status, 401);
  });
});

for (const [name, answer] of [
  ['fails', (_, response) => response.writeHead(500).end()],
  ['answers with a page', (_, response) => response.end('<html>')],
  ['has no key that could be used', (_, response) => response.end(JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'rsa' }] }))],
  ['sends a very long answer', (_, response) => response.end(`{"keys": [${'{}, '.repeat(200_000)}{}]}`)],
  ['redirects', (request, response) => {
    if (request.url === '/elsewhere') response.end(JSON.stringify({ keys: [RSA.jwk] }));
    else response.writeHead(302, { location: '/elsewhere' }).end();
  }],
]) {
  test(`while the issuer ${name}, tokens are refused, and the issuer is not asked again at once`, async () => {
    await withIssuer([RSA], async (own, at) => {
      own.answer = answer;
      for (let times = 0; times < 3; times += 1) {
        const refused = await models(token(RSA), { at });
        assert.equal(refused.status, 503, refused.text);
        assert.equal(JSON.parse(refused.text).error.code, 'issuer_unavailable');
      }
      assert.equal(own.asked, 1);
    });
  });
}

test('while the issuer does not answer, a request is refused after a short time', { timeout: 30_000 }, async () => {
  await withIssuer([RSA], async (own, at) => {
    own.answer = () => {};
    const began = Date.now();
    assert.equal((await models(token(RSA), { at })).status, 503);
    assert.ok(Date.now() - began < 20_000, String(Date.now() - began));
  });
});

test('/healthz names the path of each wrong field of the configuration', async () => {
  for (const [fields, problem] of [
    [{ jwks: 'http://id.example/jwks' }, /`users\[0\].jwks` must begin with https/],
    [{ issuer: '' }, /`users\[0\].issuer` is missing/],
    [{ audience: undefined }, /`users\[0\].audience` is missing/],
    [{ algorithms: ['HS256'] }, /`users\[0\].algorithms\[0\]` must be one of: RS256, ES256, EdDSA/],
    [{ clockSkew: 3_600 }, /`users\[0\].clockSkew` must be a whole number from 0 to 600/],
    [{ routes: ['nope'] }, /`users\[0\].routes\[0\]` is not one of/],
  ]) {
    await withEdge({ failsoft: failsoft('https://id.example/jwks', fields) }, async (broken) => {
      assert.match(JSON.parse((await send(broken, '/healthz')).text).problems[0], problem);
    });
  }
});
