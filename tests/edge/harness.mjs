// Requests to the edge over plain HTTP, without a client library that could repair or hide something.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLIENT_KEY } from '../support/edge.mjs';
import { TIMEOUTS } from '../support/faults.mjs';

export const SECOND = 'openai/gpt-4o';
export const MESSAGES = [{ role: 'user', content: 'words:20' }];
/** A policy with short clocks, which notice a silent model soon, and without breakers, so that tests do not affect each other. */
export const POLICY = { timeouts: { ...TIMEOUTS, total: 20_000 }, retry: { base: 10 }, breaker: { failures: 0 } };

/** Sends a request. Returns the status, the headers, the text of the body, and whether the connection broke before its end. */
export function send(edge, path, { method = 'GET', headers = {}, body, key = CLIENT_KEY } = {}) {
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
  return new Promise((resolve, reject) => {
    const options = { method, agent: false, headers: { ...authorization, ...headers } };
    const sent = request(edge.origin + path, options, (response) => {
      let text = '';
      const end = (broken) => resolve({ status: response.statusCode, headers: response.headers, text, broken });
      response.setEncoding('utf8');
      response.on('data', (piece) => (text += piece));
      response.on('end', () => end(false));
      response.on('error', () => end(true));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Requests a chat completion. The result has `json` for an answer in one piece, and `events` for a stream. */
export async function chat(edge, body, { headers, ...options } = {}) {
  const answer = await send(edge, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify({ messages: MESSAGES, ...body }),
    ...options,
  });
  if (answer.headers['content-type']?.startsWith('text/event-stream')) return { ...answer, events: events(answer.text) };
  return { ...answer, json: answer.text && JSON.parse(answer.text) };
}

/** Parses the text of a stream; `torn` is an incomplete last line. Throws for a line that server-sent events do not allow. */
export function events(text) {
  const stream = { comments: [], chunks: [], done: false, text: '', error: null, reports: [], torn: null };
  const lines = text.split(/\r\n|\r|\n/);
  stream.torn = lines.pop() || null;
  for (const line of lines) {
    if (line.startsWith(': failsoft {')) stream.reports.push(JSON.parse(line.slice(': failsoft '.length)));
    else if (line.startsWith(':')) stream.comments.push(line.slice(1).trim());
    else if (line === 'data: [DONE]') stream.done = true;
    else if (line.startsWith('data: ')) take(stream, JSON.parse(line.slice('data: '.length)));
    else if (line !== '') throw new Error(`not a line of server-sent events: ${line}`);
  }
  return stream;
}

function take(stream, chunk) {
  if (stream.done) throw new Error('a chunk after [DONE]');
  stream.chunks.push(chunk);
  stream.text += chunk.choices?.find(({ index }) => index === 0)?.delta?.content ?? '';
  if (chunk.error) stream.error = chunk;
}

/** The text of an answer that came in one piece. */
export const textOf = (answer) => answer.json.choices[0].message.content;

/** Reads `what` until it `holds`, and returns it. Fails after `ms` milliseconds, and says what was read last. */
export async function waitFor(what, read, holds, ms = 20_000) {
  const until = Date.now() + ms;
  for (;;) {
    const found = await read();
    if (holds(found)) return found;
    assert.ok(Date.now() < until, `${what}: ${JSON.stringify(found)}`);
    await sleep(50);
  }
}

/** Waits until each of the calls of `act` gives `model`. A change of a route is live on every isolate within 10 seconds. */
export const untilLive = (model, act) => waitFor(`calls that ${model} answers`, () => Promise.all(act()), (models) => models.every((found) => found === model), 10_000);

/** Waits for the next minute, hour or day of UTC if this one ends in less than `ms` milliseconds: a budget or a sum begins again there. */
export async function beginWithin(period, ms) {
  const length = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[period];
  const left = length - (Date.now() % length);
  if (left < ms) await sleep(left);
}
