// An upstream on this machine: OpenRouter's chat completions and list of models, with faults on demand.

import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { FAULTS, createFaultyFetch } from './testing.js';

/** The prefix of models that always fail: fault/unavailable, fault/cut, … */
const PREFIX = 'fault/';

export async function startEmulator(models = []) {
  const faults = Object.fromEntries(FAULTS.map((fault) => [`${PREFIX}${fault}`, fault]));
  const send = createFaultyFetch({ faults });
  const known = [...models, ...Object.keys(faults)].map(describe);
  const server = createServer(async (request, response) => {
    try {
      const { status, headers, body } = request.method === 'GET' ? Response.json({ data: known }) : await send(`http://emulator${request.url}`, await initOf(request, response));
      response.writeHead(status, Object.fromEntries(headers));
      await pipeline(Readable.fromWeb(body), response);
    } catch {
      // A lost connection is one of the faults; a client that left has none.
      request.socket.destroy();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}/api/v1`, stop };
}

async function initOf(request, response) {
  const left = new AbortController();
  response.once('close', () => left.abort());
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += piece;
  return { method: request.method, headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])), body, signal: left.signal };
}

/** A model in OpenRouter's list; its prices let budgets in USD count. */
const describe = (id) => ({
  id,
  name: id,
  context_length: 128_000,
  top_provider: { context_length: 128_000, max_completion_tokens: 4_096 },
  pricing: { prompt: '0.000001', completion: '0.000002' },
  supported_parameters: ['max_tokens', 'temperature', 'tools', 'response_format'],
});
