// A page in Chromium, and a server for what the page imports.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch } from '../support/chromium.mjs';
import { PAGES, bundle } from './bundle.mjs';
import { generator, shuffled } from '../support/random.mjs';

/** Measures the readers of a stream in a page: see reading.mjs. */
export async function readingInPage(pkg, options) {
  return withPage(pkg, { '/reading.js': await bundle('', 'reading.mjs') }, (page) =>
    page.evaluate(async (options) => {
      const { reading } = await import('/reading.js');
      return reading(await import('/failsoft/index.js'), options);
    }, options),
  );
}

/** What `openai` and failsoft do until the first answer arrives. */
const FIRST = {
  openai: async () => {
    await import('/openai.js');
    const fetch = async () => Response.json(globalThis.answer);
    const client = new globalThis.page.OpenAI({ apiKey: 'k', baseURL: `${location.origin}/v1`, fetch, dangerouslyAllowBrowser: true });
    return client.chat.completions.create({ model: 'a/a', messages: [{ role: 'user', content: 'hi' }] });
  },
  failsoft: async () => {
    const { chat } = await import('/failsoft/index.js');
    const fetch = async () => Response.json(globalThis.answer);
    return chat([{ role: 'user', content: 'hi' }], { model: 'a/a', baseURL: `${location.origin}/v1`, apiKey: 'k', fetch, policy: { assemble: false } });
  },
};
const ANSWER = { id: 'x', object: 'chat.completion', created: 1, model: 'a/a', choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }] };

/** Milliseconds from `import()` to the first answer, in turns, each in a new page with a warm cache. */
export async function firstUse(pkg, rounds) {
  const samples = { openai: [], failsoft: [] };
  const random = generator(5);
  await withPage(pkg, { '/openai.js': await bundle(PAGES.openai) }, async (page, origin) => {
    // The first rounds fill the caches, including the cache of compiled code.
    for (let round = -3; round < rounds; round++) {
      for (const name of shuffled(Object.keys(FIRST), random)) {
        await page.goto(origin);
        const time = await page.evaluate(`(async () => {
          globalThis.answer = ${JSON.stringify(ANSWER)};
          const start = performance.now();
          const answer = await (${FIRST[name]})();
          if (answer.choices[0].message.content !== 'hello') throw new Error('no answer');
          return performance.now() - start;
        })()`);
        if (round >= 0) samples[name].push(time);
      }
    }
  });
  return samples;
}

/** Runs `work` with a page that can import `files` and the package. */
async function withPage(pkg, files, work) {
  const server = createServer(async (request, response) => {
    const name = new URL(request.url, 'http://x').pathname;
    const file = name.startsWith('/failsoft/') && (await readFile(join(pkg, name.slice('/failsoft/'.length))).catch(() => null));
    const body = files[name] ?? file;
    if (name === '/') response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>bench</title>');
    else if (!body) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'max-age=3600' }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}/`;
  const browser = await launch();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(origin);
    return await work(page, origin);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
