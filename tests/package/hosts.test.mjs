// Hosts that lack something, or that have it in another way: the package works there, or an error names the host.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { EdgeVM } from '@edge-runtime/vm';

import { PACKAGE, ROOT } from '../support/process.mjs';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const ENTRY = pathToFileURL(join(PACKAGE, 'index.js'));
const COMPLETION = { id: 'x', object: 'chat.completion', created: 1, model: 'a/a', choices: [{ index: 0, message: { role: 'assistant', content: 'yes ✓' }, finish_reason: 'stop' }] };
const MESSAGES = [{ role: 'user', content: 'é?' }];
const URL = 'https://up.example/v1/chat/completions';

let folder;

before(async () => {
  // Node.js loads what is behind these classes at the first use, and needs all of its globals for that.
  await new Response('').text();
  folder = await mkdtemp(join(tmpdir(), 'failsoft-hosts-'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await cp(PACKAGE, join(folder, 'node_modules/failsoft'), { recursive: true });
});
after(() => rm(folder, { recursive: true, force: true }));

/** The package of a host without `object[name]`, which is absent until the end of the test. */
async function without(t, object, name) {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  t.after(() => Object.defineProperty(object, name, descriptor));
  delete object[name];
  return import(`${ENTRY}?without-${name}-${t.name.length}`);
}

test('without WebAssembly, the error names hosts that have none, and what helps', async (t) => {
  const { chat, isChatError } = await without(t, globalThis, 'WebAssembly');
  await assert.rejects(chat(MESSAGES, { model: 'a/a', apiKey: 'k' }), (error) => {
    assert.ok(isChatError(error));
    assert.equal(error.kind, 'wasmUnavailable');
    assert.match(error.message, /this host has no WebAssembly.*Hermes.*Lockdown Mode.*OpenAI SDK with an edge/);
    return true;
  });
});

test('without WebAssembly, an SDK goes on without fallback, and one warning says so', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  const { createClient, createFetch } = await without(t, globalThis, 'WebAssembly');
  const requests = [];
  const fetch = createFetch(createClient({ models: ['b/b'], fetch: async (...request) => (requests.push(request), new Response('as it is')) }));
  const init = { method: 'POST', body: '{"model":"a/a"}' };
  for (let call = 0; call < 2; call += 1) assert.equal(await (await fetch(URL, init)).text(), 'as it is');
  assert.deepEqual(requests, [[URL, init], [URL, init]]);
  assert.equal(warned.mock.callCount(), 1);
  assert.match(warned.mock.calls[0].arguments[0], /pass through without fallback.*no WebAssembly/);
});

test('without static Response.json, a call of an SDK gives a completion', async (t) => {
  const { createClient, createFetch } = await without(t, Response, 'json');
  const fetch = createFetch(createClient({ fetch: async () => new Response(JSON.stringify(COMPLETION), { headers: { 'content-type': 'application/json' } }) }));
  const response = await fetch(URL, { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) });
  assert.equal((await response.json()).choices[0].message.content, 'yes ✓');
});

for (const [name, what, use] of [
  ['Headers', 'chat', ({ chat }, fetch) => chat(MESSAGES, { model: 'a/a', apiKey: 'k', fetch })],
  ['Response', 'createFetch', ({ createClient, createFetch }, fetch) => createFetch(createClient({ fetch }))(URL, { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES }) })],
  ['Response', 'toResponse', async ({ chatStreaming }, fetch) => (await chatStreaming(MESSAGES, { model: 'a/a', apiKey: 'k', fetch })).toResponse()],
  ['ReadableStream', 'toReadableStream', async ({ chatStreaming }, fetch) => (await chatStreaming(MESSAGES, { model: 'a/a', apiKey: 'k', fetch })).toReadableStream()],
  ['ReadableStream', 'a streamed createFetch', ({ createClient, createFetch }, fetch) => createFetch(createClient({ fetch }))(URL, { method: 'POST', body: JSON.stringify({ model: 'a/a', messages: MESSAGES, stream: true }) })],
]) {
  test(`without ${name}, ${what} says so`, async (t) => {
    const upstream = async () => ({ status: 200, headers: new Map([['content-type', 'application/json']]), text: async () => JSON.stringify(COMPLETION) });
    const failsoft = await without(t, globalThis, name);
    await assert.rejects(use(failsoft, upstream), (error) => {
      assert.equal(error.kind, 'invalidRequest', error.stack);
      assert.match(error.message, new RegExp(`this host has no .${name}.*globalThis.${name}`));
      return true;
    });
  });
}

test('a host without ReadableStream and AbortController gets an answer', async (t) => {
  const upstream = async () => ({ status: 200, headers: new Map([['content-type', 'application/json']]), text: async () => JSON.stringify(COMPLETION) });
  await without(t, globalThis, 'AbortController');
  const { chatStreaming } = await without(t, globalThis, 'ReadableStream');
  assert.equal(await (await chatStreaming(MESSAGES, { model: 'a/a', apiKey: 'k', fetch: upstream })).text(), 'yes ✓');
});

test('without TextDecoder and TextEncoder, text beyond ASCII is right', async () => {
  const script = `
    void new Headers();
    delete globalThis.TextDecoder;
    delete globalThis.TextEncoder;
    const { chat } = await import('failsoft');
    const fetch = async (url, { body }) => {
      const { messages } = JSON.parse(body);
      return { status: 200, headers: new Headers({ 'content-type': 'application/json' }), text: async () => JSON.stringify({ model: 'a/a', choices: [{ message: { content: messages[0].content }, finish_reason: 'stop' }] }) };
    };
    console.log((await chat([{ role: 'user', content: 'aé\u20ac\u{1f600}' }], { model: 'a/a', apiKey: 'k', fetch })).choices[0].message.content);`;
  await writeFile(join(folder, 'text.mjs'), script);
  assert.equal((await run(process.execPath, ['text.mjs'], { cwd: folder })).stdout, 'aé\u20ac\u{1f600}\n');
});

test('the edge runtime of Next.js, whose WebAssembly.Module is from another realm, gets an answer', async () => {
  const vm = new EdgeVM();
  const module = new WebAssembly.Module(await readFile(join(PACKAGE, 'failsoft_bg.wasm')));
  assert.ok(!(module instanceof vm.evaluate('WebAssembly.Module')));
  Object.assign(vm.context, { wasm: module, upstream: async () => vm.evaluate(`new Response('${JSON.stringify(COMPLETION)}', { headers: { 'content-type': 'application/json' } })`) });
  // The import of the module is what Next.js's bundler replaces.
  const [, name] = (await readFile(join(PACKAGE, 'edge-light.js'), 'utf8')).match(/import ([\w$]+) from"\.\/failsoft_bg\.wasm\?module";/);
  const source = (await readFile(join(PACKAGE, 'edge-light.js'), 'utf8'))
    .replace(/import [\w$]+ from"[^"]+";/, `const ${name}=globalThis.wasm;`)
    .replace(/export\{([^}]*)\};/, (_, names) => `globalThis.failsoft={${names.replace(/([\w$]+) as ([\w$]+)/g, (_, inside, outside) => `${outside}:${inside}`)}};`);
  vm.evaluate(`(() => {${source.replace(/\/\/# sourceMappingURL.*$/m, '')}})()`);
  const { model } = await vm.context.failsoft.chat(MESSAGES, { model: 'a/a', apiKey: 'k', fetch: vm.context.upstream });
  assert.equal(model, 'a/a');
});

test('Next.js with cacheComponents: neither a random number nor the date before the first response', async () => {
  const script = `
    import { chat, chatStreaming, createClient, createFetch, init } from 'failsoft';
    const used = [];
    const watch = (object, name) => {
      const original = object[name];
      object[name] = (...given) => (used.push(name), original(...given));
    };
    watch(Math, 'random');
    watch(Date, 'now');
    const messages = [{ role: 'user', content: '?' }];
    const results = {};
    for (const [name, call] of Object.entries({
      chat: (options) => chat(messages, options),
      chatStreaming: (options) => chatStreaming(messages, options),
      createFetch: ({ fetch }) => createFetch(createClient({ fetch }))('${URL}', { method: 'POST', body: JSON.stringify({ model: 'a/a', messages }) }),
    })) {
      used.length = 0;
      await new Promise((resolve) => call({ model: 'a/a', apiKey: 'k', fetch: () => (setTimeout(resolve, 5), new Promise(() => {})) }));
      results[name] = [...used];
    }
    // The wait between two attempts is random all the same.
    const response = async () => new Response('', { status: 500 });
    await chat(messages, { model: 'a/a', apiKey: 'k', fetch: response, policy: { retry: { base: 1 } } }).catch(() => {});
    console.log(JSON.stringify({ results, later: used }));
    process.exit();`;
  await writeFile(join(folder, 'next.mjs'), script);
  const { stdout } = await run(process.execPath, ['next.mjs'], { cwd: folder, env: { ...process.env, NEXT_RUNTIME: 'nodejs' } });
  const { results, later } = JSON.parse(stdout);
  assert.deepEqual(results, { chat: [], chatStreaming: [], createFetch: [] });
  assert.deepEqual(later, ['random']);
});

/** A test file for jsdom, with the global functions of Jest and Vitest. */
const JSDOM = `
  import { chat, chatStreaming, parseStream } from 'failsoft';
  const completion = ${JSON.stringify(COMPLETION)};
  const messages = ${JSON.stringify(MESSAGES)};
  const fetch = async () => ({ status: 200, headers: { get: (name) => (name === 'content-type' ? 'application/json' : null) }, text: async () => JSON.stringify(completion) });
  const options = { model: 'a/a', baseURL: 'https://up.example/v1', apiKey: 'k', fetch };
  test('this is jsdom', () => expect(navigator.userAgent).toMatch(/jsdom/));
  test('chat', async () => expect((await chat(messages, options)).choices[0].message.content).toBe('yes ✓'));
  test('chatStreaming', async () => expect(await (await chatStreaming(messages, options)).text()).toBe('yes ✓'));
  test('an error', async () => {
    const error = await chat(messages, { ...options, fetch: async () => { throw new TypeError('Failed to fetch'); }, policy: { retry: { base: 1 } } }).catch((error) => error);
    expect([error.kind, error instanceof Error]).toEqual(['network', true]);
  });
`;

for (const [name, settings, args] of [
  ['jest', { testEnvironment: require.resolve('jest-environment-jsdom'), transform: {}, testTimeout: 60_000 }, ['--experimental-vm-modules', join(ROOT, 'tests/node_modules/jest/bin/jest.js')]],
  ['vitest', { test: { environment: 'jsdom', globals: true, testTimeout: 60_000 } }, [join(ROOT, 'tests/node_modules/vitest/vitest.mjs'), 'run']],
]) {
  test(`jsdom under ${name}`, async () => {
    await writeFile(join(folder, `${name}.config.mjs`), `export default ${JSON.stringify(settings)};`);
    await writeFile(join(folder, 'jsdom.test.js'), JSDOM);
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder }).catch((error) => error);
    assert.match(stdout + stderr, /4 passed/);
  });
}
