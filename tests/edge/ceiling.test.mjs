// Bounds over many strangers together: what all visitors may use, how many sessions they get, and refused calls.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { SECOND, beginWithin, chat, send } from './harness.mjs';
import { configure, setUp, useEmulator, withEdge } from './use-edge.mjs';

const APP = 'https://app.example';
const SECRETS = { TURNSTILE_SECRET: 'turnstile', SESSION_SECRET: 'session-0123456789-0123456789-012345' };
const OTHER = 'fs_other_client';

const emulator = useEmulator();
const turnstile = { asked: 0 };
setUp(async () => {
  const server = createServer((request, response) => {
    request.resume();
    turnstile.asked += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ success: true, hostname: 'app.example', challenge_ts: new Date().toISOString() }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  turnstile.url = `http://127.0.0.1:${server.address().port}/siteverify`;
});

const visitors = (fields) => ({ origins: [APP], siteverify: turnstile.url, models: [SECOND], ...fields });
const headers = (address) => ({ origin: APP, 'cf-connecting-ip': address, 'content-type': 'application/json' });
const session = (edge, at) => send(edge, '/v1/session', { method: 'POST', key: null, headers: headers(`198.51.100.${at}`), body: `{"turnstile":"token-${at}"}` });

test('all visitors together stay within their total, on every isolate, and other clients go on', async () => {
  await beginWithin('day', 60_000);
  const options = { isolates: 2, secrets: SECRETS, failsoft: configure(emulator, { models: [SECOND], visitors: visitors({ budget: { requests: { day: 3 } }, total: { requests: { day: 7 } } }) }) };
  await withEdge(options, async (edge) => {
    const sessions = [];
    for (let at = 1; at <= 6; at += 1) sessions.push(JSON.parse((await session(edge, at)).text).token);
    const calls = sessions.flatMap((key) => [0, 1].map((at) => ({ key, origin: edge.origins[at] })));
    const answers = [];
    for (const { key, origin } of calls) answers.push(await chat({ origin }, { model: SECOND }, { key, headers: { origin: APP } }));
    const served = answers.filter(({ status }) => status === 200).length;
    // A lease that one isolate holds is not there for the other.
    assert.ok(served >= 4 && served <= 7, String(served));
    const refused = answers.find(({ status }) => status === 429);
    assert.match(refused.json.error.message, /the budget of this edge's visitors/);
    assert.equal((await chat(edge, { model: SECOND })).status, 200, 'a key is no visitor');
  });
});

test('all networks together get as many sessions as the brake allows, and Turnstile is asked for no more', async () => {
  await withEdge({ secrets: SECRETS, strangers: 3, sessions: 10, failsoft: configure(emulator, { visitors: visitors({}) }) }, async (edge) => {
    turnstile.asked = 0;
    const statuses = [];
    for (let at = 1; at <= 30; at += 1) statuses.push((await session(edge, at)).status);
    assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length], [10, 20]);
    assert.equal(turnstile.asked, 10);
    const refused = await session(edge, 99);
    assert.deepEqual([JSON.parse(refused.text).error.code, refused.headers['retry-after']], ['too_many_attempts', '60']);
    assert.match(edge.said(), /"event":"brake"/);
  });
});

test('refused calls use up the minute of their account, and nothing of its day', async () => {
  await beginWithin('minute', 20_000);
  const keys = [clientKey({ budget: { requests: { minute: 4, day: 5 } } }), clientKey({ name: 'other', budget: { requests: { day: 5 } } }, OTHER)];
  await withEdge({ failsoft: configure(emulator, { keys, models: [SECOND] }) }, async (edge) => {
    const statuses = [];
    for (const body of [{ n: 0 }, { model: 'not/allowed' }, { model: SECOND }, '{"not json', { model: SECOND }, { n: 0 }]) {
      statuses.push((await chat(edge, typeof body === 'string' ? body : { model: SECOND, ...body })).status);
    }
    assert.deepEqual(statuses, [400, 403, 200, 400, 429, 429]);
    const usage = JSON.parse((await send(edge, '/v1/usage')).text).requests;
    assert.deepEqual([usage.minute.used, usage.minute.left, usage.day.used], [4, 0, 1]);
    for (let at = 0; at < 20; at += 1) assert.equal((await chat(edge, { model: SECOND, n: 0 }, { key: OTHER })).status, 400);
    const other = JSON.parse((await send(edge, '/v1/usage', { key: OTHER })).text).requests;
    assert.deepEqual([other.minute.used, other.day.used], [0, 0], 'without a limit for the minute nothing is counted');
  });
});
