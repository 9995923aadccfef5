// A client that costs little: it asks a server in that server's own way, and can read what was answered.

import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true });

/**
 * Asks `server` for a chat by `models` in turn. Gives the answer's bytes, when it was asked, and when each piece came, in
 * nanoseconds.
 */
export function ask(server, { models = ['m'], stream = false, content = 'hello' }) {
  const { headers = {}, fields } = server.asked?.(models) ?? {};
  const body = JSON.stringify({ ...(fields ?? { model: models[0] }), ...(stream && { stream }), messages: [{ role: 'user', content }] });
  const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } };
  return new Promise((resolve, reject) => {
    const began = process.hrtime.bigint();
    const sent = request(`${server.origin}/v1/chat/completions`, options, (response) => {
      const pieces = [];
      response.on('data', (bytes) => pieces.push({ bytes, at: process.hrtime.bigint() }));
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ began, pieces });
        else reject(new Error(`status ${response.statusCode}: ${Buffer.concat(pieces.map(({ bytes }) => bytes))}`));
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What an answer says: its text, and of a stream how many chunks with text there were. Throws, if it is not whole. */
export function said({ pieces }, stream) {
  const body = Buffer.concat(pieces.map(({ bytes }) => bytes)).toString();
  if (!stream) return { text: JSON.parse(body).choices[0].message.content };
  const events = body.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
  if (events.pop() !== '[DONE]') throw new Error(`a stream without an end: ${body.slice(-200)}`);
  const deltas = events.map((event) => JSON.parse(event).choices[0]?.delta.content).filter(Boolean);
  return { text: deltas.join(''), chunks: deltas.length };
}

/** Who does not answer what the upstream said is not measured. */
export async function check(name, server, asked, expected) {
  const heard = JSON.stringify(said(await ask(server, asked), asked.stream));
  const wanted = JSON.stringify(expected);
  if (heard !== wanted) throw new Error(`${name} answered ${heard.slice(0, 300)}; the upstream said ${wanted.slice(0, 300)}`);
}
