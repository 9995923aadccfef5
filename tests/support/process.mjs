// Processes that a test starts: each ends with the test that started it.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const ROOT = process.env.FAILSOFT_ROOT ?? fileURLToPath(new URL('../..', import.meta.url));
export const PACKAGE = process.env.FAILSOFT_PKG ?? join(ROOT, 'pkg');
const EMULATOR = process.env.FAILSOFT_EMULATOR_BIN ?? join(ROOT, 'target/debug/failsoft-emulator');

/** Starts `command` and waits for the line of its output that `ready` matches; gives the match and a way to stop it. */
export async function start(command, args, { ready, ...options }) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const stopped = new Promise((resolve) => child.once('exit', resolve));
  const match = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was ready`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = ready.exec(line);
      if (found) resolve(found);
    });
  });
  const stop = async () => {
    child.stdin.end();
    child.kill('SIGTERM');
    await stopped;
  };
  return { match, stop };
}

/** The emulator: OpenRouter on loopback, its log, and the faults that a test scripts. */
export async function startEmulator(args = []) {
  if (!existsSync(EMULATOR)) throw new Error(`${EMULATOR} is missing: cargo build -p failsoft-emulator`);
  const { match, stop } = await start(EMULATOR, ['--until-stdin-closes', ...args], { ready: /^listening on (\S+)$/ });
  const origin = match[1];
  const control = async (path, init) => {
    const response = await fetch(`${origin}/emulator/${path}`, init);
    if (!response.ok) throw new Error(`emulator: ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
  return {
    origin,
    baseURL: `${origin}/api/v1`,
    stop,
    /** Every request so far, or once one is as `wait` says ('finished', 'clientGone', …). */
    log: (wait, ms = 10_000) => control(wait ? `log?wait=${wait}&ms=${ms}` : 'log'),
    clear: () => control('log', { method: 'DELETE' }),
    /** Chats get no answer until they are released. */
    hold: () => control('hold', { method: 'PUT' }),
    release: () => control('hold', { method: 'DELETE' }),
    /** What was charged. */
    generations: () => control('generations'),
    script: (model, steps) => control('script', { method: 'PUT', body: JSON.stringify({ model, steps }) }),
  };
}

/** The models that each chat request of a log named, in order. */
export function asked(log) {
  const chats = log.filter((entry) => entry.path.endsWith('/chat/completions') && entry.method === 'POST');
  return chats.map(({ body }) => body.models ?? [body.model]);
}
