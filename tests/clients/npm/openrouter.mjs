import { OpenRouter } from '@openrouter/sdk';
import { tool } from '@openrouter/sdk/lib/tool.js';
import { z } from 'zod';

import { ANSWER, IMAGE_URL, INPUT, runTools } from '../wants.mjs';

const CLASSES = { 400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 429: 'TooManyRequests', 503: 'ServiceUnavailable' };
const ERRORS = {
  read: ({ constructor, statusCode }) => [constructor.name, statusCode],
  of: (status) => [`${CLASSES[status]}ResponseError`, status],
};
const connect = ({ origin, apiKey }) => new OpenRouter({ serverURL: `${origin}/api/v1`, apiKey, retryConfig: { strategy: 'none' } });

export default [
  { name: '@openrouter/sdk', how: '`callModel`', protocol: 'responses', errors: ERRORS, connect: (server) => overResponses(connect(server)) },
  { name: '@openrouter/sdk', how: '`chat.send`', protocol: 'chat', errors: ERRORS, connect: (server) => overChat(connect(server).chat) },
];

const overResponses = (client) => ({
  async ask({ model, prompt, stream, tools, structured, thinks, image }) {
    const picture = image ? [{ type: 'input_image', imageUrl: IMAGE_URL, detail: 'auto' }] : [];
    const request = { model, input: [{ role: 'user', content: [{ type: 'input_text', text: prompt }, ...picture] }] };
    if (tools) {
      request.tools = tools.map(({ name, description, run }) => tool({ name, description, inputSchema: z.object({ query: z.string() }), outputSchema: z.string(), execute: async (input) => run(input) }));
    }
    if (thinks) request.reasoning = { effort: 'low', summary: 'auto' };
    if (structured) request.text = { format: { type: 'json_schema', name: 'answer', schema: ANSWER, strict: true } };
    const result = client.callModel(request);
    const seen = { pieces: 0 };
    if (stream) for await (const _ of result.getTextStream()) seen.pieces += 1;
    const { output } = await result.getResponse();
    const text = await result.getText();
    const summaries = output.filter(({ type }) => type === 'reasoning').flatMap(({ summary }) => summary);
    return { ...seen, text, thought: summaries.map((part) => part.text).join(''), parsed: structured && JSON.parse(text) };
  },
  async leave({ model, prompt }) {
    const result = client.callModel({ model, input: prompt });
    for await (const _ of result.getTextStream()) break;
    await result.cancel();
  },
});

const overChat = (chat) => ({
  async ask({ model, prompt, stream, tools, structured, thinks, image }) {
    const picture = image ? [{ type: 'image_url', imageUrl: { url: IMAGE_URL } }] : [];
    const chatRequest = { model, messages: [{ role: 'user', content: [{ type: 'text', text: prompt }, ...picture] }], stream: Boolean(stream) };
    if (tools) chatRequest.tools = tools.map(({ name, description }) => ({ type: 'function', function: { name, description, parameters: INPUT } }));
    if (thinks) chatRequest.reasoning = { effort: 'low' };
    if (structured) chatRequest.responseFormat = { type: 'json_schema', jsonSchema: { name: 'answer', schema: ANSWER, strict: true } };
    const seen = { pieces: 0 };
    await runTools(tools, async (results) => {
      chatRequest.messages.push(...results.map(({ id, output }) => ({ role: 'tool', toolCallId: id, content: output })));
      const sent = await chat.send({ chatRequest });
      const message = stream ? await readChunks(sent, seen) : sent.choices[0].message;
      chatRequest.messages.push(message);
      Object.assign(seen, { text: message.content ?? '', thought: message.reasoning, parsed: structured && JSON.parse(message.content) });
      return (message.toolCalls ?? []).map(({ id, function: { name, arguments: input } }) => ({ id, name, input: JSON.parse(input) }));
    });
    return seen;
  },
  async leave({ model, prompt }) {
    for await (const { choices } of await chat.send({ chatRequest: { model, messages: [{ role: 'user', content: prompt }], stream: true } })) {
      if (choices[0]?.delta.content) break;
    }
  },
});

/** The message of a stream: this SDK gives chunks and does not assemble them. */
async function readChunks(chunks, seen) {
  const message = { role: 'assistant', content: '', reasoning: '' };
  for await (const { choices, error } of chunks) {
    if (error) throw Object.assign(new Error(error.message), { statusCode: error.code });
    const { content, reasoning, toolCalls = [] } = choices[0]?.delta ?? {};
    if (content) seen.pieces += 1;
    message.content += content ?? '';
    message.reasoning += reasoning ?? '';
    for (const { index, id, function: { name, arguments: input = '' } } of toolCalls) {
      message.toolCalls ??= [];
      message.toolCalls[index] ??= { id, type: 'function', function: { name, arguments: '' } };
      message.toolCalls[index].function.arguments += input;
    }
  }
  return message;
}
