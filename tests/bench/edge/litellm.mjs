// LiteLLM's proxy, for comparison: one Python process with one worker, before the same upstream and with the same calls. A
// call takes much longer, so there are fewer. LITELLM_BIN names the program; without it this part measures nothing.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, startProgram } from '../../support/edge.mjs';
import { shorten } from '../short.mjs';
import { compare } from '../table.mjs';
import { inLane, startFailsoft, startUpstream } from './servers.mjs';
import { measureInTurns } from './turns.mjs';

const LITELLM = 'LiteLLM proxy';
const ROUNDS = shorten(3, 1);
/** The calls, and how many of them make a sample. */
const CALLS = {
  'JSON of 2 KB': { times: shorten(40, 2), call: {} },
  '429, then an answer': { times: shorten(20, 2), call: { models: ['limited', 'm'] } },
  'stream of 500 events': { times: shorten(5, 1), call: { stream: true } },
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
    for (const [what, kind] of Object.entries(CALLS)) {
      const ours = kind.call.stream ? gate : servers.failsoft;
      const samples = await measureInTurns({ [LITELLM]: servers[LITELLM], failsoft: ours }, kind, upstream, ROUNDS);
      tables.push({ title: `CPU of the process for a request, beside LiteLLM: ${what}`, ...compare('server', 'µs', 0, samples, [LITELLM]) });
    }
    return tables;
  } finally {
    await upstream.stop();
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** Starts a proxy that falls back from `limited` to `m`, tries each model once, and never disables a model after a failure. */
async function startProxy(program, url) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-bench-'));
  const port = await freePort();
  const model = (name) => ({ model_name: name, litellm_params: { model: `openai/${name}`, api_base: url, api_key: 'k', max_retries: 0 } });
  const config = {
    model_list: ['limited', 'm'].map(model),
    router_settings: { num_retries: 0, disable_cooldowns: true, fallbacks: [{ limited: ['m'] }] },
    // The edge has no keys in this measurement either.
    general_settings: { dangerously_permit_weak_or_unset_master_key: true },
    litellm_settings: { num_retries: 0, telemetry: false, drop_params: true },
  };
  // JSON is valid YAML.
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  const args = ['--config', join(folder, 'config.yaml'), '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1', '--telemetry', 'False'];
  // Otherwise the proxy fetches prices from a public site.
  const env = { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR' };
  const server = await startProgram(program, args, { env, cwd: folder }, port, folder);
  return { ...server, prepare: ([first]) => ({ fields: { model: first } }) };
}
