// LiteLLM's proxy, for the record: a process of Python with one worker, before the same upstream as ours and asked the same.
// It takes so much longer that it is asked less often. LITELLM_BIN names it; without it nothing is measured.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, running } from '../../support/edge.mjs';
import { compared } from '../table.mjs';
import { inLane, startFailsoft, startUpstream } from './servers.mjs';
import { inTurns } from './turns.mjs';

const LITELLM = 'LiteLLM proxy';
const ROUNDS = 3;
/** What is asked, and how often in one sample. */
const ASKED = {
  'JSON of 2 KB': { times: 40, asks: {} },
  '429, then an answer': { times: 20, asks: { models: ['limited', 'm'] } },
  'stream of 500 events': { times: 5, asks: { stream: true } },
};

export async function litellm() {
  const program = process.env.LITELLM_BIN;
  if (!program) return [{ title: 'CPU of the process for a request, beside LiteLLM', about: 'Not measured: its proxy is not installed here.' }];
  const upstream = await startUpstream();
  const servers = {};
  try {
    servers[LITELLM] = await startProxy(program, upstream.url);
    servers.failsoft = await startFailsoft(upstream.url);
    const gate = inLane(servers.failsoft, 'gate');
    const tables = [];
    for (const [what, asked] of Object.entries(ASKED)) {
      const ours = asked.asks.stream ? gate : servers.failsoft;
      const samples = await inTurns({ [LITELLM]: servers[LITELLM], failsoft: ours }, asked, upstream, ROUNDS);
      tables.push({ title: `CPU of the process for a request, beside LiteLLM: ${what}`, ...compared('server', 'µs', 0, samples, [LITELLM]) });
    }
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** A proxy that falls back from `limited` to `m`, asks each once, and never leaves a model out because it failed. */
async function startProxy(program, url) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
  const port = await freePort();
  const model = (name) => ({ model_name: name, litellm_params: { model: `openai/${name}`, api_base: url, api_key: 'k', max_retries: 0 } });
  const config = {
    model_list: ['limited', 'm'].map(model),
    router_settings: { num_retries: 0, disable_cooldowns: true, fallbacks: [{ limited: ['m'] }] },
    // Ours knows nobody here either.
    general_settings: { dangerously_permit_weak_or_unset_master_key: true },
    litellm_settings: { num_retries: 0, telemetry: false, drop_params: true },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  const args = ['--config', join(folder, 'config.yaml'), '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1', '--telemetry', 'False'];
  // It would ask a public site for prices.
  const env = { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR' };
  const server = await running(program, args, { env, cwd: folder }, port, folder);
  return { ...server, asked: ([first]) => ({ fields: { model: first } }) };
}
