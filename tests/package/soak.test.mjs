// Long streams read through every exported form: nothing crashes, and nothing grows. A short run reads fewer chunks in one
// version of Node; `cargo xtask test --long` reads 200,000 in each version that the package supports.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { before, test } from 'node:test';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { LONG } from '../support/long.mjs';
import { PACKAGE, ROOT } from '../support/process.mjs';
import { FORMS, growthOf, lettersOf } from './soak.mjs';

const run = promisify(execFile);
const COUNT = LONG ? 200_000 : 20_000;
/** One deoptimisation takes as long as some thousand chunks. */
const DEOPTIMISATIONS = LONG ? 8 : 2;
const CHILD = join(ROOT, 'tests/package/soak.child.mjs');
const NODE20 = join(ROOT, 'tests/package/node20');
/** Without flags, V8 optimises as usual; with them, sooner, or larger functions. */
const FLAGS = LONG ? [[], ['--no-lazy-feedback-allocation'], ['--stress-inline']] : [['--no-lazy-feedback-allocation']];

const runtimes = { [`Node ${process.version}`]: process.execPath };

if (LONG) {
  const machine = process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-darwin-arm64' : `${process.platform}-${process.arch}`;
  runtimes['Node 20'] = join(NODE20, `node_modules/node-${machine}/bin/node`);
  before(async () => {
    if (!existsSync(runtimes['Node 20'])) await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: NODE20 });
    assert.match((await run(runtimes['Node 20'], ['--version'])).stdout, /^v20\./);
  });
}

/** Runs the child to its end, and returns the lines that it printed. */
async function child(node, mode, flags = []) {
  const args = [...flags, CHILD, join(PACKAGE, 'index.js'), String(COUNT), mode, String(DEOPTIMISATIONS)];
  const { stdout } = await run(node, args, { maxBuffer: 2 ** 26 }).catch((error) => {
    const forms = error.stdout.trim().split('\n').length;
    return assert.fail(`ended by ${error.signal ?? `code ${error.code}`} after ${forms} forms\n${error.stderr.slice(0, 4_000)}`);
  });
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

function checkWhole(results) {
  assert.deepEqual(results.map(({ form }) => form), Object.keys(FORMS));
  const letters = lettersOf(COUNT);
  for (const result of results) assert.equal(result.letters, letters, result.form);
}

for (const [name, node] of Object.entries(runtimes)) {
  test(`${name} reads ${COUNT} chunks in every form, and neither its heap nor the WebAssembly grows`, async () => {
    const results = await child(node, 'memory', ['--expose-gc']);
    checkWhole(results);
    for (const { form, samples } of results) {
      assert.equal(samples.length, 4, form);
      assert.ok(samples[0].memory > 0, 'the memory of the WebAssembly was found');
      assert.deepEqual(growthOf(samples), [], `${form}: ${JSON.stringify(samples)}`);
    }
  });

  for (const flags of FLAGS) {
    test(`${name} survives deoptimisations while it reads ${COUNT} chunks in every form (${flags.join(' ') || 'no flags'})`, async () => {
      checkWhole(await child(node, 'deopt', flags));
    });
  }

  test(`${name} crashes where a call that returns a reference is inlined: the deoptimisations of these tests would find that`, async () => {
    await assert.rejects(run(node, [...FLAGS.at(-1), CHILD, '', String(COUNT), 'control', String(DEOPTIMISATIONS)]), ({ stderr }) => /v8::internal::Deoptimizer/.test(stderr));
  });
}
