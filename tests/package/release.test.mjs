// What a release needs: every manifest says where the project lives, and the changelog has a part for what is next.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { ROOT } from '../support/process.mjs';

const HOME = 'https://github.com/failsoft/failsoft';
const read = async (path) => JSON.parse(await readFile(join(ROOT, path), 'utf8'));
const { stdout } = await promisify(execFile)('cargo', ['metadata', '--no-deps', '--offline', '--format-version', '1'], { cwd: ROOT, maxBuffer: 1 << 26 });
const crates = JSON.parse(stdout).packages;

for (const folder of ['pkg-template', 'pkg-template/edge', 'pkg-template/create-edge']) {
  test(`${folder}/package.json says where the project lives and where its issues are`, async () => {
    const { homepage, bugs, repository, license, engines, version } = await read(`${folder}/package.json`);
    assert.deepEqual([homepage, bugs, repository.url, license], [`${HOME}#readme`, `${HOME}/issues`, `git+${HOME}.git`, 'MIT']);
    // The version of Cargo.toml is the only one; the build writes it into the manifest.
    assert.deepEqual([engines, version], [{ node: '>=20' }, '0.0.0']);
  });
}

test('every crate says where the project lives, and only the core can be published', () => {
  assert.ok(crates.length >= 4);
  for (const { name, homepage, repository, license, publish } of crates) {
    assert.deepEqual([name, homepage, repository, license], [name, `${HOME}#readme`, HOME, 'MIT']);
    assert.deepEqual([name, publish], [name, name === 'failsoft' ? null : []]);
  }
});

test('the changelog has a part for what is not released yet', async () => {
  assert.match(await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8'), /^## \[Unreleased\]$/m);
});

test('the workflow of a release runs commands that exist, publishes with provenance, and has no stored secret', async () => {
  const workflow = await readFile(join(ROOT, '.github/workflows/release.yml'), 'utf8');
  const { stdout: help } = await promisify(execFile)('cargo', ['xtask', 'help'], { cwd: ROOT });
  const commands = [...workflow.matchAll(/cargo xtask (\w+)/g)].map(([, command]) => command);
  assert.deepEqual(commands, ['test', 'release']);
  for (const command of commands) assert.match(help, new RegExp(`^  ${command} `, 'm'));
  assert.match(workflow, /^permissions: \{\}$/m);
  assert.match(workflow, /npm publish .*--provenance/);
  assert.equal(workflow.match(/id-token: write/g).length, 2);
  assert.doesNotMatch(workflow, /secrets\.|NPM_TOKEN/);
});
