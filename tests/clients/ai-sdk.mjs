// The AI SDK as a client: its calls are the same for each provider.

import { generateText, jsonSchema, Output, stepCountIs, streamText } from 'ai';

import { ANSWER, IMAGE, INPUT } from './wants.mjs';

const STEPS = 5;

/** What the AI SDK throws. */
export const ERRORS = { read: ({ name, statusCode }) => [name, statusCode], of: (status) => ['AI_APICallError', status] };

/** A client with the models of a provider. `thinking` are the provider's options for reasoning, and `options` those of each call. */
export const clientOf = (modelOf, { thinking = {}, options = {} } = {}) => ({
  async ask({ model, prompt, stream, tools, structured, thinks, image }) {
    const content = [{ type: 'text', text: prompt }];
    if (image) content.push({ type: 'file', mediaType: IMAGE.type, data: IMAGE.data });
    const request = { model: modelOf(model), maxRetries: 0, messages: [{ role: 'user', content }], providerOptions: { ...options, ...(thinks ? thinking : {}) } };
    if (tools) {
      const execute = (tool) => ({ description: tool.description, inputSchema: jsonSchema(INPUT), execute: async (input) => tool.run(input) });
      request.tools = Object.fromEntries(tools.map((tool) => [tool.name, execute(tool)]));
      request.stopWhen = stepCountIs(STEPS);
    }
    if (structured) request.output = Output.object({ schema: jsonSchema(ANSWER) });
    const seen = { pieces: 0 };
    const result = stream ? await readStream(request, seen) : await generateText(request);
    const parsed = structured && await result.output;
    return { ...seen, text: await result.text, thought: await result.reasoningText, parsed };
  },
  async leave({ model, prompt }) {
    const leaving = new AbortController();
    const { textStream } = streamText({ model: modelOf(model), prompt, abortSignal: leaving.signal, onError() {} });
    for await (const _ of textStream) leaving.abort();
  },
});

async function readStream(request, seen) {
  const result = streamText({ ...request, onError() {} });
  for await (const part of result.fullStream) {
    if (part.type === 'text-delta') seen.pieces += 1;
    if (part.type === 'error') throw part.error;
  }
  return result;
}
