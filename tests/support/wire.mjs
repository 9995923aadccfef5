// Upstreams that answer with the bytes of a fixture (tests/fixtures/wire), and what a call or the reader makes of them.
// tests/fixtures/wire/README.md describes the fields of a case.

import { pause } from './virtual-time.mjs';

const MESSAGES = [{ role: 'user', content: 'x' }];
const MODELS = ['m/one', 'm/two'];
/** A size above which a body is not read byte by byte. */
const LARGE = 2 ** 20;

/** The response in a fixture: a stream, or a status line, header lines, an empty line and a body. */
export function responseIn(name, bytes, grow) {
  if (name.endsWith('.sse')) {
    const body = grow ? Buffer.from(bytes.toString().replace(grow.at, 'A'.repeat(grow.to))) : bytes;
    return { status: 200, headers: { 'content-type': 'text/event-stream' }, body };
  }
  const end = bytes.indexOf('\n\n');
  const [status, ...lines] = bytes.subarray(0, end).toString().split('\n');
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(': ');
    return [line.slice(0, colon), line.slice(colon + 2)];
  }));
  return { status: Number(status), headers, body: bytes.subarray(end + 2) };
}

function* piecesOf(bytes, length) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** The events of a stream, each with the empty line at its end. */
function* eventsIn(bytes) {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf('\n\n', from);
    const to = end < 0 ? bytes.length : end + 2;
    yield bytes.subarray(from, to);
    from = to;
  }
}

/** A body of `pieces`, `pace` ms apart. With `reset`, the connection breaks behind the last one. */
function bodyOf(pieces, { pace = 0, reset = false, signal } = {}) {
  const rest = pieces[Symbol.iterator]();
  let isFirst = true;
  let controller;
  const stop = () => controller.error(signal.reason);
  return new ReadableStream({
    start(given) {
      controller = given;
      signal?.addEventListener('abort', stop, { once: true });
    },
    async pull() {
      if (pace && !isFirst) await pause(pace);
      isFirst = false;
      if (signal?.aborted) return;
      const { done, value } = rest.next();
      if (!done) return controller.enqueue(Uint8Array.from(value));
      signal?.removeEventListener('abort', stop);
      if (reset) controller.error(new TypeError('terminated'));
      else controller.close();
    },
    cancel() {
      signal?.removeEventListener('abort', stop);
    },
  }, { highWaterMark: 0 });
}

/** What a healthy upstream answers. */
function healthyAnswer({ model, models, stream }, text) {
  const names = { id: 'good', model: models?.[0] ?? model };
  if (!stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
    return Response.json({ ...names, object: 'chat.completion', choices, usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
  }
  const middle = Math.ceil(text.length / 2);
  const deltas = [[{ role: 'assistant', content: text.slice(0, middle) }, null], [{ content: text.slice(middle) }, null], [{}, 'stop']];
  const chunks = deltas.map(([delta, reason]) => JSON.stringify({ ...names, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] }));
  return new Response([...chunks, '[DONE]'].map((data) => `data: ${data}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } });
}

/** A `fetch` whose upstream answers one model, one account, or some requests with `response`; and the requests it got. */
function upstreamFor(entry, response, clock) {
  const requests = [];
  const began = clock.now;
  let left = entry.times ?? Infinity;
  const isMeant = (body, account, models) => {
    if (entry.refuses) return entry.refuses.some((field) => field in body);
    return entry.how === 'two-upstreams' ? account === 'a' : models.includes((entry.request?.models ?? MODELS)[0]);
  };
  const fetch = async (url, { method = 'GET', body: text, signal } = {}) => {
    if (method !== 'POST') return Response.json({ data: [] });
    const body = JSON.parse(text);
    const models = body.models ?? [body.model];
    const [account] = new URL(url).hostname.split('.');
    requests.push({ at: clock.now - began, name: entry.how === 'two-upstreams' ? account : models.join(), body });
    if (left === 0 || !isMeant(body, account, models)) return healthyAnswer(body, entry.other ?? 'Hello world.');
    left -= 1;
    const pieces = entry.pace ? eventsIn(response.body) : piecesOf(response.body, 65_536);
    return new Response(bodyOf(pieces, { pace: entry.pace, reset: entry.end === 'reset', signal }), response);
  };
  return { fetch, requests };
}

function clientFor({ how, dialect = 'openai', upstream, policy }, fetch, createClient) {
  const account = (name) => ({ baseURL: `https://${name}.example/v1`, dialect, apiKey: 'k' });
  const accounts = how === 'two-upstreams' ? { upstreams: [account('a'), account('b')] }
    : upstream ? { upstreams: [{ ...account('up'), ...upstream }] } : account('up');
  // The length of a random pause is not what a case is about.
  return createClient({ ...accounts, fetch, policy: { retry: { base: 1, cap: 1 }, ...policy } });
}

/** What went wrong. An error of another class is a defect of the package. */
function errorOf(failsoft, error) {
  if (!failsoft.isChatError(error)) throw error;
  const { kind, status, code, retryAfter, message, partial } = error;
  return { kind, status, code, retryAfter, message, partial };
}

/** What a completion says about itself. */
function contentsOf(completion) {
  const [{ message, finish_reason, native_finish_reason }] = completion.choices;
  const { cost, accepted, warnings = [] } = completion.failsoft ?? {};
  return { completion, message, content: message.content ?? '', finish_reason, native_finish_reason, usage: completion.usage, cost, accepted, warnings };
}

/** What a call makes of the case. */
async function seenByCall(entry, response, failsoft, clock) {
  const { fetch, requests } = upstreamFor(entry, response, clock);
  const client = clientFor(entry, fetch, failsoft.createClient);
  const options = { models: MODELS, ...entry.request };
  const began = clock.now;
  const seen = { text: '' };
  let attempts;
  try {
    if (entry.call === 'chatWithFallback') {
      const completion = await client.chatWithFallback(MESSAGES, options);
      attempts = completion.failsoft.attempts;
      Object.assign(seen, contentsOf(completion), { text: contentsOf(completion).content });
    } else {
      const stream = await client.chatStreaming(MESSAGES, options);
      attempts = stream.attempts;
      for await (const text of stream.textStream) {
        seen.first_text_ms ??= clock.now - began;
        seen.text += text;
      }
      Object.assign(seen, contentsOf(await stream.finalCompletion()));
      attempts = stream.attempts;
    }
  } catch (error) {
    seen.error = errorOf(failsoft, error);
    attempts = error.attempts;
  }
  const last = requests.at(-1);
  return {
    ...seen,
    first: attempts?.[0]?.failure ?? null,
    requests: requests.length,
    asked: requests.map(({ name }) => name),
    answered_by: seen.error ? null : last?.name,
    gap_ms: requests[1] && requests[1].at - requests[0].at,
    ended_ms: clock.now - began,
    first_request: requests[0]?.body,
    last_request: last?.body,
  };
}

/** What the reader makes of a body in `pieces`, chunk by chunk or text by text. */
async function seenByReader(response, pieces, byText, failsoft) {
  const seen = { text: '' };
  try {
    const stream = failsoft.parseStream(new Response(bodyOf(pieces), response));
    if (byText) {
      for await (const text of stream.textStream) seen.text += text;
    } else {
      for await (const { choices } of stream) seen.text += choices?.[0]?.delta?.content ?? '';
    }
    Object.assign(seen, contentsOf(await stream.finalCompletion()));
  } catch (error) {
    seen.error = errorOf(failsoft, error);
  }
  return seen;
}

/** Runs a case. Returns what was seen, by the way in which the answer was read. */
export async function observe(entry, response, failsoft, clock) {
  if (entry.how !== 'reader') return [['the call', await seenByCall(entry, response, failsoft, clock)]];
  const length = response.body.length < LARGE ? 1 : 65_536;
  return [
    ['the reader, in one piece', await seenByReader(response, [response.body], false, failsoft)],
    ['the reader, byte by byte', await seenByReader(response, piecesOf(response.body, length), true, failsoft)],
  ];
}
