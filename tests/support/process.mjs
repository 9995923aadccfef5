// Starts processes for tests. Each process ends with the test that started it.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const ROOT = process.env.FAILSOFT_ROOT ?? fileURLToPath(new URL('../..', import.meta.url));
export const PACKAGE = process.env.FAILSOFT_PKG ?? join(ROOT, 'pkg');
const EMULATOR = process.env.FAILSOFT_EMULATOR_BIN ?? join(ROOT, 'target/debug/failsoft-emulator');

/**
 * Starts `command` and waits for an output line that matches `ready`. Returns the match and a function to stop the process. With
 * `group`, this also stops what the process has started, as npm starts scripts.
 */
export async function start(command, args, { ready, group = false, ...options }) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: group, ...options });
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
    if (group) process.kill(-child.pid, 'SIGTERM');
    else child.kill('SIGTERM');
    await stopped;
  };
  return { match, stop };
}

/** Starts the emulator: OpenRouter on loopback, with its log and with scripts of faults. */
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
    /** All requests so far; with `wait` ('finished', 'clientGone', …) once one of them has this outcome. */
    log: (wait, ms = 30_000) => control(wait ? `log?wait=${wait}&ms=${ms}` : 'log'),
    clear: () => control('log', { method: 'DELETE' }),
    /** Holds back the answers to chats until `release`. */
    hold: () => control('hold', { method: 'PUT' }),
    release: () => control('hold', { method: 'DELETE' }),
    /** The generations and their charges. */
    generations: () => control('generations'),
    script: (model, steps) => control('script', { method: 'PUT', body: JSON.stringify({ model, steps }) }),
  };
}

/** The models in each chat request of a log, in order. */
export function asked(log) {
  const chats = log.filter((entry) => entry.path.endsWith('/chat/completions') && entry.method === 'POST');
  return chats.map(({ body }) => body.models ?? [body.model]);
}
