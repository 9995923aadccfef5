// A secret that is missing, empty, short or shared closes what it protects. Nothing is compared with an empty secret, and no text that
// stands for "no value" is one.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import { CLIENT_KEY, clientKey, sha256 } from '../support/edge.mjs';
import { SECOND, chat, send } from './harness.mjs';
import { configure, useEmulator, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const own = (name) => `${name}-0123456789-0123456789-0123456789`;
const emulator = useEmulator();

/** Every secret of this configuration, with a right value. */
const RIGHT = {
  UPSTREAM_API_KEY: 'sk-or-0123456789', SECOND_KEY: 'sk-second-0123456789', ADMIN_TOKEN: own('admin'), CI_TOKEN: own('ci'), METRICS_TOKEN: own('metrics'), SESSION_SECRET: own('session'),
  TURNSTILE_SECRET: 'turnstile-0123456789', OTLP_HEADERS: 'x-collector=c0llector', ALERT_HEADERS: 'x-alerts=4lerts',
};
const OLD = { UPSTREAM_API_KEY_OLD: 'sk-old-0123456789', SECOND_KEY_OLD: 'sk-older-0123456789', SESSION_SECRET_OLD: own('old-session') };
const failsoft = () => configure(emulator, {
  upstream: undefined,
  upstreams: [{ url: emulator.baseURL, dialect: 'openai' }, { url: emulator.baseURL, dialect: 'openai', key: 'SECOND_KEY' }],
  admins: [{ name: 'ci', token: 'CI_TOKEN', scopes: ['read'] }],
  visitors: { origins: [APP] },
  otlp: { url: 'http://127.0.0.1:1/otlp', headers: 'OTLP_HEADERS' },
  alerts: { url: 'http://127.0.0.1:1/alerts', headers: 'ALERT_HEADERS' },
});
const start = (secrets, act) => withEdge({ failsoft: failsoft(), secret: secrets.UPSTREAM_API_KEY ?? null, secrets }, act);

/** Texts that stand for no value in some language, and what a program sends whose secret is not set. */
const NOTHING = ['', ' ', 'undefined', 'null', 'None', 'nil', 'NaN', '[object Object]', '${ADMIN_TOKEN}', 'Bearer', 'Bearer undefined', '0', 'false', '""', '%00', '*'];

/** The session that somebody would make who believes that the secret is `secret`. */
function session(secret) {
  const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
  const payload = { origin: APP, account: 'visitor:0', until: Math.floor(Date.now() / 1000) + 600, nonce: 'n' };
  const text = `fsv_${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
  return `${text}.${hmac(hmac(secret, 'failsoft: signature of a session'), text).toString('base64url')}`;
}

/** Nobody gets anything from this edge, and nothing is sent to the upstream. */
async function checkClosed(edge, problem, tokens) {
  const health = await send(edge, '/healthz', { key: null });
  assert.equal(health.status, 503);
  assert.match(health.text, problem);
  for (const value of Object.values({ ...RIGHT, ...OLD })) assert.ok(!health.text.includes(value), health.text);
  await emulator.clear();
  for (const key of [CLIENT_KEY, null, ...tokens]) {
    for (const path of ['/v1/models', '/v1/usage', '/v1/playground', '/metrics', '/admin/keys', '/admin/pause']) {
      const answer = await send(edge, path, { key, headers: { origin: APP } });
      assert.ok([401, 503].includes(answer.status) || (answer.status === 404 && path !== '/v1/models'), `${path}: ${answer.status} ${answer.text}`);
    }
    assert.equal((await chat(edge, { model: SECOND }, { key })).status, 503);
  }
  assert.deepEqual(await emulator.log(), []);
}

test('an edge with all of its secrets is ready', async () => {
  await start({ ...RIGHT, ...OLD }, async (edge) => {
    assert.equal((await send(edge, '/healthz', { key: null })).text, '{"ok":true}');
    assert.equal((await chat(edge, { model: SECOND })).status, 200);
  });
});

for (const name of Object.keys(RIGHT)) {
  test(`the edge is closed while ${name} is missing, empty or too short`, async () => {
    const isOwn = /TOKEN|SESSION/.test(name);
    const isOptional = ['ADMIN_TOKEN', 'METRICS_TOKEN'].includes(name);
    const values = [...(isOptional ? [] : [null]), '', '   ', '\n', ...(isOwn ? ['x', own('short').slice(0, 31), `${own('short').slice(0, 31)}  \n`] : []), ...(name.endsWith('HEADERS') ? ['x', 'authorization=', '=x', 'a=b,'] : [])];
    for (const value of values) {
      await start({ ...RIGHT, [name]: value }, (edge) => checkClosed(edge, new RegExp(name), [value?.trim() ?? '', 'x']));
    }
  });
}

test('the edge is closed while the old secret of a rotation is empty, too short or of another purpose', async () => {
  for (const name of Object.keys(OLD)) {
    for (const value of ['', '  ', ...(name.startsWith('SESSION') ? ['short'] : []), RIGHT.ADMIN_TOKEN]) {
      await start({ ...RIGHT, [name]: value }, (edge) => checkClosed(edge, new RegExp(name), [value]));
    }
  }
});

test('the edge is closed while two purposes have one secret', async () => {
  const names = Object.keys(RIGHT).filter((name) => !name.endsWith('HEADERS'));
  for (const [at, first] of names.entries()) {
    // Every purpose with its neighbour, and with the tokens that open most; a test in Rust has all pairs.
    for (const second of new Set([names[(at + 1) % names.length], 'ADMIN_TOKEN'])) {
      if (second === first) continue;
      const value = own('shared');
      await start({ ...RIGHT, [first]: value, [second]: value }, (edge) => checkClosed(edge, /has the same value as/, [value]));
    }
  }
  await start({ ...RIGHT, OTLP_HEADERS: `authorization=Bearer ${RIGHT.ADMIN_TOKEN}` }, (edge) => checkClosed(edge, /ADMIN_TOKEN has the same value as a header of `otlp`/, [RIGHT.ADMIN_TOKEN]));
  await withEdge({ failsoft: { ...failsoft(), keys: [clientKey({}, RIGHT.ADMIN_TOKEN)] }, secret: RIGHT.UPSTREAM_API_KEY, secrets: RIGHT }, (edge) => checkClosed(edge, /ADMIN_TOKEN has the same value as the client key/, [RIGHT.ADMIN_TOKEN]));
});

test('what is not set up admits nobody, whatever stands for an empty secret', async () => {
  await withEdge({ failsoft: configure(emulator) }, async (edge) => {
    assert.equal((await chat(edge, { model: SECOND })).status, 200);
    await emulator.clear();
    for (const key of [...NOTHING, sha256(''), session(''), session('undefined'), 'fsv_.', 'e30.e30.', `fs_${'0'.repeat(16)}_`]) {
      for (const [path, code] of [['/metrics', 404], ['/admin/keys', 404], ['/v1/models', 401], ['/v1/usage', 401]]) {
        assert.equal((await send(edge, path, { key, headers: { origin: APP } })).status, code, `${path} ${key}`);
      }
      assert.equal((await chat(edge, { model: SECOND }, { key, headers: { origin: APP } })).status, 401, key);
    }
    assert.deepEqual(await emulator.log(), []);
  });
  await start(RIGHT, async (edge) => {
    for (const key of [...NOTHING, session(''), session('undefined'), session(RIGHT.TURNSTILE_SECRET)]) {
      for (const path of ['/v1/models', '/v1/usage']) assert.equal((await send(edge, path, { key, headers: { origin: APP } })).status, 401, `${path} ${key}`);
      for (const path of ['/metrics', '/admin/keys']) assert.equal((await send(edge, path, { key })).status, 401, `${path} ${key}`);
    }
  });
});

test('the hash of an empty text is no client key', async () => {
  const failsoft = configure(emulator, { keys: [clientKey(), { name: 'unset', sha256: sha256('') }] });
  await withEdge({ failsoft }, (edge) => checkClosed(edge, /`keys\[1\]\.sha256` is the SHA-256 of an empty text/, ['']));
});
