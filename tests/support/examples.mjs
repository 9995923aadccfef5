// www/examples in a clean folder, with the package as `npm pack` makes it, by the commands of its README.

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { blocks, commands } from './markdown.mjs';
import { PACKAGE, ROOT } from './process.mjs';

const run = promisify(execFile);
const README = 'www/examples/README.md';
export const QUIET = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_prefer_offline: 'true', NEXT_TELEMETRY_DISABLED: '1', WRANGLER_SEND_METRICS: 'false', CI: '1' };

/** The commands of the README's block for `folder`; the last one serves. */
export async function commandsFor(folder) {
  const found = blocks({ path: README, text: await readFile(join(ROOT, README), 'utf8') }).filter(({ language }) => language === 'sh');
  return commands(found.find(({ code }) => code.includes(`cd ${folder}\n`)).code);
}

/** Copies the examples, and packs the package as the README says. Gives the folder that stands for the repository. */
export async function createRepository() {
  const root = await mkdtemp(join(tmpdir(), 'failsoft-examples-'));
  await cp(join(ROOT, 'www/examples'), join(root, 'www/examples'), { recursive: true, filter: (path) => !/\/(node_modules|dist|\.next)$/.test(path) });
  await symlink(PACKAGE, join(root, 'pkg'));
  return { root, remove: () => rm(root, { recursive: true, force: true, maxRetries: 20 }) };
}

/** Runs commands one after the other in one shell; a failure has everything that they printed. */
export async function runAll(list, cwd, env = {}) {
  const options = { cwd, env: { ...process.env, ...QUIET, ...env }, maxBuffer: 1e8 };
  await run('bash', ['-ec', list.join('\n')], options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  });
}
