// Memory is bounded: of an upstream's body the edge reads no more than a limit, and an isolate works on a limited number of bytes.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { POLICY, SECOND, chat, send } from './harness.mjs';
import { setUp, useEdge, useEmulator, withEdge } from './use-edge.mjs';

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
/** Its calls wait for as long as the test takes. */
const { edge: wide } = useEdge(() => ({
  failsoft: {
    keys: [clientKey(), clientKey({ name: 'other' }, OTHER_KEY)], limits: { bytesInFlight: 64 * MB },
    policy: { timeouts: { headers: 60_000, firstToken: 60_000, idle: 60_000, total: 120_000 } },
  },
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

/** The memory that the program of an edge has, in bytes. */
const resident = async ({ pid }) => Number((await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])).stdout) * 1_024;

/** Answers that are short on the wire. Unpacked, each has more bytes than the edge reads of any answer. */
const UNPACKED = Buffer.alloc(200 * MB, ' ');
const BOMBS = {
  'in one piece': { type: 'application/json', begin: '{"choices":[{"message":{"content":"' },
  'as a stream': { type: 'text/event-stream', begin: 'data: ' },
  'as an error': { status: 400, type: 'application/json', begin: '{"error":{"message":"' },
};

for (const [name, { status = 200, type, begin }] of Object.entries(BOMBS)) {
  test(`a compressed answer ${name} is unpacked up to the limit, and the client gets an error`, { timeout: 120_000 }, async () => {
    const packed = gzipSync(Buffer.concat([Buffer.from(begin), UNPACKED]), { level: 1 });
    const server = createServer((request, response) => {
      request.resume();
      response.on('error', () => {});
      response.writeHead(status, { 'content-type': type, 'content-encoding': 'gzip' });
      response.end(packed);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const failsoft = { upstream: { url: `http://127.0.0.1:${server.address().port}`, dialect: 'openai' }, keys: [clientKey()], models: ['*'], policy: { ...POLICY, retry: { same: 0 } } };
    try {
      await withEdge({ failsoft }, async (bounded) => {
        const before = await resident(bounded);
        const answered = await chat(bounded, { model: SECOND, stream: type === 'text/event-stream' });
        assert.ok(answered.status >= 400 || answered.events?.error, answered.text.slice(0, 300));
        assert.ok((await resident(bounded)) - before < MOST, 'the whole answer was unpacked');
        assert.equal((await send(bounded, '/v1/models')).status, 200);
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

test('of headers without an end the edge reads no more than a limit, and the client gets an error', { timeout: 120_000 }, async () => {
  let sent = 0;
  const piece = 'x'.repeat(100_000);
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nx-endless: ');
      const more = () => {
        while (sent < ENDLESS && !socket.destroyed) {
          sent += piece.length;
          if (!socket.write(piece)) return socket.once('drain', more);
        }
        socket.end();
      };
      more();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const failsoft = { upstream: { url: `http://127.0.0.1:${server.address().port}`, dialect: 'openai' }, keys: [clientKey()], models: ['*'], policy: { ...POLICY, retry: { same: 0 } } };
  try {
    await withEdge({ failsoft }, async (bounded) => {
      const answered = await chat(bounded, { model: SECOND });
      assert.ok(answered.status >= 500, answered.text.slice(0, 300));
      assert.ok(sent < MOST, `the upstream sent ${sent} bytes`);
      assert.equal((await send(bounded, '/v1/models')).status, 200);
    });
  } finally {
    server.close();
  }
});

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
    assert.deepEqual([...new Set((await Promise.all(calls)).map(({ status, text, json }) => `${status} ${status === 200 ? '' : text ?? JSON.stringify(json)}`))], ['200 ']);
    return bytes;
  };
  const few = await hold(8);
  const copies = ((await hold(32)) - few) / 24 / body;
  assert.ok(copies < 5.5, `${copies.toFixed(2)} copies`);
});

/** Everything that the edge reads beside the answers of models. */
const PATHS = ['/v1/models', '/v1/embeddings/models', '/v1/generation', '/jwks', '/siteverify', '/hook', '/otlp'];
const SECRETS = { TURNSTILE_SECRET: 'turnstile-secret-of-this-test', SESSION_SECRET: 'session-secret-0123456789-0123456789' };

test('of everything else that others send, the edge reads no more than a limit either', { timeout: 120_000 }, async () => {
  const sent = Object.fromEntries(PATHS.map((path) => [path, 0]));
  const piece = Buffer.from(' '.repeat(100_000));
  let chats = 0;
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url.split('?')[0];
    response.on('error', () => {});
    if (!PATHS.includes(path)) {
      // The first call is refused. The second is answered without a cost, which the edge then looks up.
      chats += 1;
      response.writeHead(chats === 1 ? 401 : 200, { 'content-type': 'application/json', 'x-generation-id': 'gen-1' });
      const choices = [{ index: 0, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' }];
      return response.end(JSON.stringify(chats === 1 ? { error: { message: 'no' } } : { id: 'gen-1', choices }));
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      while (sent[path] < ENDLESS && !response.destroyed) {
        sent[path] += piece.length;
        if (!response.write(piece)) return response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const budget = { usd: { day: 1 } };
  const failsoft = {
    upstream: { url: `${url}/v1`, dialect: 'openrouter' },
    keys: [clientKey({ budget }), clientKey({ name: 'other' }, OTHER_KEY)],
    users: [{ issuer: 'https://id.example/', audience: 'app', jwks: `${url}/jwks`, budget }],
    visitors: { origins: ['https://app.example'], action: 'chat', siteverify: `${url}/siteverify`, budget },
    models: ['*'],
    policy: POLICY,
    alerts: { url: `${url}/hook` },
    otlp: { url: `${url}/otlp` },
  };
  try {
    await withEdge({ failsoft, secrets: SECRETS }, async (bounded) => {
      // The catalog cannot be read, so no price is known.
      assert.equal((await chat(bounded, { model: SECOND })).status, 503);
      // The key is refused: an alert, and spans.
      assert.equal((await chat(bounded, { model: SECOND }, { key: OTHER_KEY })).status, 502);
      assert.equal((await chat(bounded, { model: SECOND, seed: 1 }, { key: OTHER_KEY })).status, 200);
      const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const token = `${part({ alg: 'RS256', kid: 'a' })}.${part({ iss: 'https://id.example/', aud: 'app', sub: 'u', iat: Math.round(Date.now() / 1_000), exp: Math.round(Date.now() / 1_000) + 600 })}.${Buffer.alloc(256, 1).toString('base64url')}`;
      assert.ok((await chat(bounded, { model: SECOND }, { key: token })).status >= 401);
      const headers = { origin: 'https://app.example', 'content-type': 'application/json', 'cf-connecting-ip': '203.0.113.7' };
      const session = await send(bounded, '/v1/session', { method: 'POST', key: null, headers, body: '{"turnstile":"token"}' });
      assert.equal(session.status, 503, session.text);
      const until = Date.now() + 30_000;
      const missing = () => PATHS.filter((path) => sent[path] === 0);
      while (missing().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(missing(), []);
      assert.equal((await send(bounded, '/v1/models', { key: OTHER_KEY })).status, 200);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
  for (const [path, bytes] of Object.entries(sent)) assert.ok(bytes < MOST, `${path} sent ${bytes} bytes`);
});
