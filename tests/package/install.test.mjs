// The tarball of `npm pack`: it installs, loads and answers, and its types are right.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { PACKAGE, ROOT } from '../support/process.mjs';

const run = promisify(execFile);
const npm = ['--no-audit', '--no-fund', '--offline', '--loglevel=error'];

let project, packed;

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'failsoft-install-'));
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: PACKAGE });
  [packed] = JSON.parse(stdout);
  await run('npm', ['install', ...npm, join(project, packed.filename)], { cwd: project });
});
after(() => rm(project, { recursive: true, force: true }));

for (const entry of ['failsoft', 'failsoft/slim']) test(`the installed package loads in Node as ${entry}, and answers`, async () => {
  const script = `
    import { chat, estimateTokens } from '${entry}';
    const fetch = async () => Response.json({ model: 'a/a', choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] });
    const both = await Promise.all([chat([{ role: 'user', content: '?' }], { model: 'a/a', apiKey: 'k', fetch }), estimateTokens('a b c')]);
    console.log(both[0].choices[0].message.content);`;
  await writeFile(join(project, 'main.js'), script);
  const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: project });
  assert.deepEqual([stdout, stderr], ['yes\n', '']);
});

/** The declarations that the files `paths` of the package reach by their imports. */
async function importedDeclarations(paths) {
  const reached = new Set(paths);
  for (const file of reached) {
    const text = await readFile(join(PACKAGE, file), 'utf8');
    for (const [, name, common] of text.matchAll(/ from '\.\/(\w+)\.(c?)js';/g)) reached.add(`${name}.d.${common}ts`);
  }
  return [...reached];
}

test('the tarball has the files of its manifest, the declarations that they import, their source maps, the WebAssembly for workers, and nothing else', async () => {
  const { exports } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8'));
  const targets = (target) => (typeof target === 'string' ? [target] : Object.values(target).flatMap(targets));
  const named = new Set(targets(exports).map((path) => path.slice(2)));
  const maps = [...named].filter((path) => path.endsWith('.js')).map((path) => `${path}.map`);
  const declarations = await importedDeclarations([...named].filter((path) => /\.d\.c?ts$/.test(path)));
  const expected = new Set([...named, ...declarations, ...maps, 'LICENSE', 'README.md', 'failsoft_bg.wasm']);
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), [...expected].sort());
});

test('a program that uses all types compiles', async () => {
  await copyFile(join(ROOT, 'tests/package/types.test-d.ts'), join(project, 'types.test-d.ts'));
  // The program hands messages of openai's type to the package.
  await symlink(join(ROOT, 'tests/node_modules/openai'), join(project, 'node_modules/openai'));
  const tsc = join(ROOT, 'tests/node_modules/typescript/bin/tsc');
  const flags = ['--noEmit', '--strict', '--preserveSymlinks', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable,esnext.disposable', '--types', ''];
  await run(process.execPath, [tsc, ...flags, 'types.test-d.ts'], { cwd: project }).catch(({ stdout }) => assert.fail(stdout));
});
