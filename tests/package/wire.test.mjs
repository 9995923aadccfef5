// What upstreams really send, as users reported it, and what the package makes of it. Time is virtual. The cases and their
// expectations are in tests/fixtures/wire.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE, ROOT } from '../support/process.mjs';
import { VirtualTime } from '../support/virtual-time.mjs';
import { mismatches } from '../support/wire-expectation.mjs';
import { observe, responseIn } from '../support/wire.mjs';

/** The time of day at which a case begins, unless it says otherwise. */
const NOW = 1_795_000_000_000;

const folder = join(ROOT, 'tests/fixtures/wire');
const entries = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
const clock = new VirtualTime();
const failsoft = await import(pathToFileURL(join(PACKAGE, 'index.js')));
await clock.run(Promise.resolve(failsoft.init()));

for (const entry of entries) {
  test(`${entry.id}: ${entry.what}`, async () => {
    const response = responseIn(entry.file, await readFile(join(folder, entry.file)), entry.grow);
    clock.restart(entry.now ?? NOW);
    for (const [way, seen] of await clock.run(observe(entry, response, failsoft, clock))) {
      assert.deepEqual(mismatches(entry.expect, seen), [], `${way}: expected ${inspect(entry.expect)}, but saw ${inspect(seen, { depth: 4 })}`);
    }
  });
}
