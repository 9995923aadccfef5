// A real WebKit (WebKitGTK's MiniBrowser), driven over W3C WebDriver on a display that nobody sees.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';

import { Builder } from 'selenium-webdriver';
import { DriverService } from 'selenium-webdriver/remote/index.js';

const SCRIPT_MS = 300_000;

/** Starts WebKit with its one page: `newPage()` gives this page, empty. */
export async function startWebKit() {
  const display = await startDisplay();
  // GTK must not try Wayland; there is no graphics card.
  const env = { ...process.env, DISPLAY: display.name, GDK_BACKEND: 'x11', WEBKIT_DISABLE_DMABUF_RENDERER: '1' };
  const program = new DriverService.Builder(process.env.WEBKIT_DRIVER_BIN ?? '/usr/bin/WebKitWebDriver');
  const service = program.setLoopback(true).setEnvironment(env).build();
  const driver = await new Builder().usingServer(await service.start()).withCapabilities({ browserName: 'MiniBrowser' }).build();
  await driver.manage().setTimeouts({ script: SCRIPT_MS });
  const page = {
    async goto(url) {
      await driver.get(url);
      await page.evaluate(watch);
    },
    /** The script gives its value as JSON, because WebDriver would turn `undefined` into null. */
    async evaluate(run, given) {
      const value = typeof run === 'string' ? run : `(${run})(arguments[0])`;
      const json = await driver.executeScript(`return Promise.resolve(${value}).then((value) => JSON.stringify(value))`, given);
      return json === null ? undefined : JSON.parse(json);
    },
    screenshot: async ({ path }) => writeFile(path, await driver.takeScreenshot(), 'base64'),
    // This ends the connections of the page.
    close: () => driver.get('about:blank'),
  };
  return {
    newPage: async () => page,
    /** The errors of the page and its console since the page was loaded. */
    readComplaints: () => page.evaluate(() => globalThis.complaints),
    async close() {
      await driver.quit();
      await service.kill();
      await display.stop();
    },
  };
}

/** In the page: collects errors, because WebDriver does not tell what the console says. */
function watch() {
  const { error } = console;
  globalThis.complaints = [];
  console.error = (...said) => {
    globalThis.complaints.push(said.join(' '));
    error.apply(console, said);
  };
  addEventListener('error', ({ message }) => globalThis.complaints.push(message));
  addEventListener('unhandledrejection', ({ reason }) => globalThis.complaints.push(String(reason)));
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => globalThis.complaints.push(`${violatedDirective} ${blockedURI}`));
}

/** Starts an X server without a screen. It chooses its number, and writes the number to its third file. */
async function startDisplay() {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1360x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const failed = once(server, 'exit').then(([code]) => { throw new Error(`Xvfb ended with ${code}`); });
  const stopped = failed.catch(() => {});
  const [number] = await Promise.race([once(server.stdio[3], 'data'), failed]);
  const stop = async () => {
    server.kill();
    await stopped;
  };
  return { name: `:${String(number).trim()}`, stop };
}
