// While sampling and the cache are off, no text of a prompt or of an answer is stored or logged: in no table of the database, in no
// object, and in no line of the log, over each endpoint, streamed and not, answered, failed, broken and refused.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { ENDPOINTS, VECTORS, ask, requestOf } from './endpoints.mjs';
import { POLICY, SECOND, send } from './harness.mjs';
import { settled } from './spending.mjs';
import { useAlerts, useEdge } from './use-edge.mjs';

const FIRST = 'openai/gpt-4o-mini';
const OWNER = 'owner-0123456789-0123456789-0123456789';
const PROMPT = 'c4n4ry-of-a-prompt';
const ANSWER = 'c4n4ry-of-an-answer';

const alerts = useAlerts();
const { emulator, edge } = useEdge((emulator) => ({
  isolates: 2,
  secrets: { ADMIN_TOKEN: OWNER },
  failsoft: {
    upstream: { url: emulator.baseURL, dialect: 'openrouter', chargesErrors: false, embeddings: [{ id: VECTORS, prompt: 0.02 }] },
    keys: [clientKey({ budget: { usd: { day: 100 } } })],
    routes: { sticky: { models: [FIRST, SECOND], policy: { sticky: { seconds: 60 } } }, judged: { models: [FIRST], policy: { judge: { model: SECOND, threshold: 1 } } } },
    policy: POLICY,
    alerts: { url: alerts.url, fallbacks: 1 },
  },
}));

const FAULTS = ['healthy', 'server-error', 'bad-json', 'cut', 'error-mid-stream', 'refusal', 'content-filter', 'context-length', 'bad-request', 'empty', 'length'];

test('no text of a prompt or of an answer is in a table, an object or the log, over each endpoint', { timeout: 120_000 }, async () => {
  const seen = [];
  let calls = 0;
  const call = async (endpoint, fields) => {
    const answer = await ask({ origin: edge.origins[(calls += 1) % 2] }, endpoint, requestOf(endpoint, FIRST, { ...endpoint.prompt(`${PROMPT} say:${ANSWER}`), ...fields }), { headers: { 'x-request-id': `call-${calls}` } });
    if (answer.text.includes(ANSWER)) seen.push(endpoint.path);
    return answer;
  };
  for (const endpoint of ENDPOINTS) {
    for (const stream of endpoint.writes ? [false, true] : [false]) {
      for (const fault of endpoint.asks ? FAULTS : ['healthy']) {
        await emulator.script(endpoint.model ?? FIRST, [fault]);
        await call(endpoint, stream ? { stream } : {});
      }
    }
    // A field that is wrong, a field that is not known, and a name that is none: each repeats the text.
    for (const fields of [{ [endpoint.limit ?? 'input']: { [PROMPT]: 1 } }, { [PROMPT]: PROMPT }, { failsoft: { [PROMPT]: 1 } }, { model: PROMPT }]) await call(endpoint, fields);
    if (endpoint.writes) for (const model of ['route/sticky', 'route/judged']) await call(endpoint, { model, ...(endpoint.limit === 'max_tokens' && endpoint.path.includes('chat') ? { session_id: PROMPT } : {}) });
  }
  const dryRun = { request: { messages: [{ role: 'user', content: PROMPT }] } };
  const made = await send(edge, '/admin/routes', { method: 'POST', key: OWNER, body: JSON.stringify({ name: 'a', route: { models: [FIRST] } }) });
  assert.equal(made.status, 201, made.text);
  assert.equal((await send(edge, '/admin/routes/a/dry-run', { method: 'POST', key: OWNER, body: JSON.stringify(dryRun) })).status, 200);
  await settled(edge);
  await edge.cron();
  for (const { asks, writes, path } of ENDPOINTS) if (asks && writes) assert.ok(seen.filter((of) => of === path).length >= 4, `${path} gave the answer: ${seen}`);
  assert.ok((await emulator.log()).filter(({ body }) => JSON.stringify(body ?? '').includes(PROMPT)).length > 50, 'the upstream got the prompts');

  const marks = (text) => text.match(/c4n4ry-of-an?-\w+/g) ?? [];
  const tables = await edge.database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'");
  assert.ok(tables.length > 5);
  for (const { name } of tables) assert.deepEqual(marks(JSON.stringify(await edge.database.all(`SELECT * FROM "${name}"`))), [], name);
  const files = (await readdir(edge.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && /\.sqlite/.test(entry.name));
  assert.ok(files.length > 3);
  for (const { parentPath, name } of files) assert.deepEqual(marks(await readFile(join(parentPath, name), 'latin1')), [], name);
  assert.deepEqual(marks(edge.said()), []);
  assert.deepEqual(marks(JSON.stringify(alerts.received)), []);
});
