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
const RESPONSES = ['responses'];
/** The events of Responses are longer, so the bytes before the first words are more. */
const LATER = 'fault/cut-5000';
/**
 * The upstreams, by the name of their dialect and of the protocol that it speaks, where it is not the dialect's own: the
 * configuration, and the path of a call. `hides`: the clients that see no reasoning, because they name an effort and no summary, as
 * OpenAI's own clients of chat completions do.
 */
const UPSTREAMS = {
  openrouter: { path: /^\/api\/v1\/chat\/completions$/ },
  'openrouter, responses': { protocols: RESPONSES, cut: LATER, path: /^\/api\/v1\/responses$/ },
  openai: { path: /^\/api\/v1\/chat\/completions$/ },
  'openai, responses': { protocols: RESPONSES, cut: LATER, hides: ['chat'], path: /^\/api\/v1\/responses$/ },
  anthropic: { path: /^\/api\/v1\/messages$/ },
  azure: { base: '', path: /^\/openai\/deployments\/.+\/chat\/completions\?api-version=/ },
  'azure, responses': { base: '/openai/v1', protocols: RESPONSES, cut: LATER, hides: ['chat'], path: /^\/openai\/v1\/responses$/ },
};
const BEFORE = 'error before';

/** Starts an edge for each dialect in front of `emulator`. */
export async function startDialects(emulator) {
  const start = ([name, { base, protocols }]) => {
    const url = base === undefined ? emulator.baseURL : new URL(emulator.baseURL).origin + base;
    return startEdge({ failsoft: { ...FAILSOFT, upstream: { url, dialect: name.split(',')[0], protocols }, models: ['*'] } });
  };
  return Object.fromEntries(await Promise.all(Object.entries(UPSTREAMS).map(async (entry) => [entry[0], await start(entry)])));
}

/** The runs of all cells. `edges` has the edge of each dialect when they run. */
export function matrix(emulator, edges) {
  const grid = new Grid(['protocol', 'upstream', 'form', ...Object.keys(ANSWERS), BEFORE, ...Object.keys(BROKEN)], 3);
  for (const client of SDKS) {
    for (const dialect of Object.keys(UPSTREAMS)) {
      for (const stream of [false, true]) {
        const form = stream ? 'streamed' : 'in one piece';
        const add = grid.addRow(client.protocol, dialect, form);
        const server = () => ({ emulator, edge: edges[dialect] });
        const { path, cut, hides = [] } = UPSTREAMS[dialect];
        const addRun = (column, act) => add(column, `${client.protocol} over ${dialect}, ${form}: ${column}`, act);
        for (const what of Object.keys(ANSWERS)) {
          addRun(what, async () => {
            const lacks = what === 'reasoning' && hides.includes(client.protocol) ? { reasoning: true } : {};
            await checkAnswer(server(), { ...client, lacks }, what, stream, path);
            return lacks[what] ? 'no' : 'yes';
          });
        }
        for (const status of [400, 429]) {
          add(BEFORE, `${client.protocol} over ${dialect}, ${form}: ${BEFORE}, ${status}`, () => checkError(server(), client, stream, ERRORS[status], status));
        }
        for (const [what, fields] of Object.entries(BROKEN)) {
          addRun(what, () => checkError(server(), client, stream, what === 'cut' && cut ? { ...fields, model: cut } : fields));
        }
      }
    }
  }
  return grid;
}

async function checkAnswer(server, client, what, stream, path) {
  // OpenAI's helper for streams of chunks cannot read calls whose arguments alternate.
  const fields = what === 'tools' && client.protocol !== 'chat' ? { prompt: 'use the tools at once' } : {};
  // OpenAI and Azure refuse a field about reasoning for a model that does not reason, so the edge leaves it out.
  if (what === 'reasoning') fields.route = 'thinking';
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
