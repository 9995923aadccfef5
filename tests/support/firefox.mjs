// A real Firefox, without patches, driven over WebDriver BiDi.

import puppeteer from 'puppeteer-core';

import { complaintsOf } from './chromium.mjs';

const PROTOCOL_MS = 300_000;

/** Starts Firefox. A page has `goto`, `evaluate`, `screenshot` and `close` as a page of Chromium. */
export async function startFirefox() {
  const executablePath = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, defaultViewport: { width: 1360, height: 900 }, protocolTimeout: PROTOCOL_MS });
  const complaints = [];
  return {
    async newPage() {
      const page = await browser.newPage();
      complaints.push(complaintsOf(page));
      return page;
    },
    /** The errors of the pages and their consoles so far. */
    readComplaints: async () => complaints.flat(),
    close: () => browser.close(),
  };
}
