// Each protocol of clients over each dialect of upstreams, read by the protocol's official SDK.

import assert from 'node:assert/strict';

import { startEdge } from '../support/edge.mjs';
import { Grid } from './grid.mjs';
import anthropic from './npm/anthropic.mjs';
import chat from './npm/openai-chat.mjs';
import responses from './npm/openai-responses.mjs';
import { FAILSOFT, readAnswer, readError } from './run.mjs';
import { ANSWERS, BROKEN, ERRORS } from './scenarios.mjs';

const SDKS = [chat, responses, anthropic].map(([client]) => ({ lacks: {}, ...client }));
/** The path of a call in each dialect. */
const PATHS = {
  openrouter: /^\/api\/v1\/chat\/completions$/,
  openai: /^\/api\/v1\/chat\/completions$/,
  anthropic: /^\/api\/v1\/messages$/,
  azure: /^\/openai\/deployments\/.+\/chat\/completions\?api-version=/,
};
/** What a protocol does not get from a dialect. Azure refuses a budget of thinking for a model that does not think, so the edge leaves it out. */
const LACKING = { messages: { azure: { reasoning: true } } };
const BEFORE = 'error before';

/** Starts an edge for each dialect in front of `emulator`. */
export async function startDialects(emulator) {
  const start = (dialect) => {
    const url = dialect === 'azure' ? new URL(emulator.baseURL).origin : emulator.baseURL;
    return startEdge({ failsoft: { ...FAILSOFT, upstream: { url, dialect }, models: ['*'] } });
  };
  return Object.fromEntries(await Promise.all(Object.keys(PATHS).map(async (dialect) => [dialect, await start(dialect)])));
}

/** The runs of all cells. `edges` has the edge of each dialect when they run. */
export function matrix(emulator, edges) {
  const grid = new Grid(['protocol', 'dialect', 'form', ...Object.keys(ANSWERS), BEFORE, ...Object.keys(BROKEN)], 3);
  for (const client of SDKS) {
    for (const dialect of Object.keys(PATHS)) {
      for (const stream of [false, true]) {
        const form = stream ? 'streamed' : 'in one piece';
        const add = grid.addRow(client.protocol, dialect, form);
        const server = () => ({ emulator, edge: edges[dialect] });
        const addRun = (column, act) => add(column, `${client.protocol} over ${dialect}, ${form}: ${column}`, act);
        const lacks = LACKING[client.protocol]?.[dialect] ?? {};
        for (const what of Object.keys(ANSWERS)) {
          addRun(what, async () => {
            await checkAnswer(server(), { ...client, lacks }, what, stream, PATHS[dialect]);
            return lacks[what] ? 'no' : 'yes';
          });
        }
        for (const status of [400, 429]) {
          add(BEFORE, `${client.protocol} over ${dialect}, ${form}: ${BEFORE}, ${status}`, () => checkError(server(), client, stream, ERRORS[status], status));
        }
        for (const [what, fields] of Object.entries(BROKEN)) addRun(what, () => checkError(server(), client, stream, fields));
      }
    }
  }
  return grid;
}

async function checkAnswer(server, client, what, stream, path) {
  // OpenAI's helper for streams of chunks cannot read calls whose arguments alternate.
  const fields = what === 'tools' && client.protocol !== 'chat' ? { prompt: 'use the tools at once' } : {};
  const log = await readAnswer(server, client, what, stream, fields);
  for (const entry of log) assert.match(entry.path, path);
}

/** The class and the status of the error that the SDK throws. */
async function checkError(server, client, stream, fields, status) {
  const [name, got] = client.errors.read(await readError(server, client, stream, fields));
  // An error behind the first words has no status of HTTP.
  if (status) assert.equal(got, status);
  else assert.ok(stream ? got === undefined : got >= 500, `${name} ${got}`);
  return [name, got].filter(Boolean).join(' ');
}
