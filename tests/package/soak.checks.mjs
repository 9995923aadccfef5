// The soak tests of one version of Node: nothing crashes, and nothing grows. A short run reads 20,000 chunks through every
// exported form, `cargo xtask test --long` reads 200,000.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { LONG } from '../support/long.mjs';
import { PACKAGE, ROOT } from '../support/process.mjs';
import { FORMS, growthOf, lettersOf } from './soak.mjs';

export const run = promisify(execFile);
const COUNT = LONG ? 200_000 : 20_000;
/** One deoptimisation takes as long as some thousand chunks, so these runs read fewer chunks. */
const DEOPTIMISED_COUNT = LONG ? 50_000 : 20_000;
const DEOPTIMISATIONS = LONG ? 5 : 2;
const CHILD = join(ROOT, 'tests/package/soak.child.mjs');
/** V8 optimises as usual; or larger functions; or sooner. */
const FLAGS = LONG ? [[], ['--stress-inline'], ['--no-lazy-feedback-allocation']] : [['--no-lazy-feedback-allocation']];

/** The children of a file end before the runner would end the file and leave a child behind. */
const LIMITS = { maxBuffer: 2 ** 26, timeout: LONG ? 850_000 : 280_000, killSignal: 'SIGKILL' };

/** Runs the child to its end, and returns the lines that it printed. */
async function child(node, mode, count, flags) {
  const args = [...flags, CHILD, join(PACKAGE, 'index.js'), String(count), mode, String(DEOPTIMISATIONS)];
  const { stdout } = await run(node, args, LIMITS).catch((error) => {
    const forms = error.stdout.trim().split('\n').length;
    return assert.fail(`ended by ${error.signal ?? `code ${error.code}`} after ${forms} forms\n${error.stderr.slice(0, 4_000)}`);
  });
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

function checkWhole(results, count) {
  assert.deepEqual(results.map(({ form }) => form), Object.keys(FORMS));
  const letters = lettersOf(count);
  for (const result of results) assert.equal(result.letters, letters, result.form);
}

/** Declares the tests for the Node at the path `node`. `hasCrash`: its V8 has the crash that the deoptimisations look for. */
export function checkNode(name, node, hasCrash) {
  test(`${name} reads ${COUNT} chunks in every form, and neither its heap nor the WebAssembly grows`, async () => {
    const results = await child(node, 'memory', COUNT, ['--expose-gc']);
    checkWhole(results, COUNT);
    for (const { form, samples } of results) {
      assert.equal(samples.length, 4, form);
      assert.ok(samples[0].memory > 0, 'the memory of the WebAssembly was found');
      assert.deepEqual(growthOf(samples), [], `${form}: ${JSON.stringify(samples)}`);
    }
  });

  for (const flags of FLAGS) {
    test(`${name} survives deoptimisations while it reads ${DEOPTIMISED_COUNT} chunks in every form (${flags.join(' ') || 'no flags'})`, async () => {
      checkWhole(await child(node, 'deopt', DEOPTIMISED_COUNT, flags), DEOPTIMISED_COUNT);
    });
  }

  if (!hasCrash) return;

  test(`${name} crashes where a call that returns a reference is inlined: these tests would notice such a call`, async () => {
    await assert.rejects(run(node, [...FLAGS.at(-1), CHILD, '', String(DEOPTIMISED_COUNT), 'control', String(DEOPTIMISATIONS)]), ({ stderr }) => /v8::internal::Deoptimizer/.test(stderr));
  });
}
