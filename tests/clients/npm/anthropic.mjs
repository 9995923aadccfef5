import Anthropic from '@anthropic-ai/sdk';

import { ANTHROPIC_ERRORS } from '../errors.mjs';
import { ANSWER, IMAGE, INPUT, runTools } from '../wants.mjs';

const MOST = 2_000;
const TOOL = ({ name, description }) => ({ name, description, input_schema: INPUT });

export default [
  {
    name: '@anthropic-ai/sdk', how: '`messages.create`, `.stream`, `.countTokens`', protocol: 'messages', errors: ANTHROPIC_ERRORS,
    connect({ origin, apiKey }) {
      const { messages } = new Anthropic({ baseURL: origin, apiKey, maxRetries: 0 });
      return { ...clientOf(messages), count: async ({ model, prompt }) => (await messages.countTokens({ model, messages: [{ role: 'user', content: prompt }] })).input_tokens };
    },
  },
  {
    name: '@anthropic-ai/sdk', how: '`beta.messages`, `.toolRunner`', protocol: 'messages', errors: ANTHROPIC_ERRORS,
    connect({ origin, apiKey }) {
      const { messages } = new Anthropic({ baseURL: origin, apiKey, maxRetries: 0 }).beta;
      return {
        ...clientOf(messages, async ({ model, prompt, stream }, tools) => {
          const seen = { pieces: 0 };
          const runner = messages.toolRunner({
            model, max_tokens: MOST, stream, messages: [{ role: 'user', content: prompt }],
            tools: tools.map(({ run, ...tool }) => ({ ...TOOL(tool), run, parse: (input) => input })),
          });
          for await (const turn of runner) {
            const message = stream ? await turn.finalMessage() : turn;
            seen.text = textOf(message);
          }
          return seen;
        }),
        count: async ({ model, prompt }) => (await messages.countTokens({ model, messages: [{ role: 'user', content: prompt }] })).input_tokens,
      };
    },
  },
];

const textOf = ({ content }) => content.filter(({ type }) => type === 'text').map(({ text }) => text).join('');

/** A client over the resource `messages`. `runWith` replaces the loop over the calls of tools. */
function clientOf(messages, runWith) {
  return {
    async ask(asked) {
      const { model, prompt, stream, tools, structured, thinks, image } = asked;
      if (tools && runWith) return runWith(asked, tools);
      const picture = image ? [{ type: 'image', source: { type: 'base64', media_type: IMAGE.type, data: IMAGE.data } }] : [];
      const request = { model, max_tokens: MOST, messages: [{ role: 'user', content: [...picture, { type: 'text', text: prompt }] }] };
      if (tools) request.tools = tools.map(TOOL);
      if (thinks) request.thinking = { type: 'enabled', budget_tokens: 1_024 };
      if (structured) request.output_config = { format: { type: 'json_schema', schema: ANSWER } };
      const seen = { pieces: 0 };
      await runTools(tools, async (results) => {
        if (results.length > 0) request.messages.push({ role: 'user', content: results.map(({ id, output }) => ({ type: 'tool_result', tool_use_id: id, content: output })) });
        const run = stream && messages.stream(request).on('text', () => { seen.pieces += 1; });
        const message = run ? await run.finalMessage() : await messages.parse(request);
        request.messages.push({ role: 'assistant', content: message.content });
        const text = textOf(message);
        const thought = message.content.filter(({ type }) => type === 'thinking').map(({ thinking }) => thinking).join('');
        Object.assign(seen, { text, thought, parsed: structured && (message.parsed_output ?? JSON.parse(text)) });
        return message.content.filter(({ type }) => type === 'tool_use');
      });
      return seen;
    },
    async leave({ model, prompt }) {
      for await (const { type } of await messages.create({ model, max_tokens: MOST, messages: [{ role: 'user', content: prompt }], stream: true })) {
        if (type === 'content_block_delta') break;
      }
    },
  };
}
