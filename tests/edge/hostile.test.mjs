// Input that was made to stop an isolate: it takes the edge no more work than an ordinary request of its size, the answer is short, and
// others are answered meanwhile. Work is the CPU of the process, so a slow or busy machine changes nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cpu } from '../bench/edge/cpu.mjs';
import { ENDPOINTS, VECTORS, ask } from './endpoints.mjs';
import { send } from './harness.mjs';
import { BYTES, INPUTS, MODEL, inputsOf } from './hostile-inputs.mjs';
import { setUp, useEdge } from './use-edge.mjs';

/**
 * Hostile input may take so many times the work of an ordinary request of the same size. Most inputs take as much as that. What was
 * quadratic took more than a thousand times as much.
 */
const TIMES = 15;

const { edge } = useEdge((emulator) => ({
  failsoft: { upstream: { url: emulator.baseURL, dialect: 'openai', embeddings: [{ id: VECTORS }] }, models: ['*'] },
}));
const [CHAT, ...OTHERS] = ENDPOINTS;

/** The CPU in microseconds that workerd uses until `endpoint` has answered `body`. Others ask for /healthz meanwhile. */
async function work(endpoint, body) {
  const before = await cpu(edge.pid);
  let answer = null;
  const call = ask(edge, endpoint, body).then((got) => (answer = got));
  let others = 0;
  do {
    const health = await send(edge, '/healthz', { key: null });
    assert.equal(health.status, 200, health.text);
    others += 1;
  } while (answer === null && others < 10_000);
  await call;
  return { answer, used: (await cpu(edge.pid)) - before };
}

/** The work for an ordinary request of the largest size: the least of some, after some that warm up. */
let ordinary = Infinity;
setUp(async () => {
  for (let round = 0; round < 6; round += 1) {
    const { answer, used } = await work(CHAT, { model: MODEL, messages: [{ role: 'user', content: `words:3 ${'text '.repeat(BYTES / 5 - 50)}` }] });
    assert.ok([200, 400].includes(answer.status), answer.text);
    if (round > 1) ordinary = Math.min(ordinary, used);
  }
});

const CASES = [
  ...Object.entries(INPUTS).map(([name, input]) => [name, CHAT, input]),
  ...OTHERS.flatMap((endpoint) => Object.entries(inputsOf(endpoint)).map(([name, input]) => [`${endpoint.path}, ${name}`, endpoint, input])),
];

for (const [name, endpoint, input] of CASES) {
  test(`${name}: the answer comes soon and is short, and others are answered meanwhile`, { timeout: 60_000 }, async (t) => {
    const { answer, used } = await work(endpoint, input());
    t.diagnostic(`${(used / ordinary).toFixed(1)} times ${Math.round(ordinary / 1_000)} ms`);
    assert.ok(used < TIMES * ordinary, `${used} µs is ${(used / ordinary).toFixed(1)} times the work of an ordinary request`);
    assert.notEqual(answer.status, 413, 'the input is not read');
    // An answer of a model that does not match what was asked for is a 502.
    assert.ok(answer.status < 500 || (endpoint === CHAT ? answer.json?.failsoft : answer.status === 502), `${answer.status} ${answer.text.slice(0, 300)}`);
    if (answer.status !== 200) assert.ok(answer.text.length < 4_000, `an error of ${answer.text.length} bytes`);
  });
}
