// `cargo xtask newcomer`: follows the commands of the documentation from an empty folder to the first answer of an edge, and prints
// the time of each step. With `--write`, the page gets the times.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from '../support/edge.mjs';
import { ROOT, start } from '../support/process.mjs';
import { readCommands, writeTimes } from './steps.mjs';

const run = promisify(execFile);
const steps = [];

/** Does a step, and remembers how long it took. */
async function timed(step, act) {
  const begin = performance.now();
  const result = await act();
  const seconds = (performance.now() - begin) / 1000;
  steps.push({ step, seconds });
  console.log(`${seconds.toFixed(1).padStart(6)} s  ${step}`);
  return result;
}

const root = await mkdtemp(join(tmpdir(), 'failsoft-newcomer-'));
// A newcomer answers npm's question with Enter.
const env = { ...process.env, CI: '1', npm_config_yes: 'true', UPSTREAM_API_KEY: '' };
// Until the packages are on npm, their files stand for it.
await run('npm', ['pack', '--pack-destination', root, join(ROOT, 'pkg-edge'), join(ROOT, 'pkg-create-edge')]);
let folder = root, printed = '', dev;
try {
  const list = await readCommands();
  const serve = list.pop();
  for (const command of list) {
    const [, into] = /^cd (\S+)$/.exec(command) ?? [];
    await timed(command, async () => {
      if (into) folder = join(folder, into);
      else printed += (await run('bash', ['-ec', command], { cwd: folder, env })).stdout;
    });
  }
  const port = await freePort();
  const [program, ...args] = serve.split(' ');
  dev = await timed(serve, () => start(program, [...args, '--', '--port', String(port)], { ready: /^http:/, group: true, cwd: folder, env }));
  const call = /curl [\s\S]*?}'/.exec(printed)[0].replace('127.0.0.1:8787', `127.0.0.1:${port}`);
  const { stdout } = await timed('curl', () => run('bash', ['-ec', call]));
  const { model, choices } = JSON.parse(stdout);
  assert.match(choices[0].message.content, /says: Hello!/);
  console.log(`${steps.length} commands, ${steps.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0)} s; ${model} answered`);
} finally {
  await dev?.stop();
  await rm(root, { recursive: true, force: true, maxRetries: 20 });
}
if (process.argv.includes('--write')) await writeTimes(steps);
