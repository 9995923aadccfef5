// The contract of a streamed call in real browsers.

import { after, before, beforeEach, describe } from 'node:test';

import { PLACE, checkStreaming } from '../package/streaming.mjs';
import { BROWSERS, openPage } from '../support/browsers.mjs';
import { PACKAGE, startEmulator } from '../support/process.mjs';

for (const browser of Object.values(BROWSERS)) {
  describe(browser.title, { skip: browser.skip }, () => {
    const emulator = {};
    let opened, page;

    before(async () => {
      Object.assign(emulator, await startEmulator());
      opened = await openPage(PACKAGE, browser);
      ({ page } = opened);
      const source = Object.entries(PLACE).map(([name, call]) => `${JSON.stringify(name)}: ({ ${call} })[${JSON.stringify(name)}]`);
      await page.evaluate(`void (globalThis.place = { ${source} })`);
      await page.evaluate(async () => {
        globalThis.failsoft = await import('/package/index.js');
      });
    });
    beforeEach(() => emulator.clear());
    after(async () => {
      await opened?.close();
      await emulator.stop?.();
    });

    checkStreaming(emulator, (name, ...args) => page.evaluate(([name, args]) => globalThis.place[name](globalThis.failsoft, ...args), [name, args]));
  });
}
