// An error that nobody catches: what the process prints helps its reader, and is no minified source.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import { test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

const ENTRY = pathToFileURL(join(PACKAGE, 'index.js')).href;
const MESSAGES = "[{ role: 'user', content: 'Hello?' }]";
const FAILING = "{ model: 'a/a', baseURL: 'http://127.0.0.1:9/v1', policy: { retry: { base: 1 } } }";
const STREAM = `new Response('data: {"error": {"code": 502, "message": "down"}}\\n\\n')`;

/** By what fails: a program whose line 5 calls the package, and what the message says. */
const PROGRAMS = {
  'a call that is awaited': [`await chat(${MESSAGES}, ${FAILING});`, /ChatError: the connection to 127\.0\.0\.1:9 failed/],
  'a call that is not awaited': [`chatWithFallback(${MESSAGES}, ${FAILING}).then(console.log);`, /ChatError: the connection to 127\.0\.0\.1:9 failed/],
  'a call of a client': [`await createClient(${FAILING}).chat(${MESSAGES});`, /ChatError: the connection to 127\.0\.0\.1:9 failed/],
  'a stream that fails before its first token': [`await chatStreaming(${MESSAGES}, ${FAILING});`, /ChatError: the connection to 127\.0\.0\.1:9 failed/],
  'a stream that is read': [`const stream = parseStream(${STREAM}); for await (const text of stream.textStream) console.log(text);`, /ChatError: down/],
  'a wrong option': [`await chat(${MESSAGES}, { model: 'a/a', temperture: 1 });`, /ChatError: `temperture` is not a known field; did you mean `temperature`\?/],
  'a wrong use': ["parseStream('data: {}');", /ChatError: parseStream takes a Response or a ReadableStream/],
};

for (const [name, [line, message]] of Object.entries(PROGRAMS)) {
  test(`${name}: an uncaught error prints its message and the caller's frame`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'failsoft-uncaught-'));
    const program = join(folder, 'program.mjs');
    const head = `import { chat, chatStreaming, chatWithFallback, createClient, parseStream } from ${JSON.stringify(ENTRY)};`;
    await writeFile(program, [head, '', '', '// The next line fails.', line, ''].join('\n'));
    const printed = await new Promise((resolve, reject) => {
      execFile(process.execPath, [program], (error, stdout, stderr) => (error ? resolve(stderr) : reject(new Error('the program ended well'))));
    });
    assert.match(printed, message);
    assert.match(printed, /at .*program\.mjs:5:\d+/);
    // The printed source is the caller's line, and nothing of the package.
    assert.ok(!printed.includes('webassembly_binary') && !printed.includes('\0'), printed.slice(0, 500));
    assert.ok(printed.length < 4_000, `${printed.length} characters`);
    assert.ok(Math.max(...printed.split('\n').map(({ length }) => length)) < 1_000);
  });
}

test('the source maps lead from the built scripts to the sources', async () => {
  for (const entry of ['index.js', 'workerd.js', 'edge-light.js']) {
    const script = await readFile(join(PACKAGE, entry), 'utf8');
    assert.ok(script.trimEnd().endsWith(`//# sourceMappingURL=${entry}.map`), entry);
    const map = new SourceMap(JSON.parse(await readFile(join(PACKAGE, `${entry}.map`), 'utf8')));
    const lines = script.split('\n');
    const texts = { 'captureStackTrace': 'error.js', 'highWaterMark': 'stream.js', bodyUsed: 'api.js' };
    for (const [text, source] of Object.entries(texts)) {
      const line = lines.findIndex((line) => line.includes(text));
      assert.notEqual(line, -1, `${entry} has no ${text}`);
      const { originalSource, originalLine } = map.findEntry(line, lines[line].indexOf(text));
      assert.ok(originalSource.endsWith(`/${source}`), `${entry}: ${text} leads to ${originalSource}`);
      const original = map.payload.sourcesContent[map.payload.sources.indexOf(originalSource)].split('\n')[originalLine];
      assert.ok(original.includes(text), `${entry}: ${text} leads to ${original}`);
    }
  }
});
