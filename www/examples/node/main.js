// npm run node, then open http://127.0.0.1:3000/?q=Hello

import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { isChatError } from 'failsoft';

import { client } from '../client.js';

const server = createServer(async (request, response) => {
  const prompt = new URL(request.url, 'http://localhost').searchParams.get('q');
  if (!prompt) return response.writeHead(400).end('Add ?q= and a question.');
  const call = new AbortController();
  response.once('close', () => call.abort());
  try {
    const stream = await client.chatStreaming([{ role: 'user', content: prompt }], { signal: call.signal });
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-model': stream.model });
    await pipeline(stream.textStream, response);
  } catch (error) {
    if (!isChatError(error)) throw error;
    // Behind the first piece of text, no status can say that the answer broke off.
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end(`No model answered: ${error.message}`);
  }
  return undefined;
});

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
