import OpenAI from 'openai';

import { OPENAI_ERRORS } from '../errors.mjs';
import { ANSWER, IMAGE_URL, INPUT, runTools } from '../wants.mjs';

const TOOL = ({ name, description }) => ({ type: 'function', name, description, parameters: INPUT, strict: true });

export default [{
  name: 'openai', how: '`responses.parse`, `.stream`', protocol: 'responses', errors: OPENAI_ERRORS,
  connect({ origin, apiKey }) {
    const { responses } = new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 });
    return {
      async ask({ model, prompt, stream, tools, structured, thinks, image }) {
        const picture = image ? [{ type: 'input_image', image_url: IMAGE_URL, detail: 'auto' }] : [];
        const request = { model, input: [{ role: 'user', content: [{ type: 'input_text', text: prompt }, ...picture] }] };
        if (tools) request.tools = tools.map(TOOL);
        if (thinks) request.reasoning = { effort: 'low', summary: 'auto' };
        if (structured) request.text = { format: { type: 'json_schema', name: 'answer', schema: ANSWER, strict: true } };
        const seen = { pieces: 0 };
        await runTools(tools, async (results) => {
          request.input.push(...results.map(({ id, output }) => ({ type: 'function_call_output', call_id: id, output })));
          const response = await (stream ? readStream(responses, request, seen) : responses.parse(request));
          request.input.push(...response.output);
          const reasoning = response.output.filter(({ type }) => type === 'reasoning').flatMap(({ summary }) => summary);
          Object.assign(seen, { text: response.output_text, thought: reasoning.map(({ text }) => text).join(''), parsed: response.output_parsed });
          const calls = response.output.filter(({ type }) => type === 'function_call');
          return calls.map(({ call_id: id, name, arguments: input }) => ({ id, name, input: JSON.parse(input) }));
        });
        return seen;
      },
      async leave({ model, prompt }) {
        for await (const { type } of await responses.create({ model, input: prompt, stream: true })) {
          if (type === 'response.output_text.delta') break;
        }
      },
    };
  },
}];

function readStream(responses, request, seen) {
  const run = responses.stream(request);
  run.on('response.output_text.delta', () => { seen.pieces += 1; });
  return run.finalResponse();
}
