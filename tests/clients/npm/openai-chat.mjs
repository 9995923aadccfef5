import OpenAI from 'openai';

import { OPENAI_ERRORS } from '../errors.mjs';
import { ANSWER, IMAGE_URL, INPUT, runTools } from '../wants.mjs';

const TOOL = ({ name, description }) => ({ type: 'function', function: { name, description, parameters: INPUT, strict: true } });

export default [{
  name: 'openai', how: '`chat.completions.parse`, `.stream`', protocol: 'chat', errors: OPENAI_ERRORS,
  connect({ origin, apiKey }) {
    const { completions } = new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 }).chat;
    return {
      async ask({ model, prompt, stream, tools, structured, thinks, image }) {
        const content = image ? [{ type: 'text', text: prompt }, { type: 'image_url', image_url: { url: IMAGE_URL } }] : prompt;
        const request = { model, messages: [{ role: 'user', content }] };
        if (tools) request.tools = tools.map(TOOL);
        if (thinks) request.reasoning_effort = 'low';
        if (structured) request.response_format = { type: 'json_schema', json_schema: { name: 'answer', schema: ANSWER, strict: true } };
        const seen = { pieces: 0 };
        await runTools(tools, async (results) => {
          request.messages.push(...results.map(({ id, output }) => ({ role: 'tool', tool_call_id: id, content: output })));
          const { choices: [{ message }] } = await (stream ? readStream(completions, request, seen) : completions.parse(request));
          request.messages.push(message);
          // The helper for streams does not know the field, and keeps its last piece only.
          if (!stream) seen.thought = message.reasoning;
          Object.assign(seen, { text: message.content ?? '', parsed: structured && JSON.parse(message.content) });
          return (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({ id, name, input: JSON.parse(input) }));
        });
        return seen;
      },
      async leave({ model, prompt }) {
        for await (const { choices } of await completions.create({ model, messages: [{ role: 'user', content: prompt }], stream: true })) {
          if (choices[0]?.delta.content) break;
        }
      },
    };
  },
}];

function readStream(completions, request, seen) {
  const run = completions.stream(request);
  run.on('content', () => { seen.pieces += 1; });
  run.on('chunk', ({ choices }) => { seen.thought = (seen.thought ?? '') + (choices[0]?.delta.reasoning ?? ''); });
  return run.finalChatCompletion();
}
