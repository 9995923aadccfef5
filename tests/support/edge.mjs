// The edge in real workerd: the built Worker with the configuration of a test.

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from './process.mjs';
import { schemaErrors } from './schema.mjs';

export const WORKER = join(ROOT, 'worker');
export const WORKERD = createRequire(import.meta.url)('workerd').default;
const QUIET = {
  CI: '1',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  DO_NOT_TRACK: '1',
  NO_UPDATE_NOTIFIER: '1',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
};

// A test that takes too long is ended by a signal. Its child processes then end with it.
process.once('SIGTERM', () => process.exit(143));

/** A key for clients, and its entry in the configuration. */
export const CLIENT_KEY = 'fs_test_client';
export const clientKey = (fields = {}, key = CLIENT_KEY) => ({ name: 'test', sha256: sha256(key), ...fields });
export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** The modules of the Worker. */
export const MODULES = [
  '(name = "entry.mjs", esModule = embed "/entry.mjs")',
  '(name = "build/index.js", esModule = embed "/build/index.js")',
  '(name = "build/index_bg.wasm", wasm = embed "/build/index_bg.wasm")',
];

/**
 * Starts the Worker in bare workerd: as deployed, but without the page and without the proxies of `wrangler dev`.
 *
 * - `secrets`: more secrets, by name.
 * - `isolates`: all of them share the Durable Objects of the first; `origins` in the result are their addresses.
 * - `shared: false`: without the breakers' object. `without`: names of bindings that are missing.
 * - `database: false`: without the ledger's database. In the result, `database` queries it, and `cron` runs the trigger.
 * - `strangers`, `sessions`: how many attempts the brakes allow to one network, and to all together; without them there is no brake.
 * - `folder`: the folder of an edge that was killed, with everything that was stored there.
 * - `worker`: the folder of another built Worker. `modules`: those of another Worker with the same bindings.
 * - `options`: more options of workerd. `flags`: flags of V8.
 */
export async function startEdge({ failsoft, secret = 'sk-or-test', secrets = {}, isolates = 1, shared = true, database = true, without = [], strangers, sessions, folder, worker = WORKER, modules = MODULES, options = [], flags = [] }) {
  const stored = folder !== undefined;
  folder ??= await mkdtemp(join(tmpdir(), 'failsoft-edge-'));
  const sockets = Array.from({ length: isolates }, (_, at) => `http${at}`);
  const variables = { FAILSOFT: failsoft, UPSTREAM_API_KEY: secret, ...secrets };
  const names = Object.keys(variables).filter((name) => variables[name] !== null);
  await writeFile(join(folder, 'config.capnp'), await capnp(sockets, names, shared ? without : [...without, 'BREAKERS'], database, folder, worker, modules, [strangers, sessions], flags));
  const args = ['serve', join(folder, 'config.capnp'), `--import-path=${worker}`, `--import-path=${join(ROOT, 'tests')}`, ...options];
  if (database) args.push('--experimental');
  const environment = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)]));
  requireBuild(worker);
  const edge = await startWorkerd(args, { env: { ...process.env, ...environment } }, database ? [...sockets, 'database'] : sockets, folder);
  if (worker === WORKER && modules === MODULES) await checkSchema(edge, failsoft);
  const started = { ...edge, folder, origins: sockets.map((name) => `http://127.0.0.1:${edge.ports.get(name)}`) };
  if (!database) return started;
  const query = databaseClient(edge.ports.get('database'));
  for (const migration of stored ? [] : (await readdir(join(worker, 'migrations'))).sort()) {
    await query('sql', { sql: await readFile(join(worker, 'migrations', migration), 'utf8') });
  }
  const all = (sql, ...params) => query('sql', { sql, params });
  return { ...started, database: { all, set: (state) => query('set', state) }, cron: () => query('cron', {}) };
}

/** Checks that the JSON Schema accepts the configuration, if the edge accepts it. */
async function checkSchema(edge, failsoft) {
  // This request stores nothing. Its 503 means that the edge refuses the configuration.
  const answer = await fetch(`${edge.origin}/metrics`);
  const { error } = await answer.json();
  if (error.code === 'not_configured') return;
  const errors = schemaErrors(typeof failsoft === 'string' ? JSON.parse(failsoft) : (failsoft ?? {}));
  if (errors.length === 0) return;
  await edge.stop();
  throw new Error(`the JSON Schema refuses a configuration that the edge accepts:\n${errors.join('\n')}`);
}

/** The control interface of the worker between the edge and its database. */
function databaseClient(port) {
  return async (what, given) => {
    const answer = await fetch(`http://127.0.0.1:${port}/test/${what}`, { method: 'POST', body: JSON.stringify(given) });
    const result = await answer.json();
    if (what !== 'sql') return result;
    if (result.success === false) throw new Error(result.error);
    return result[0].results;
  };
}

function requireBuild(worker) {
  if (!existsSync(join(worker, 'build/index.js'))) throw new Error(`${join(worker, 'build')} is missing: cargo xtask build worker`);
}

/**
 * Starts the edge with `wrangler dev`, with the page. `secrets`: more secrets, by name. `seed` gets the path of the ledger's database,
 * an SQLite file, before the edge starts.
 */
export async function startWrangler({ failsoft, secret = 'sk-or-test', secrets = {}, seed }) {
  const folder = await mkdtemp(join(tmpdir(), 'failsoft-edge-'));
  const port = await freePort();
  const dotenv = join(folder, 'variables.env');
  const variables = { FAILSOFT: failsoft, UPSTREAM_API_KEY: secret, ...secrets };
  const lines = Object.entries(variables).filter(([, value]) => value !== null).map(([name, value]) => `${name}='${text(value)}'\n`);
  await writeFile(dotenv, lines.join(''), { mode: 0o600 });
  const wrangler = join(ROOT, 'tests/node_modules/wrangler/bin/wrangler.js');
  const args = [wrangler, 'dev', '--ip=127.0.0.1', `--port=${port}`, '--inspector-port=0', `--persist-to=${folder}`];
  args.push('--show-interactive-dev-session=false', '--env-file', dotenv);
  requireBuild(WORKER);
  const options = { cwd: WORKER, env: { ...process.env, ...QUIET } };
  const migrate = ['d1', 'migrations', 'apply', 'failsoft', '--local', `--persist-to=${folder}`];
  await promisify(execFile)(process.execPath, [wrangler, ...migrate], options);
  if (seed) {
    const databases = join(folder, 'v3/d1/miniflare-D1DatabaseObject');
    const file = (await readdir(databases)).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
    await seed(join(databases, file));
  }
  return startProgram(process.execPath, args, options, port, folder);
}

const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Writes workerd's configuration. Secrets are passed in the environment, because others could read a file or a command line. */
async function capnp(sockets, variables, without, database, folder, source, modules, limits, v8Flags) {
  const wrangler = JSON.parse((await readFile(join(source, 'wrangler.jsonc'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
  const objects = wrangler.durable_objects.bindings.map(({ name, class_name: className }) => ({ name, className }));
  const list = (items) => `[${items.join(', ')}]`;
  const flags = list(wrangler.compatibility_flags.map((flag) => `"${flag}"`));
  const wrapped = '(name = "LEDGER", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "database")]))';
  const worker = (at) => {
    const bindings = variables.map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
    if (database) bindings.push(wrapped);
    for (const [which, limit] of limits.entries()) {
      if (limit === undefined) continue;
      const name = wrangler.ratelimits[which].name;
      bindings.push(`(name = "${name}", wrapped = (moduleName = "test:limiter", innerBindings = [(name = "limit", json = "${limit}")]))`);
    }
    const bound = objects.filter(({ name }) => !without.includes(name));
    for (const { name, className } of bound) {
      const object = at === 0 ? `"${className}"` : `(className = "${className}", serviceName = "worker0")`;
      bindings.push(`(name = "${name}", durableObjectNamespace = ${object})`);
    }
    const classes = objects.map(({ className }) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`);
    const owner = `durableObjectNamespaces = ${list(classes)},
  durableObjectStorage = (localDisk = "disk"),`;
    return `const worker${at} :Workerd.Worker = (
  modules = ${list(modules)},
  compatibilityDate = "${wrangler.compatibility_date}",
  compatibilityFlags = ${flags},
  globalOutbound = "network",
  ${at === 0 ? owner : ''}
  bindings = ${list(bindings)},
);
`;
  };
  const services = sockets.map((_, at) => `(name = "worker${at}", worker = .worker${at})`);
  services.push('(name = "network", network = (allow = ["public", "private"]))');
  services.push(`(name = "disk", disk = (path = "${folder}", writable = true))`);
  const listening = sockets.map((name, at) => `(name = "${name}", address = "127.0.0.1:0", http = (forwardedProtoHeader = "x-test-scheme"), service = "worker${at}")`);
  if (database) {
    services.push('(name = "d1", worker = .d1)', '(name = "entry", worker = .entry)', '(name = "database", worker = .database)');
    listening.push('(name = "database", address = "127.0.0.1:0", http = (), service = "database")');
  }
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(services)},
  sockets = ${list(listening)},
  v8Flags = ${list(v8Flags.map((flag) => `"${flag}"`))},
  ${database ? EXTENSIONS : ''}
);
${sockets.map((_, at) => worker(at)).join('')}${database ? DATABASE : ''}`;
}

const MINIFLARE = '/node_modules/miniflare/dist/src/workers';
const EXTENSIONS = `extensions = [(modules = [
    (name = "miniflare:shared", esModule = embed "${MINIFLARE}/shared/index.worker.js"),
    (name = "miniflare:zod", esModule = embed "${MINIFLARE}/shared/zod.worker.js"),
    (name = "test:limiter", internal = true, esModule = embed "/support/limiter.mjs"),
  ])],`;
/** Miniflare's D1, and the worker in front of it. */
const DATABASE = `const d1 :Workerd.Worker = (
  modules = [(name = "database.worker.js", esModule = embed "${MINIFLARE}/d1/database.worker.js")],
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["nodejs_compat", "experimental"],
  durableObjectNamespaces = [(className = "D1DatabaseObject", uniqueKey = "D1DatabaseObject", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "MINIFLARE_OBJECT", durableObjectNamespace = "D1DatabaseObject")],
);
const entry :Workerd.Worker = (
  modules = [(name = "entry.worker.js", esModule = embed "${MINIFLARE}/d1/entry.worker.js")],
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["enhanced_error_serialization"],
  bindings = [
    (name = "MINIFLARE_NAMESPACE", text = "failsoft"),
    (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "D1DatabaseObject", serviceName = "d1")),
  ],
);
const database :Workerd.Worker = (
  modules = [(name = "database.worker.mjs", esModule = embed "/support/database.worker.mjs")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["service_binding_extra_handlers", "experimental"],
  bindings = [(name = "ENTRY", service = "entry"), (name = "EDGE", service = "worker0")],
);
`;

/**
 * Starts workerd, whose `sockets` have the address 127.0.0.1:0: the system chooses the ports, so no other program can take one
 * before workerd listens. The result has `ports` by the names of the sockets.
 */
export async function startWorkerd(args, options, sockets, folder) {
  const stdio = ['ignore', 'pipe', 'pipe', 'pipe'];
  const ports = new Map();
  const started = await launch(WORKERD, [...args, '--control-fd=3'], { ...options, stdio }, folder, async (child) => {
    for await (const line of createInterface({ input: child.stdio[3] })) {
      const { event, socket, port } = JSON.parse(line);
      if (event === 'listen') ports.set(socket, port);
      if (sockets.every((name) => ports.has(name))) break;
    }
    return ports.get(sockets[0]);
  });
  const addresses = [...ports].map(([name, port]) => `--socket-addr=${name}=127.0.0.1:${port}`);
  return { ...started, ports, program: { command: WORKERD, args: [...args, ...addresses], options } };
}

/** Starts a program that will listen on `port`. Returns its output and functions to end it. */
export async function startProgram(command, args, options, port, folder) {
  const started = await launch(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }, folder, async () => port);
  return { ...started, program: { command, args, options } };
}

/** Starts a program, and waits until it answers on the port that `portOf` returns. */
async function launch(command, args, options, folder, portOf) {
  const child = spawn(command, args, options);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (piece) => (said += piece));
  const exited = once(child, 'exit');
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  const stop = async () => {
    process.off('exit', end);
    end();
    // workerd would wait for connections that a failed test left open.
    const impatient = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await exited;
    clearTimeout(impatient);
    await rm(folder, { recursive: true, force: true });
  };
  const origin = `http://127.0.0.1:${await portOf(child)}`;
  const deadline = Date.now() + 60_000;
  while (!(await answers(origin))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} did not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    origin,
    pid: child.pid,
    stop,
    folder,
    /** Kills the program, as a failing machine does. Its folder stays. */
    async kill() {
      process.off('exit', end);
      child.kill('SIGKILL');
      await exited;
    },
    /** The whole output of the program. */
    said: () => said,
    /** The log line of the call with this request id. Waits until it is there. */
    async line(id, ms = 30_000) {
      const until = Date.now() + ms;
      for (;;) {
        const found = said.split('\n').find((line) => line.startsWith('{"event":"call"') && line.includes(id));
        if (found) return JSON.parse(found);
        if (Date.now() > until) throw new Error(`no line for ${id} in:\n${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** Whether the program answers, with any status. /healthz is not used: it caches its answer, and the database is not ready yet. */
async function answers(origin) {
  const answer = await fetch(`${origin}/v1/`).catch(() => null);
  await answer?.body?.cancel();
  return answer !== null;
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
