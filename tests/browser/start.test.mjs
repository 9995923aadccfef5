// The page of www/docs/start.md, as a newcomer saves it: the file, the installed package and an edge on this machine.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';

import { complaintsOf, launch } from '../support/chromium.mjs';
import { startEdge } from '../support/edge.mjs';
import { blocks } from '../support/markdown.mjs';
import { PACKAGE, ROOT, startEmulator } from '../support/process.mjs';

const PATH = 'www/docs/start.md';
const DEV = 'http://127.0.0.1:8787';

let server, origin, emulator, edge, browser;

before(async () => {
  const [{ code }] = blocks({ path: PATH, text: await readFile(join(ROOT, PATH), 'utf8') }).filter(({ language }) => language === 'html');
  // What `python3 -m http.server` serves: the page, and the package where npm puts it.
  server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname);
    const isPackage = path.startsWith('/node_modules/failsoft/');
    const text = isPackage ? await readFile(join(PACKAGE, path.slice('/node_modules/failsoft/'.length))) : code.replace(DEV, edge.origin);
    response.writeHead(200, { 'content-type': extname(path) === '.js' ? 'text/javascript' : 'text/html' }).end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${server.address().port}`;
  emulator = await startEmulator();
  edge = await startEdge({ failsoft: { access: 'loopback', upstream: { url: emulator.baseURL, dialect: 'openrouter' }, origins: [origin] } });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await edge?.stop();
  await emulator?.stop();
  server?.close();
});

test('the page of the first steps shows an answer of the second model, and no error', async () => {
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(origin);
  await page.waitForFunction(() => document.getElementById('answer').textContent.includes('(from'));
  assert.equal(await page.textContent('#answer'), 'openai/gpt-4o says: Hello! (from openai/gpt-4o)');
  assert.deepEqual(complaints, []);
});
