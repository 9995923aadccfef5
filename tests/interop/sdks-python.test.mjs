// The SDKs of PyPI with the edge as their server: the class and the status of their errors, and the number of upstream requests when
// the model does not answer.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { setUp, useEdge } from '../edge/use-edge.mjs';
import { CLIENT_KEY, clientKey } from '../support/edge.mjs';
import { ROOT } from '../support/process.mjs';

const SDKS = ['openai', 'langchain-openai'];
const ERRORS = { 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };

/** What the model answers; the status and the code that a client gets; the requests of one call. */
const FAILURES = [
  ['unauthorized', 502, 'upstream_key_refused', 1],
  ['no-credits', 503, 'upstream_out_of_credits', 1],
  ['guardrail', 502, 'upstream_permission_denied', 1],
  ['not-found', 404, 'no_endpoints', 1],
  ['rate-limited', 429, 'rateLimited', 1],
  ['server-error', 500, 'serverError', 2],
];
const failures = FAILURES.map(([fault, status, code, requests]) => ({ model: `fault/${fault}`, status, code, requests }));

/** The edge's own refusals. */
const MODEL = 'openai/gpt-4o';
const refusals = [
  { model: MODEL, api_key: 'fs_unknown', status: 401, code: 'invalid_api_key', requests: 0 },
  { model: MODEL, api_key: 'fs_narrow', status: 403, code: 'model_not_allowed', requests: 0 },
  { model: 'route/none', status: 404, code: 'model_not_found', requests: 0 },
  { model: MODEL, api_key: 'fs_slow', status: 429, code: 'rate_limit_exceeded', requests: 0 },
];

const { emulator, edge } = useEdge({
  failsoft: {
    keys: [
      clientKey(),
      clientKey({ name: 'narrow', models: ['mistralai/*'] }, 'fs_narrow'),
      clientKey({ name: 'slow', budget: { tokens: { day: 1 } } }, 'fs_slow'),
    ],
    policy: { retry: { base: 10 }, breaker: { failures: 0 } },
  },
});

const cases = SDKS.flatMap((sdk) => [false, true].flatMap((stream) => [...failures, ...refusals].map((one) => ({ sdk, stream, ...one }))));
const promptOf = (at) => `call ${at} of the test`;
let seen, log;

setUp(async () => {
  assert.ok(process.env.FAILSOFT_PYTHON, 'FAILSOFT_PYTHON names a Python that has these SDKs: `cargo xtask test interop` sets it');
  const jobs = cases.map(({ sdk, stream, model, api_key = CLIENT_KEY }, at) => ({ sdk, stream, model, api_key, base_url: `${edge.origin}/v1`, prompt: promptOf(at) }));
  const run = promisify(execFile)(process.env.FAILSOFT_PYTHON, [join(ROOT, 'tests/interop/sdks.py')]);
  run.child.stdin.end(JSON.stringify(jobs));
  seen = JSON.parse((await run).stdout);
  log = await emulator.log();
});

for (const [at, { sdk, stream, model, api_key: key = '', status, code, requests }] of cases.entries()) {
  test(`${sdk} of PyPI, ${stream ? 'streamed' : 'in one piece'}: ${model} ${key} is a ${status} ${code} after ${requests} requests`, () => {
    assert.deepEqual(seen[at], [ERRORS[status] ?? 'InternalServerError', status, code]);
    const made = log.filter(({ body }) => body?.messages?.some(({ content }) => content === promptOf(at)));
    assert.equal(made.length, requests);
  });
}
