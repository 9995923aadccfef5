// App Attest: what becomes of the key of a device that is registered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startEdge } from '../support/edge.mjs';
import { DEVELOPMENT } from './app-attest.mjs';
import { setClockAhead } from './clock.mjs';
import { chat, send } from './harness.mjs';
import { APP, DAY, OTHER_APP, SECRETS, result, useAppAttest } from './use-app-attest.mjs';
import { withEdge } from './use-edge.mjs';

const { edge, options, register, renew, makeDevice, makeRegistered } = useAppAttest();

test('a key is registered once', async () => {
  const phone = await makeRegistered();
  assert.deepEqual(result(await register(phone)), [403, 'attestation_refused']);
  assert.equal((await renew(phone)).status, 200, 'the counter was not set back');
});

test('the configuration of now decides about a key that was registered before', async () => {
  const phone = makeDevice();
  const lenient = { appAttest: { apps: [APP], development: true } };
  await withEdge(options(lenient), async (at) => {
    assert.equal((await register(phone, { at, changes: { aaguid: DEVELOPMENT } })).status, 200);
    assert.equal((await renew(phone, { at })).status, 200);
    await at.kill();
    for (const [visitors, expected] of [
      [{ appAttest: { apps: [APP] } }, [403, 'attestation_refused']],
      [{ appAttest: { apps: [OTHER_APP], development: true } }, [403, 'attestation_refused']],
      [lenient, [200, undefined]],
    ]) {
      const again = await startEdge({ ...options(visitors), folder: at.folder });
      assert.deepEqual(result(await renew(phone, { at: again })), expected);
      await again.kill();
    }
  });
});

test('a revoked key of a device gives no session, on any isolate, and ends those that it gave', async () => {
  const [lost, other] = [await makeRegistered(), await makeRegistered()];
  const sessions = [(await renew(lost)).json, (await renew(lost, { isolate: 1 })).json];
  const kept = (await renew(other)).json;
  const call = (session, id) => chat(edge, { model: 'route/support' }, { key: session.token, headers: { 'x-request-id': id } });
  for (const [at, session] of sessions.entries()) {
    assert.equal((await call(session, `lost-${at}`)).status, 200);
    const line = await edge.line(`lost-${at}`);
    assert.deepEqual([line.session, line.device], [session.id, lost.keyId.toString('hex').slice(0, 16)]);
  }
  const { device: id } = await edge.line('lost-0');
  const revoke = (which, method = 'DELETE') => send(edge, `/admin/devices/${which}`, { method, key: SECRETS.ADMIN_TOKEN });
  for (let count = 0; count < 2; count += 1) {
    const revoked = await revoke(id);
    assert.deepEqual([revoked.status, JSON.parse(revoked.text)], [200, { id, revoked: true }]);
  }
  const ask = (origin, { token: key }) => send({ origin }, '/v1/models', { key });
  const until = Date.now() + 10_000;
  for (const session of sessions) {
    assert.equal((await ask(edge.origins[0], session)).status, 401, 'the isolate that revoked the key knows at once');
    while ((await ask(edge.origins[1], session)).status === 200) {
      assert.ok(Date.now() < until, 'the other isolate asks again');
      await sleep(100);
    }
    for (const origin of edge.origins) assert.equal(JSON.parse((await ask(origin, session)).text).error.code, 'token_revoked');
  }
  for (const isolate of [0, 1]) {
    assert.deepEqual(result(await renew(lost, { isolate })), [403, 'device_key_revoked']);
    assert.deepEqual(result(await register(lost, { isolate })), [403, 'attestation_refused'], 'a new attestation does not help');
    assert.equal((await ask(edge.origins[isolate], kept)).status, 200);
    assert.equal((await renew(other, { isolate })).status, 200);
  }
  for (const [which, method, status] of [['f'.repeat(16), 'DELETE', 404], [lost.keyId.toString('hex'), 'DELETE', 404], ['', 'DELETE', 404], [id, 'GET', 405]]) {
    assert.equal((await revoke(which, method)).status, status, which);
  }
  assert.deepEqual(result(await renew(makeDevice())), [403, 'device_key_unknown'], 'revoking an unknown key registers none');
  const audit = await edge.database.all("SELECT admin, status FROM audit WHERE path = ? AND method = 'DELETE'", `/admin/devices/${id}`);
  assert.deepEqual(audit, Array(2).fill({ admin: 'ADMIN_TOKEN', status: 200 }));
});

test('a key is forgotten half a year after its last use or its revocation', async () => {
  await withEdge(options(), async (at) => {
    const [unused, revoked, used] = [await makeRegistered({ at }), await makeRegistered({ at }), await makeRegistered({ at })];
    await setClockAhead(at, -180 * DAY);
    // So the half year of this use ends now.
    assert.equal((await renew(unused, { at })).status, 200);
    const id = revoked.keyId.toString('hex').slice(0, 16);
    assert.equal((await send(at, `/admin/devices/${id}`, { method: 'DELETE', key: SECRETS.ADMIN_TOKEN })).status, 200);
    await setClockAhead(at, 0);
    const until = Date.now() + 60_000;
    for (const phone of [unused, revoked]) {
      // An assertion of another app is no use.
      while (result(await renew(phone, { at, changes: { app: OTHER_APP } }))[1] !== 'device_key_unknown') {
        assert.ok(Date.now() < until, 'the key is forgotten');
        await sleep(50);
      }
      assert.equal((await register(phone, { at })).status, 200, 'nothing of the key is left');
    }
    assert.equal((await renew(used, { at })).status, 200);
  });
});
