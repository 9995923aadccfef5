// The code that the playground and the dashboard show for a call: it makes that call, with the settings and the message as they are.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { LANGUAGES, snippet } from '../../www/snippets.js';
import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { startEmulator } from '../support/process.mjs';

const run = promisify(execFile);
/** Quotes, a backslash, a dollar sign, a line break and an emoji: each of them means something to some language. */
const MESSAGE = `say: it's "so" \\(x) $y ${'`z`'}\n\u{1f600}`;
const OPTIONS = { models: ['openai/gpt-4o-mini', 'openai/gpt-4o'], policy: { attempts: 2 } };

let emulator, edge, folder;
before(async () => {
  emulator = await startEmulator();
  edge = await startEdge({ failsoft: { upstream: { url: emulator.baseURL, dialect: 'openai' }, keys: [clientKey()], models: ['*'] } });
  folder = await mkdtemp(join(tmpdir(), 'failsoft-code-'));
});
after(async () => {
  await edge?.stop();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const code = (language, options = OPTIONS) => snippet(language, { origin: edge.origin, key: CLIENT_KEY, options, message: MESSAGE });

test('the code for curl makes the call', async () => {
  await emulator.clear();
  const { stdout } = await run('bash', ['-ec', code('curl').replace('curl', 'curl -sS --fail-with-body')]);
  assert.match(stdout, /data: \[DONE\]/);
  const [call] = (await emulator.log()).filter(({ path }) => path.endsWith('/chat/completions'));
  assert.equal(call.body.messages[0].content, MESSAGE);
});

test('the code for Python is Python with the call’s values', async () => {
  const file = join(folder, 'call.py');
  const policy = { attempts: 2, hedge: null, nested: [true, false, { text: 'x' }] };
  await writeFile(file, code('python', { ...OPTIONS, policy }));
  const read = `import ast, json, sys
tree = ast.parse(open(sys.argv[1]).read())
calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and any(each.arg == 'messages' for each in node.keywords)]
print(json.dumps({each.arg: ast.literal_eval(each.value) for each in calls[0].keywords}))`;
  const { stdout } = await run('python3', ['-c', read, file]);
  const found = JSON.parse(stdout);
  assert.equal(found.messages[0].content, MESSAGE);
  assert.deepEqual(found.extra_body, { models: OPTIONS.models, failsoft: policy });
});

test('the code for a page is JavaScript with the call’s values', async () => {
  const calls = [];
  const client = (options) => ({ chatStreaming: async (...given) => (calls.push([options, ...given]), { textStream: [] }) });
  const body = code('page').replace(/^import .*$/m, '');
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction('createClient', 'console', body)(client, { log() {} });
  assert.deepEqual(calls, [[{ edge: edge.origin, token: CLIENT_KEY }, [{ role: 'user', content: MESSAGE }], OPTIONS]]);
});

test('the code for Swift and Kotlin has the body as one text, whose special characters are escaped', () => {
  const body = { models: OPTIONS.models, messages: [{ role: 'user', content: MESSAGE }], failsoft: OPTIONS.policy };
  for (const [language, before] of [['swift', 'Data('], ['kotlin', 'ofString(']]) {
    const [, text] = code(language).match(new RegExp(`${before.replace('(', '\\(')}("(?:[^"\\\\]|\\\\.)*")`));
    // Both read the escapes of JSON; Kotlin has one more, for the dollar sign, and no escape of JSON looks like Swift’s \\( of a value.
    assert.deepEqual(JSON.parse(JSON.parse(text.replaceAll('\\$', '$'))), body, language);
    if (language === 'kotlin') assert.doesNotMatch(text, /(?<!\\)\$/);
    if (language === 'swift') assert.doesNotMatch(text.replaceAll('\\\\', ''), /\\\(/);
  }
});

test('every language has code, and an edge without keys needs none', () => {
  for (const language of Object.keys(LANGUAGES)) {
    const without = snippet(language, { origin: edge.origin, options: { model: 'route/chat' }, message: 'Hello' });
    assert.ok(without.includes(edge.origin) && without.includes('route/chat') && without.includes('Hello'), language);
    assert.ok(!without.includes('Bearer') && !without.includes('token:'), language);
  }
});
