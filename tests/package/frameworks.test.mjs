// LangChain and the AI SDK with the fetch of createFetch: their calls get the fallback, and their own errors.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { APICallError, generateText, streamText } from 'ai';

import { PACKAGE, asked, startEmulator } from '../support/process.mjs';

const { createClient, createFetch } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

const PROMPT = 'words:20';
const KEY = 'sk-or-sdk';
const [FIRST, SECOND] = ['fault/unavailable', 'openai/gpt-4o'];

let emulator;

before(async () => {
  emulator = await startEmulator();
});
beforeEach(() => emulator.clear());
after(() => emulator?.stop());

/** What the frameworks do with a model whose chain goes on with `models`: an answer, a stream, and what an error says. */
const FRAMEWORKS = {
  LangChain(model, models) {
    const configuration = { baseURL: emulator.baseURL, fetch: createFetch(createClient({ models })) };
    const chat = new ChatOpenAI({ model, apiKey: KEY, maxRetries: 0, configuration });
    return {
      answer: async () => (await chat.invoke(PROMPT)).content,
      async stream() {
        let text = '';
        for await (const chunk of await chat.stream(PROMPT)) text += chunk.content;
        return text;
      },
      statusOf: ({ constructor, status }) => [constructor.name, status],
      error: ['AuthenticationError', 401],
    };
  },
  'the AI SDK'(model, models) {
    const provider = createOpenAICompatible({ name: 'failsoft', apiKey: KEY, baseURL: emulator.baseURL, fetch: createFetch(createClient({ models })) });
    const options = { model: provider(model), prompt: PROMPT, maxRetries: 0 };
    return {
      answer: async () => (await generateText(options)).text,
      async stream() {
        let text = '';
        for await (const piece of streamText(options).textStream) text += piece;
        return text;
      },
      statusOf: (error) => [APICallError.isInstance(error), error.statusCode],
      error: [true, 401],
    };
  },
};

for (const [name, framework] of Object.entries(FRAMEWORKS)) {
  for (const form of ['answer', 'stream']) {
    test(`${name}: the next model gives the ${form}, with the address and key of the framework`, async () => {
      const text = await framework(FIRST, [SECOND])[form]();
      assert.equal(text.split(' ').length, 20, text);
      const log = await emulator.log();
      assert.deepEqual(asked(log), [[FIRST], [SECOND]]);
      assert.equal(log[0].headers.authorization, `Bearer ${KEY}`);
    });
  }

  test(`${name}: a call that no model answers throws an error of the framework with the status`, async () => {
    const { answer, statusOf, error } = framework('fault/unauthorized', []);
    await assert.rejects(answer, (thrown) => {
      assert.deepEqual(statusOf(thrown), error);
      return true;
    });
    assert.equal((await emulator.log()).length, 1);
  });
}
