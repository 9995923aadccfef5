// What the AI SDK does with each protocol of the edge. Its providers differ, and its calls do not.

import assert from 'node:assert/strict';

import { generateText, jsonSchema, streamText } from 'ai';

/** Generates and streams `text` with `model`, and fails with the 429 of `limited`. `afterFirst` checks the log after one call. */
export async function checkTexts({ model, limited, prompt, text, afterFirst }) {
  const generated = await generateText({ model, prompt });
  assert.deepEqual([generated.text, generated.finishReason], [text, 'stop']);
  assert.ok(generated.usage.inputTokens > 0 && generated.usage.outputTokens > 0);
  await afterFirst();
  const streamed = streamText({ model, prompt });
  assert.deepEqual([await streamed.text, await streamed.finishReason], [text, 'stop']);
  const error = await generateText({ model: limited, prompt, maxRetries: 0 }).catch((thrown) => thrown);
  assert.deepEqual([error.name, error.statusCode], ['AI_APICallError', 429]);
}

/** Calls the tool `search`, whose input has the schema `input`: in one piece and streamed, with the same results. */
export async function checkTools({ model, input, providerOptions }) {
  const run = (generate) => generate({
    model, providerOptions, prompt: 'use the tool',
    tools: { search: { inputSchema: jsonSchema(input), execute: async ({ query }) => `found ${query}` } },
  });
  const { toolResults } = await run(generateText);
  assert.match(toolResults[0].output, /^found /);
  const streamed = await run(streamText).toolResults;
  assert.deepEqual(streamed.map(({ output }) => output), toolResults.map(({ output }) => output));
}
