// Every way of loading the package, as its manifest describes them: modules, CommonJS, Jest, and what linters of packages see.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';

import { PACKAGE, ROOT } from '../support/process.mjs';

const run = promisify(execFile);

let project, tarball;

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'failsoft-manifest-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: PACKAGE });
  tarball = join(project, JSON.parse(stdout)[0].filename);
  await writeFile(join(project, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', '--loglevel=error', tarball], { cwd: project });
});
after(() => rm(project, { recursive: true, force: true }));

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: PACKAGE, pack: 'npm', strict: true });
  assert.deepEqual(messages, []);
});

test('the types are right for every way of resolving the package', async () => {
  const { problems, types } = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(tarball))));
  assert.deepEqual([types && types.kind, problems], ['included', []]);
});

/** A program of CommonJS that prints the answer, and whether its error is one. */
const PROGRAM = `
  const { ChatError, chat, isChatError } = require('failsoft');
  const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
  const ask = (options) => chat([{ role: 'user', content: '?' }], { model: 'a/a', baseURL: 'https://up.example/v1', fetch, ...options });`;

for (const entry of ['failsoft', 'failsoft/slim']) test(`a program of CommonJS gets ${entry} with require, and answers`, async () => {
  await writeFile(join(project, 'main.cjs'), `${PROGRAM.replace("'failsoft'", `'${entry}'`)}
    ask().then(({ choices }) => console.log(choices[0].message.content));
    ask({ temperture: 1 }).catch((error) => console.log(isChatError(error), error instanceof ChatError, error.kind));`);
  const { stdout, stderr } = await run(process.execPath, ['main.cjs'], { cwd: project });
  assert.deepEqual([stdout.trim().split('\n').sort(), stderr], [['true true invalidRequest', 'yes'], '']);
});

test('an error of the one format is an error of the other', async () => {
  await writeFile(join(project, 'both.mjs'), `
    import { createRequire } from 'node:module';
    import { chat } from 'failsoft';
    const { isChatError } = createRequire(import.meta.url)('failsoft');
    console.log(await chat([], { temperture: 1 }).catch(isChatError));`);
  assert.equal((await run(process.execPath, ['both.mjs'], { cwd: project })).stdout, 'true\n');
});

test('Jest takes the package without a flag and without configuration', async () => {
  await writeFile(join(project, 'answer.test.js'), `${PROGRAM}
    test('answer', async () => expect((await ask()).choices[0].message.content).toBe('yes'));
    test('error', () => expect(ask({ temperture: 1 })).rejects.toThrow(ChatError));`);
  const { stderr } = await run(process.execPath, [join(ROOT, 'tests/node_modules/jest/bin/jest.js')], { cwd: project }).catch((error) => error);
  assert.match(stderr, /2 passed, 2 total/);
});
