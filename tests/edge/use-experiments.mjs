// An edge whose route `chat` keeps samples, and requests about experiments with it.

import assert from 'node:assert/strict';
import { afterEach } from 'node:test';

import { startEdge } from '../support/edge.mjs';
import { SECOND, chat, send, waitFor } from './harness.mjs';
import { configure, setUp, useEdge } from './use-edge.mjs';

const token = (name) => `${name}-0123456789-0123456789-0123456789`;
const [OWNER, READER] = ['owner', 'reader'].map(token);
/** A variant that costs less and answers as well as the route, and one that answers worse. */
export const [CHEAPER, WORSE] = ['openai/gpt-4o-mini', 'meta-llama/llama-3.3-70b-instruct'];
export const PROMPT = 'You are the kind and patient assistant of {shop} and its staff. Be canary-polite to every customer, and always answer what was asked, in {language} and no other, as well as you can.';
export const JUDGE = { model: 'rule/judge' };
/** How long an experiment may take on a slow machine, in milliseconds. */
const END = 120_000;

export const isOver = ({ state }) => ['done', 'stopped'].includes(state);

/** Starts the edge, and makes `count` samples. `failsoft` adds to the configuration. */
export function useExperiments(count, failsoft = {}) {
  const options = (emulator) => ({
    isolates: 2,
    secrets: { ADMIN_TOKEN: OWNER, READER_TOKEN: READER, SAMPLES_SECRET: token('samples') },
    failsoft: {
      upstream: { url: emulator.baseURL, dialect: 'openrouter' },
      admins: [{ name: 'reader', token: 'READER_TOKEN', scopes: ['read'] }],
      routes: { seed: { models: [SECOND] } },
      ...failsoft,
    },
  });
  const { emulator, edge } = useEdge(options);

  let turn = 0;
  async function admin(method, path, body, { reads = false, headers, on } = {}) {
    // The isolates take turns: nothing of an experiment is in the memory of one of them.
    const origin = on ?? edge.origins[(turn += 1) % 2];
    const answer = await send({ origin }, `/admin/${path}`, { method, key: reads ? READER : OWNER, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.text) };
  }
  const samples = () => edge.database.all("SELECT count(*) AS count FROM samples WHERE route = 'chat'").then(([found]) => found.count);
  const ask = (at) => chat(edge, { model: 'route/chat', max_tokens: 200, messages: [{ role: 'system', content: PROMPT }, { role: 'user', content: `Question ${at}: ${'please '.repeat(at % 5)}what does article ${at * 7} of the canary-catalogue cost, and when does it arrive?` }] });

  /** Makes samples of the route `chat`, until there are enough. */
  async function makeSamples() {
    for (let at = await samples(); at < count; at += 1) assert.equal((await ask(at)).status, 200);
    await waitFor('samples', samples, (found) => found >= count);
  }
  setUp(async () => {
    const made = await admin('POST', 'routes', { name: 'chat', route: { models: [SECOND], sampling: { percent: 100, days: 1 } } });
    assert.equal(made.status, 201, JSON.stringify(made.json));
    await makeSamples();
  });

  const list = async () => (await admin('GET', 'routes/chat/experiments')).json.data;
  afterEach(async () => {
    for (const { id } of await list()) await admin('DELETE', `routes/chat/experiments/${id}`);
  });
  async function begin(fields) {
    const begun = await admin('POST', 'routes/chat/experiments', { judge: JUDGE, samples: count, ...fields });
    assert.equal(begun.status, 201, JSON.stringify(begun.json));
    return begun.json;
  }
  const show = async (id) => (await admin('GET', `routes/chat/experiments/${id}`)).json;
  /** Waits until the edge has brought the experiment to its end. */
  const finish = (id) => waitFor('the end of the experiment', () => show(id), isOver, END);
  return {
    emulator,
    edge,
    admin,
    samples,
    makeSamples,
    list,
    begin,
    show,
    finish,
    run: async (fields) => finish((await begin(fields)).id),
    /** Waits until the database says that the experiment is over: no request reaches the edge. Returns its row. */
    watch: async (id) => (await waitFor('the end of the experiment', () => edge.database.all('SELECT state, problem FROM experiments WHERE id = ?', id), ([row]) => isOver(row), END))[0],
    /** How many calls of models reached the upstream in this test. */
    sent: async () => (await emulator.log()).filter(({ path }) => path.includes('completions')).length,
    /** What the ledger says about the experiment, in USD. */
    booked: async (id) => (await edge.database.all('SELECT sum(cost) / 1e12 AS usd, count(*) AS calls FROM attempts WHERE account = ?', `experiment:${id}`))[0],
    /** Kills the edge, calls `act`, and starts the edge again with all that was stored. */
    async restart(act) {
      await edge.kill();
      await act();
      const { failsoft: given, ...rest } = options(emulator);
      Object.assign(edge, await startEdge({ ...rest, failsoft: configure(emulator, given), folder: edge.folder }));
    },
  };
}
