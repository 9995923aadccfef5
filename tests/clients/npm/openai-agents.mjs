import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';

import { OPENAI_ERRORS } from '../errors.mjs';
import { IMAGE_URL } from '../wants.mjs';

const QUERY = z.object({ query: z.string() });

export default [
  { name: '@openai/agents', how: 'by default', protocol: 'responses', errors: OPENAI_ERRORS, connect: (server) => clientOf(server, OpenAIResponsesModel) },
  { name: '@openai/agents', how: '`setOpenAIAPI(\'chat_completions\')`', protocol: 'chat', errors: OPENAI_ERRORS, connect: (server) => clientOf(server, OpenAIChatCompletionsModel) },
];

function clientOf({ origin, apiKey }, Model) {
  setTracingDisabled(true);
  const openai = new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 });
  const agentOf = (model, options) => new Agent({ name: 'helper', model: new Model(openai, model), ...options });
  return {
    async ask({ model, prompt, stream, tools = [], structured, thinks, image }) {
      const agent = agentOf(model, {
        tools: tools.map(({ name, description, run: execute }) => tool({ name, description, parameters: QUERY, execute: async (input) => execute(input) })),
        outputType: structured ? z.object({ answer: z.string() }) : undefined,
        modelSettings: thinks ? { reasoning: { effort: 'low', summary: 'auto' } } : {},
      });
      const picture = image ? [{ type: 'input_image', image: IMAGE_URL }] : [];
      const result = await run(agent, [{ role: 'user', content: [{ type: 'input_text', text: prompt }, ...picture] }], { stream: Boolean(stream) });
      const pieces = stream ? await readStream(result) : 0;
      const thoughts = result.newItems.filter(({ type }) => type === 'reasoning_item').map(({ rawItem: { content, rawContent } }) => [...content, ...(rawContent ?? [])].map(({ text }) => text).join(''));
      return { pieces, text: result.finalOutput, parsed: result.finalOutput, thought: thoughts.join('') };
    },
    async leave({ model, prompt }) {
      const leaving = new AbortController();
      const result = await run(agentOf(model), prompt, { stream: true, signal: leaving.signal });
      for await (const { type, data } of result) {
        if (type === 'raw_model_stream_event' && data.type === 'output_text_delta') leaving.abort();
      }
    },
  };
}

async function readStream(result) {
  let pieces = 0;
  for await (const { type, data } of result) if (type === 'raw_model_stream_event' && data.type === 'output_text_delta') pieces += 1;
  await result.completed;
  if (result.error) throw result.error;
  return pieces;
}
