// Long streams read through every exported form in Node 20, the oldest version that the package supports. Only a long run
// needs it, and installs it: `cargo xtask test --long`.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../support/process.mjs';
import { checkNode, run } from './soak.checks.mjs';

const FOLDER = join(ROOT, 'tests/package/node20');
const machine = process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-darwin-arm64' : `${process.platform}-${process.arch}`;
const NODE = join(FOLDER, `node_modules/node-${machine}/bin/node`);

before(async () => {
  if (!existsSync(NODE)) await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER });
});

test('the installed Node has version 20', async () => {
  assert.match((await run(NODE, ['--version'])).stdout, /^v20\./);
});

checkNode('Node 20', NODE, true);
