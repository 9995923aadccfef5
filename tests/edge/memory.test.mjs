// Memory is bounded: of an upstream's body the edge reads no more than a limit, and an isolate works on a limited number of bytes.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { setUp, useEdge, useEmulator } from './use-edge.mjs';

const MB = 1_000_000;
/** More than an isolate has. */
const ENDLESS = 1_000 * MB;
/** What the upstream may get rid of at most: the largest answer, and what the buffers of the sockets take. */
const MOST = 150 * MB;
const OTHER_KEY = 'fs_test_other';

const upstream = {};
setUp(async () => {
  const server = createServer((request, response) => {
    request.resume();
    const { status = 200, type = 'application/json', begin = '', piece } = upstream.answer;
    upstream.sent = 0;
    response.writeHead(status, { 'content-type': type });
    response.write(begin);
    const more = () => {
      while (upstream.sent < ENDLESS && !response.destroyed) {
        upstream.sent += piece.length;
        if (!response.write(piece)) return response.once('drain', more);
      }
      response.end();
    };
    response.on('error', () => {});
    more();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  upstream.url = `http://127.0.0.1:${server.address().port}`;
});

const { edge } = useEdge(() => ({
  failsoft: { upstream: { url: upstream.url, dialect: 'openai' }, policy: { ...POLICY, retry: { same: 0 } } },
}));
const emulator = useEmulator();
const { edge: narrow } = useEdge(() => ({
  failsoft: { keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)], limits: { bytesInFlight: 4 * MB } },
}), emulator);
const { edge: wide } = useEdge(() => ({
  failsoft: { keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)], limits: { bytesInFlight: 64 * MB } },
}), emulator);

const BODIES = {
  'one string without an end': { begin: '{"choices":[{"message":{"content":"', piece: 'x'.repeat(100_000) },
  'blanks before the answer': { piece: ' '.repeat(100_000) },
  'an error without an end': { status: 500, begin: '{"error":{"message":"', piece: 'x'.repeat(100_000) },
  'a page of an error without an end': { status: 404, type: 'text/html', piece: '<p>'.repeat(33_000) },
  'a stream that is one line': { type: 'text/event-stream', begin: 'data: ', piece: 'x'.repeat(100_000) },
  'a stream of comments': { type: 'text/event-stream', piece: ': waiting\n\n'.repeat(9_000) },
};

for (const [name, answer] of Object.entries(BODIES)) {
  test(`${name}: the edge reads no more than a limit, and the client gets an error`, { timeout: 120_000 }, async () => {
    upstream.answer = answer;
    const answered = await chat(edge, { model: SECOND, stream: answer.type === 'text/event-stream', user: name });
    assert.ok(answered.status >= 400 || answered.events?.error, answered.text.slice(0, 300));
    assert.ok(upstream.sent < MOST, `the upstream sent ${upstream.sent} bytes`);
    assert.equal((await send(edge, '/v1/models')).status, 200);
  });
}

test('beyond the bytes in flight, a call gets a 503 with Retry-After, and another account goes on', async () => {
  const large = (key, at) => chat(narrow, { model: SECOND, user: `${key} ${at}`, metadata: { a: 'x'.repeat(0.9 * MB) } }, { key });
  await emulator.hold();
  const held = [0, 1].map((at) => large(CLIENT_KEY, at));
  const arrived = async () => (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).length;
  while ((await arrived()) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const refused = await large(CLIENT_KEY, 2);
  assert.deepEqual([refused.status, refused.json.error.code, refused.headers['retry-after'], refused.headers['x-should-retry']], [503, 'busy', '2', 'true']);
  const other = large(OTHER_KEY, 0);
  await emulator.release();
  assert.deepEqual((await Promise.all([...held, other])).map(({ status }) => status), [200, 200, 200]);
  for (let at = 10; at < 20; at += 1) assert.equal((await large(CLIENT_KEY, at)).status, 200);
});

/** The memory that the program of an edge has, in bytes. */
const resident = async ({ pid }) => Number((await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])).stdout) * 1_024;

test('a call that waits for its answer keeps few copies of its request', async () => {
  const body = 0.9 * MB;
  /** The memory while `count` calls wait. */
  const hold = async (count) => {
    await emulator.clear();
    await emulator.hold();
    const calls = Array.from({ length: count }, (_, at) => chat(wide, { model: SECOND, user: `call ${at}`, metadata: { a: 'x'.repeat(body) } }, { key: at % 2 ? CLIENT_KEY : OTHER_KEY }));
    while ((await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions')).length < count) await new Promise((resolve) => setTimeout(resolve, 20));
    const bytes = await resident(wide);
    await emulator.release();
    assert.ok((await Promise.all(calls)).every(({ status }) => status === 200));
    return bytes;
  };
  const few = await hold(8);
  const copies = ((await hold(32)) - few) / 24 / body;
  assert.ok(copies < 5.5, `${copies.toFixed(2)} copies`);
});
