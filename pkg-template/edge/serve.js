// `dev` and `serve`: the edge in workerd on this machine.

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { startEmulator } from './emulator.js';
import { readConfiguration, readSecrets, readSettings, runWrangler, toDotenv, wrangler } from './project.js';

const QUIET = { CI: '1', CLOUDFLARE_CF_FETCH_ENABLED: 'false', NO_UPDATE_NOTIFIER: '1', WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false' };
/** Turns off wrangler's pages for developers below /cdn-cgi/local/, which read and change the database and the objects for everybody. */
const CLOSED = { X_LOCAL_EXPLORER: 'false', X_LOCAL_OBSERVABILITY: 'false' };
/** How often Cloudflare calls the scheduler (wrangler.json). */
const CRON_MS = 5 * 60_000;
/** Where nothing but programs of this machine reaches the edge. */
const THIS_MACHINE = ['127.0.0.1', 'localhost', '::1', '[::1]'];

export async function serve({ port, host, data, emulates = false }) {
  const [configuration, secrets] = [await readConfiguration(), await readSecrets()];
  // The edge knows this machine by headers, which any program that reaches the edge can choose.
  if (configuration.access === 'loopback' && !THIS_MACHINE.includes(host)) throw new Error(`"access": "loopback" admits everybody who reaches ${host}: give clients keys instead, or listen at 127.0.0.1`);
  if (!secrets.UPSTREAM_API_KEY && !emulates) throw new Error('UPSTREAM_API_KEY is missing: set it in the environment or in .dev.vars');
  const emulator = secrets.UPSTREAM_API_KEY ? undefined : await startEmulator(modelsOf(configuration));
  try {
    await run({ port, host, data, configuration, secrets, emulator });
  } finally {
    await emulator?.stop();
  }
}

/** Runs the edge until it ends or a signal arrives. */
async function run({ port, host, data, configuration, secrets, emulator }) {
  await readSettings();
  const folder = resolve(data);
  await mkdir(folder, { recursive: true });
  const variables = join(folder, `variables-${port}.env`);
  process.on('exit', () => rmSync(variables, { force: true }));
  const failsoft = emulator ? { ...withoutUpstreams(configuration), upstream: { url: emulator.url, dialect: 'openrouter' } } : configuration;
  await writeFile(variables, toDotenv({ UPSTREAM_API_KEY: 'emulator', ...secrets, FAILSOFT: JSON.stringify(failsoft) }), { mode: 0o600 });
  await runWrangler(['d1', 'migrations', 'apply', 'failsoft', '--local', `--persist-to=${folder}`], { env: QUIET, quiet: true });
  const args = ['dev', `--ip=${host}`, `--port=${port}`, '--inspector-port=0', `--persist-to=${folder}`, `--env-file=${variables}`, '--show-interactive-dev-session=false', '--log-level=warn'];
  const child = spawn(process.execPath, [wrangler(), ...args], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...QUIET, ...CLOSED } });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  const origin = `http://${host}:${port}`;
  const stops = { over: false };
  ended.then(() => (stops.over = true));
  await waitForHealth(origin, stops);
  const timer = setInterval(() => runScheduler(origin), CRON_MS);
  console.log(emulator ? `The upstream is an emulator: it needs no key and costs nothing. A model named fault/unavailable fails so.\n${origin}` : `The upstream is real: calls may cost money.\n${origin}`);
  await ended;
  clearInterval(timer);
}

/** The names of all models in the configuration. */
function modelsOf(configuration) {
  const lists = [configuration, ...Object.values(configuration.routes ?? {}), configuration.upstream, ...(configuration.upstreams ?? [])];
  return [...new Set(lists.flatMap((place) => place?.models ?? []).map((model) => model.id ?? model))];
}

const withoutUpstreams = ({ upstream, upstreams, ...rest }) => rest;

async function waitForHealth(origin, stops) {
  for (let last; !stops.over;) {
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    const text = await response?.text();
    if (text && text !== last) console.error((last = text));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the edge ended before it was ready');
}

/** Calls the scheduler as Cloudflare's trigger does. */
async function runScheduler(origin) {
  const response = await fetch(`${origin}/cdn-cgi/local/scheduled`).catch((error) => error);
  if (!response.ok) console.error(`the scheduler failed: ${response.status ?? response.message}`);
}
