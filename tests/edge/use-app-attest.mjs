// An edge with App Attest for two apps, whose root certificate is that of the tests, and the requests of devices.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after } from 'node:test';

import { Authority, Device } from './app-attest.mjs';
import { CLOCK_MODULES } from './clock.mjs';
import { POLICY, SECOND, send } from './harness.mjs';
import { setUp, useEdge, useEmulator } from './use-edge.mjs';

export const APP = 'ABCDE12345.com.example.app';
export const OTHER_APP = 'ABCDE12345.com.example.other';
export const SECRETS = { SESSION_SECRET: 'session-0123456789-0123456789-012345', ADMIN_TOKEN: 'admin-0123456789-0123456789-0123456789' };
export const DAY = 86_400_000;

export const b64 = (bytes) => bytes.toString('base64');
/** The status of an answer, and the code of its error. */
export const result = ({ status, json }) => [status, json.error?.code];

/** Starts the edge with two isolates. A request goes to it, or `at` another one, and to its `isolate`. */
export function useAppAttest() {
  const emulator = useEmulator();
  const authority = new Authority();
  let worker;
  setUp(async () => {
    worker = await authority.copyWorker();
  });
  after(() => worker && rm(worker, { recursive: true }));

  const failsoft = (visitors = {}) => ({
    upstream: { url: emulator.baseURL, dialect: 'openai' },
    routes: { support: { models: [SECOND] } },
    policy: POLICY,
    visitors: { appAttest: { apps: [OTHER_APP, APP] }, routes: ['support'], models: [], ...visitors },
  });
  /** Options of `startEdge` for another edge. */
  const options = (visitors) => ({ worker, modules: CLOCK_MODULES, secrets: SECRETS, failsoft: failsoft(visitors) });
  const { edge } = useEdge(() => ({ ...options(), isolates: 2, failsoft: { ...failsoft(), keys: undefined } }), emulator);

  const post = async (path, body, { at = edge, isolate = 0, headers = {} } = {}) => {
    const sent = { method: 'POST', key: null, headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) };
    const answer = await send({ origin: at.origins[isolate] }, path, sent);
    return { ...answer, json: JSON.parse(answer.text) };
  };
  const newChallenge = async (where) => {
    const answer = await post('/v1/session/challenge', '', where);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.challenge;
  };
  const sendProof = (fields, where) => post('/v1/session', { appAttest: fields }, where);

  /** Registers the key of `device`. */
  async function register(device, { challenge, changes, keyId = device.keyId, ...where } = {}) {
    challenge ??= await newChallenge(where);
    return sendProof({ challenge, keyId: b64(keyId), attestation: b64(device.attest(challenge, changes)) }, where);
  }

  /** Asks for a session with an assertion of `device`. */
  async function renew(device, { challenge, changes, keyId = device.keyId, ...where } = {}) {
    challenge ??= await newChallenge(where);
    return sendProof({ challenge, keyId: b64(keyId), assertion: b64(device.assertion(challenge, changes)) }, where);
  }

  const makeDevice = (app = APP) => new Device(authority, app);
  /** A device whose key is registered. */
  async function makeRegistered(where) {
    const device = makeDevice();
    assert.equal((await register(device, where)).status, 200);
    return device;
  }
  return { authority, edge, failsoft, options, post, newChallenge, sendProof, register, renew, makeDevice, makeRegistered };
}
