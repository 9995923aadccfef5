// The calls of the soak: of clients that behave well, of clients that leave, requests that are wrong, and hostile ones. Each call
// knows what a right answer is.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { FAULTS, expectation, isKind } from '../support/faults.mjs';
import { SECOND, chat, send, textOf } from './harness.mjs';
import { INPUTS } from './hostile-inputs.mjs';

export const GOOD_KEY = 'fs_soak_good';
export const BAD_KEY = 'fs_soak_bad';

const WORDS = 20;
/** Of these, the upstream knows no generation, so the edge looks for their cost for ten minutes. */
export const LOOKED_FOR_LONG = ['error-first', 'error-by-name', 'error-in-200', 'malformed-body'];
/** The faults that the table leaves out end in these ways: a text that is no JSON, two tool calls, and an answer without an end. */
const OTHERS = [
  { fault: 'bad-json', then: 'fine', text: () => '{"answer": "unfin' },
  { fault: 'tool-index-lies', then: 'fine', text: () => '' },
];

/** These names of faults end in a number. The catalog has the prices of faults by their name, so a number behind it is left out. */
const NUMBERED = /^(timeout-408|cloudflare-524|error-in-200)$/;
const nameOf = (fault) => (NUMBERED.test(fault) ? fault : fault.replace(/-\d+$/, ''));

let number = 0;
/** No two calls have the same body: a call that failed a moment ago would get its failure again. */
const unique = (body) => ({ max_tokens: 50, messages: [{ role: 'user', content: `words:${WORDS}` }], seed: ++number, ...body });
const pick = (list, random) => list[Math.floor(random() * list.length)];

/** Reads a text that the healthy model gives. */
export const readHealthy = async (edge) => textOf(await chat(edge, unique({ model: SECOND }), { key: GOOD_KEY }));

/** Checks an answer with the table of faults: the text is what the emulator sent, or the failure has the right kind. */
function check(answer, { then, kind, text: change = String }, healthy) {
  const { status, json, events, text } = answer;
  assert.equal(answer.broken, false, 'the connection broke');
  if (then === 'final') {
    assert.ok(status >= 400 && isKind(json.error.kind, kind), text);
  } else if (then === 'broken') {
    assert.ok(healthy.startsWith(events.text) && events.text.length < healthy.length && !events.done, text);
    assert.ok(isKind(events.error.error.kind, kind), text);
  } else {
    assert.equal(status, 200, text);
    assert.equal(events ? events.text : (textOf(answer) ?? ''), then === 'fine' ? change(healthy) : healthy, text.slice(-1_500));
    if (events) assert.ok(events.done && events.error === null && events.torn === null, text);
  }
}

/** The calls of clients that behave well: a healthy model on each lane, and every fault in front of a healthy model. */
export function goodCalls(healthy, without) {
  const calls = [];
  const isLeft = ({ fault }) => !without.includes(fault);
  for (const stream of [false, true]) {
    for (const row of [...FAULTS, ...OTHERS].filter(isLeft)) {
      // Without `stream`, the edge asks for a stream all the same, and puts the answer together.
      let expected = expectation(row, stream ? 'streamed' : 'assembled');
      // The catalog says that the second model has no larger context window.
      if (row.kind === 'contextLength') expected = { ...expected, then: 'final' };
      const failsoft = expected.then === 'broken' ? { recover: 'error' } : {};
      calls.push({
        name: `${row.fault} ${stream}`,
        run: async (edge) => check(await chat(edge, unique({ models: [`fault/${nameOf(expected.fault)}`, SECOND], stream, failsoft }), { key: GOOD_KEY }), expected, healthy),
      });
    }
    for (const lane of ['gate', 'relay', 'lean']) {
      calls.push({
        name: `${lane} ${stream}`,
        run: async (edge) => check(await chat(edge, unique({ model: `route/${lane}`, stream }), { key: GOOD_KEY }), { then: 'fine' }, healthy),
      });
    }
  }
  return calls;
}

/** Sends a call, and leaves with a FIN or a reset: at the first text, or after `ms` milliseconds. */
async function leave(edge, body, ending, ms) {
  const headers = { authorization: `Bearer ${GOOD_KEY}`, 'content-type': 'application/json' };
  const sent = request(`${edge.origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
  const closed = new Promise((resolve) => sent.once('socket', (socket) => socket.once('close', resolve)));
  sent.on('error', () => {});
  const reads = new Promise((resolve) => {
    sent.on('response', (response) => response.on('error', () => {}).on('data', resolve));
  });
  sent.end(JSON.stringify(unique(body)));
  await once(sent, 'socket');
  await Promise.race([closed, ms === null ? reads : sleep(ms)]);
  if (ending === 'reset') sent.socket.resetAndDestroy();
  else sent.socket.destroy();
  await closed;
}

/** Sends a whole call, or a part of it, and closes the own half of the connection. Reads what comes. */
async function closeHalf(edge, body, bytes) {
  const { hostname, port } = new URL(edge.origin);
  const text = JSON.stringify(unique(body));
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer ${GOOD_KEY}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n`;
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {}).resume();
  socket.end(head + text.slice(0, bytes));
  socket.on('end', () => socket.destroy());
  await Promise.race([closed, sleep(20_000, null, { ref: false })]);
  socket.destroy();
  await closed;
}

/** The calls of clients that leave: before the headers, in the middle of a stream, and after a FIN of their half. */
export const LEAVERS = [
  ...['fin', 'reset'].flatMap((ending) => [
    { name: `${ending} before the headers`, run: (edge, random) => leave(edge, { model: 'fault/slow-headers', stream: random() < 0.5 }, ending, random() * 400) },
    { name: `${ending} while a healthy model answers`, run: (edge, random) => leave(edge, { model: SECOND, stream: random() < 0.5 }, ending, random() * 60) },
    { name: `${ending} in a stream`, run: (edge) => leave(edge, { model: 'fault/never-ending', stream: true }, ending, null) },
    { name: `${ending} in a silent stream`, run: (edge) => leave(edge, { model: 'fault/stall', stream: true }, ending, null) },
    { name: `${ending} in a relayed stream`, run: (edge, random) => leave(edge, { model: `route/${pick(['relay', 'lean'], random)}-slow`, stream: true }, ending, null) },
  ]),
  { name: 'half closed', run: (edge, random) => closeHalf(edge, { model: SECOND, stream: random() < 0.5 }) },
  { name: 'half closed within the body', run: (edge, random) => closeHalf(edge, { model: SECOND }, Math.floor(random() * 60)) },
];

/** Requests that are wrong, each with the status and the code of its answer. */
const wrong = (name, status, code, act) => ({
  name,
  run: async (edge) => {
    const answer = await act(edge);
    const { error } = answer.json ?? JSON.parse(answer.text);
    assert.deepEqual([answer.status, error.code], [status, code], `${name}: ${answer.text}`);
  },
});
const key = BAD_KEY;
export const WRONG = [
  wrong('a wrong key', 401, 'invalid_api_key', (edge) => chat(edge, unique({ model: SECOND }), { key: 'fs_soak_unknown' })),
  wrong('no key', 401, 'invalid_api_key', (edge) => chat(edge, unique({ model: SECOND }), { key: null })),
  wrong('a wrong path', 404, 'unknown_url', (edge) => send(edge, '/v1/chat/completion', { method: 'POST', key, body: '{}' })),
  wrong('no JSON', 400, 'invalid_json', (edge) => chat(edge, '{"model": ', { key })),
  wrong('a field twice', 400, 'invalid_request', (edge) => chat(edge, `{"model":"${SECOND}","model":"${SECOND}","messages":[]}`, { key })),
  wrong('another upstream', 400, 'invalid_request', (edge) => chat(edge, unique({ model: SECOND, base_url: 'https://evil.example' }), { key })),
  wrong('too many answers', 400, 'invalid_request', (edge) => chat(edge, unique({ model: SECOND, n: 1_000 }), { key })),
  wrong('a body that is too large', 413, 'request_too_large', (edge) => chat(edge, unique({ model: SECOND, metadata: { a: 'x'.repeat(1_100_000) } }), { key })),
  wrong('a route that does not exist', 404, 'model_not_found', (edge) => chat(edge, unique({ model: 'route/nowhere' }), { key })),
];

/** The hostile inputs. The edge answers each with an error of a few bytes, or as any other request. */
export const HOSTILE = Object.entries(INPUTS).map(([name, make]) => ({
  name,
  run: async (edge) => {
    const answer = await chat(edge, make(), { key });
    assert.ok(answer.status < 500 || answer.json?.failsoft, `${name}: ${answer.text.slice(0, 300)}`);
  },
}));
