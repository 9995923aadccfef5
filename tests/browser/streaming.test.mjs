// The contract of a streamed call in real Chromium.

import { after, before, beforeEach } from 'node:test';

import { PLACE, checkStreaming } from '../package/streaming.mjs';
import { launch, serve } from '../support/chromium.mjs';
import { PACKAGE, startEmulator } from '../support/process.mjs';

const emulator = {};
let browser, page, server;

before(async () => {
  Object.assign(emulator, await startEmulator());
  server = await serve(PACKAGE);
  browser = await launch();
  page = await browser.newPage();
  await page.goto(server.origin);
  const source = Object.entries(PLACE).map(([name, call]) => `${JSON.stringify(name)}: ({ ${call} })[${JSON.stringify(name)}]`);
  await page.evaluate(`globalThis.place = { ${source} }`);
  await page.evaluate(async () => {
    globalThis.failsoft = await import('/package/index.js');
  });
});
beforeEach(() => emulator.clear());
after(async () => {
  await browser?.close();
  await server?.stop();
  await emulator.stop?.();
});

checkStreaming(emulator, (name, ...args) => page.evaluate(([name, args]) => globalThis.place[name](globalThis.failsoft, ...args), [name, args]));
