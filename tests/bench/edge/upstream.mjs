// An upstream that needs little CPU and fails only on demand, in a process of its own: `node upstream.mjs PORT`. Each event
// of a stream is a chunk of its own on the connection, as models write them. A prompt such as `250 events, 4 ms apart` gets
// a slow stream in which each event contains the time at which it was sent, from the clock that all processes of a machine
// share.

import { createServer } from 'node:http';

const [port] = process.argv.slice(2).map(Number);
const PACED = /^(\d+) events, (\d+) ms apart$/;

const head = { id: 'gen-bench', created: 1_763_800_000, model: 'm' };
const usage = { prompt_tokens: 8, completion_tokens: 500, total_tokens: 508, cost: 0.00502 };
// The same answer in one piece and streamed: the edge reads a stream also for a call without one.
const words = Array.from({ length: 500 }, (_, at) => `word ${at} `);
const message = { role: 'assistant', content: words.join('') };
const whole = Buffer.from(JSON.stringify({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }));
const chunk = (delta, finish_reason) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', provider: 'Bench', choices: [{ index: 0, delta, finish_reason, native_finish_reason: finish_reason, logprobs: null }] })}\n\n`;
const events = words.map((content) => chunk({ role: 'assistant', content }, null));
// Without the usage, an edge would hold the most that the call can cost, and look for the cost for ten minutes.
const end = [chunk({}, 'stop'), `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [], usage })}\n\n`, 'data: [DONE]\n\n'].join('');
const limited = Buffer.from(JSON.stringify({ error: { message: 'slow down', code: 429 } }));

// An idle connection stays open: a server that closes it while a request is on its way would fail that request.
createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const fields = body ? JSON.parse(body) : {};
  if (fields.model === 'limited') return response.writeHead(429, { 'content-type': 'application/json' }).end(limited);
  if (!fields.stream) return response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const paced = PACED.exec(fields.messages.at(-1).content);
  if (paced) drip(response, Number(paced[1]), Number(paced[2]));
  else {
    for (const event of events) response.write(event);
    response.end(end);
  }
}).listen(port, '127.0.0.1', () => console.log('listening'));

function drip(response, count, gap) {
  response.socket.setNoDelay(true);
  let sent = 0;
  const next = () => {
    if (sent++ < count) return response.write(chunk({ role: 'assistant', content: `at ${process.hrtime.bigint()} ` }, null));
    clearInterval(timer);
    response.end(end);
  };
  const timer = setInterval(next, gap);
  response.on('close', () => clearInterval(timer));
  next();
}
