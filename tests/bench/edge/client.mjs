// A client that needs little CPU: it sends a request in the form that a server expects, and can parse the answer.

import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true });

/**
 * Asks `server` for a chat with `models` as the chain. Resolves with the start time and with each piece of the answer and
 * its arrival time, in nanoseconds.
 */
export function send(server, { models = ['m'], stream = false, content = 'hello' }) {
  const { headers = {}, fields } = server.prepare?.(models) ?? {};
  const body = JSON.stringify({ ...(fields ?? { model: models[0] }), ...(stream && { stream }), messages: [{ role: 'user', content }] });
  const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } };
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const sent = request(`${server.origin}/v1/chat/completions`, options, (response) => {
      const pieces = [];
      response.on('data', (bytes) => pieces.push({ bytes, at: process.hrtime.bigint() }));
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ start, pieces });
        else reject(new Error(`status ${response.statusCode}: ${Buffer.concat(pieces.map(({ bytes }) => bytes))}`));
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The text of an answer, and the number of chunks with text in a stream. Throws if the answer is not complete. */
export function parse({ pieces }, stream) {
  const body = Buffer.concat(pieces.map(({ bytes }) => bytes)).toString();
  if (!stream) return { text: JSON.parse(body).choices[0].message.content };
  const events = body.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
  if (events.pop() !== '[DONE]') throw new Error(`a stream without an end: ${body.slice(-200)}`);
  const deltas = events.map((event) => JSON.parse(event).choices[0]?.delta.content).filter(Boolean);
  return { text: deltas.join(''), chunks: deltas.length };
}

/** Throws if a server does not return what the upstream sent, because its time would mean nothing. */
export async function check(name, server, call, expected) {
  const received = JSON.stringify(parse(await send(server, call), call.stream));
  const wanted = JSON.stringify(expected);
  if (received !== wanted) throw new Error(`${name} answered ${received.slice(0, 300)}; the upstream sent ${wanted.slice(0, 300)}`);
}
