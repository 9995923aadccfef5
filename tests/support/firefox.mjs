// A real Firefox, without patches, driven over WebDriver BiDi.

import puppeteer from 'puppeteer-core';

const PROTOCOL_MS = 300_000;

/** Starts Firefox. A page has `goto`, `evaluate`, `screenshot` and `close` as a page of Chromium. */
export function startFirefox() {
  return puppeteer.launch({ browser: 'firefox', executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr', headless: true, protocolTimeout: PROTOCOL_MS });
}
