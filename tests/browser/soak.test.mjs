// Long streams read in real Chromium through every exported form: nothing crashes, and nothing grows. A short run reads
// fewer chunks than `cargo xtask test --long`.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { FORMS, growthOf, lettersOf } from '../package/soak.mjs';
import { openPage } from '../support/browsers.mjs';
import { LONG } from '../support/long.mjs';
import { PACKAGE, ROOT } from '../support/process.mjs';

const COUNT = LONG ? 200_000 : 20_000;

let opened, page, devtools;

/** The bytes of the heap of JavaScript, once the garbage is collected. */
async function heapOf() {
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize;
}

before(async () => {
  opened = await openPage(PACKAGE);
  ({ page } = opened);
  devtools = await page.context().newCDPSession(page);
  await page.exposeFunction('heapOf', heapOf);
  const source = await readFile(join(ROOT, 'tests/package/soak.mjs'), 'utf8');
  await page.evaluate(async (source) => {
    const soak = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    const instances = soak.watchInstances();
    const failsoft = await import('/package/index.js');
    const measure = async () => ({ heap: await globalThis.heapOf(), ...soak.sizeOf(instances) });
    globalThis.read = (form, count) => soak.soak(failsoft, form, count, measure);
  }, source);
});

after(() => opened?.close());

for (const form of Object.keys(FORMS)) {
  test(`a page reads ${COUNT} chunks through ${form}, and neither its heap nor the WebAssembly grows`, async () => {
    const { letters, samples } = await page.evaluate(([form, count]) => globalThis.read(form, count), [form, COUNT]);
    assert.equal(letters, lettersOf(COUNT));
    assert.equal(samples.length, 4);
    assert.ok(samples[0].memory > 0, 'the memory of the WebAssembly was found');
    assert.deepEqual(growthOf(samples), [], JSON.stringify(samples));
  });
}
