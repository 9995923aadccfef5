// The contract of a streamed call in Node, and what the openai package makes of a failed one.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import OpenAI from 'openai';

import { PACKAGE, asked, startEmulator } from '../support/process.mjs';
import { PLACE, checkStreaming } from './streaming.mjs';

const failsoft = await import(pathToFileURL(join(PACKAGE, 'index.js')));
const MESSAGES = [{ role: 'user', content: 'words:20' }];

const emulator = {};
before(async () => Object.assign(emulator, await startEmulator()));
beforeEach(() => emulator.clear());
after(() => emulator.stop?.());

checkStreaming(emulator, (name, ...args) => PLACE[name](failsoft, ...args));

for (const [model, type, status] of [
  ['fault/unauthorized', OpenAI.AuthenticationError, 401],
  ['fault/no-credits', OpenAI.APIError, 402],
  ['fault/guardrail', OpenAI.PermissionDeniedError, 403],
  ['fault/not-found', OpenAI.NotFoundError, 404],
  ['fault/bad-request', OpenAI.BadRequestError, 400],
  ['fault/rate-limited-30', OpenAI.RateLimitError, 429],
  ['fault/server-error', OpenAI.InternalServerError, 500],
  ['fault/error-first', OpenAI.InternalServerError, 502],
]) {
  test(`openai throws ${type.name} with status ${status} for a streamed request to ${model}, and does not ask again`, async () => {
    const client = failsoft.createClient({ policy: { retry: { same: 0 } } });
    const openai = new OpenAI({ baseURL: emulator.baseURL, apiKey: 'sk-or-sdk', fetch: failsoft.createFetch(client) });
    const error = await openai.chat.completions.create({ model, messages: MESSAGES, stream: true }).then(
      () => assert.fail('create() resolved'),
      (error) => error,
    );
    assert.equal(error.constructor, type);
    assert.equal(error.status, status);
    assert.equal(error.headers.get('retry-after'), status === 429 ? '30' : null);
    assert.equal(typeof error.code, 'string');
    assert.deepEqual(asked(await emulator.log()), [[model]]);
  });
}
