// An upstream that costs little and never fails but on demand, in a process of its own: `node upstream.mjs PORT`.

import { createServer } from 'node:http';

const [port] = process.argv.slice(2).map(Number);

const head = { id: 'gen-bench', created: 1_763_800_000, model: 'm' };
const usage = { prompt_tokens: 8, completion_tokens: 500, total_tokens: 508 };
const message = { role: 'assistant', content: 'word '.repeat(380) };
const whole = Buffer.from(JSON.stringify({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }));
const chunk = (delta, finish_reason) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', provider: 'Bench', choices: [{ index: 0, delta, finish_reason, native_finish_reason: finish_reason, logprobs: null }] })}\n\n`;
const events = Array.from({ length: 500 }, (_, at) => chunk({ role: 'assistant', content: `word ${at} ` }, null));
const stream = Buffer.from([...events, chunk({}, 'stop'), 'data: [DONE]\n\n'].join(''));
const limited = Buffer.from(JSON.stringify({ error: { message: 'slow down', code: 429 } }));

createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const asked = body ? JSON.parse(body) : {};
  if (asked.model === 'limited') return response.writeHead(429, { 'content-type': 'application/json' }).end(limited);
  if (asked.stream) return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream);
  response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
}).listen(port, '127.0.0.1', () => console.log('listening'));
