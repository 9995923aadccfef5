import { ChatAnthropic } from '@langchain/anthropic';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';

import { OPENAI_ERRORS } from '../errors.mjs';
import { IMAGE_URL, INPUT, runTools } from '../wants.mjs';

// LangChain sends its option `reasoning` only to models whose name it knows.
const thinksOpenAI = { modelKwargs: { reasoning: { effort: 'low', summary: 'auto' } } };
const openai = ({ origin, apiKey }, fields) => (model, { thinks } = {}) => new ChatOpenAI({
  model, apiKey, maxRetries: 0, configuration: { baseURL: `${origin}/v1` }, ...fields, ...(thinks ? thinksOpenAI : {}),
});
const anthropic = ({ origin, apiKey }) => (model, { thinks } = {}) => new ChatAnthropic({
  model, apiKey, maxRetries: 0, maxTokens: 2_000, anthropicApiUrl: origin, ...(thinks ? { thinking: { type: 'enabled', budget_tokens: 1_024 } } : {}),
});

export default [
  { name: 'LangChain, `@langchain/openai`', how: '`ChatOpenAI`', protocol: 'chat', lacks: { reasoning: 'reads no `reasoning` of chat completions' }, errors: OPENAI_ERRORS, connect: (server) => clientOf(openai(server)) },
  { name: 'LangChain, `@langchain/openai`', how: '`useResponsesApi: true`', protocol: 'responses', errors: OPENAI_ERRORS, connect: (server) => clientOf(openai(server, { useResponsesApi: true })) },
  { name: 'LangChain, `@langchain/anthropic`', how: '`ChatAnthropic`', protocol: 'messages', errors: OPENAI_ERRORS, connect: (server) => clientOf(anthropic(server)) },
];

const clientOf = (chatOf) => ({
  async ask({ model, prompt, stream, tools, structured, thinks, image }) {
    const chat = chatOf(model, { thinks });
    const picture = image ? [{ type: 'image_url', image_url: { url: IMAGE_URL } }] : [];
    const messages = [new HumanMessage({ content: [{ type: 'text', text: prompt }, ...picture] })];
    const seen = { pieces: 0 };
    if (structured) {
      const shaped = chat.withStructuredOutput(z.object({ answer: z.string() }), { name: 'answer', method: 'jsonSchema' });
      if (!stream) return { ...seen, parsed: await shaped.invoke(messages) };
      for await (const parsed of await shaped.stream(messages)) Object.assign(seen, { parsed });
      return seen;
    }
    const bound = tools ? chat.bindTools(tools.map(({ name, description, run }) => tool(run, { name, description, schema: INPUT }))) : chat;
    await runTools(tools, async (results) => {
      messages.push(...results.map(({ id, output }) => new ToolMessage({ tool_call_id: id, content: output })));
      const message = stream ? await readStream(await bound.stream(messages), seen) : await bound.invoke(messages);
      messages.push(message);
      const blocks = message.contentBlocks.filter(({ type }) => type === 'reasoning').map(({ reasoning }) => reasoning);
      const summary = message.additional_kwargs.reasoning?.summary ?? [];
      const thought = blocks.join('') || summary.map((part) => part.text).join('');
      Object.assign(seen, { text: message.text, thought });
      return message.tool_calls.map(({ id, name, args: input }) => ({ id, name, input }));
    });
    return seen;
  },
  async leave({ model, prompt }) {
    for await (const { text } of await chatOf(model).stream(prompt)) if (text) break;
  },
});

async function readStream(chunks, seen) {
  let message;
  for await (const chunk of chunks) {
    if (chunk.text) seen.pieces += 1;
    message = message ? message.concat(chunk) : chunk;
  }
  return message;
}
