import { misuse, responseOf, isChatError } from './error.js';
import { plainHeaders } from './option.js';
import { ChatStream } from './stream.js';

/** What an SDK says about itself or the body; across origins each would be one more thing for CORS to refuse. */
const DROPPED = /^(authorization|accept|content-.*|user-agent|x-stainless-.*)$/;

/** A `fetch` whose chat completions go through `client`. */
export function fetchOf(client, ready) {
  const inner = client?.[Symbol.for('failsoft.client')];
  if (!inner) throw misuse('createFetch takes a client, as createClient makes it');
  return async (input, init) => {
    const request = await requestOf(input, init);
    if (!request) return (inner.defaults.fetch ?? globalThis.fetch)(input, init);
    await ready();
    try {
      return await answer(inner, request);
    } catch (error) {
      if (!isChatError(error)) throw error;
      // An abort is no answer: whoever aborted expects what `fetch` would have thrown.
      if (error.kind === 'aborted') throw error.cause ?? error;
      return responseOf(error);
    }
  };
}

async function requestOf(input, init = {}) {
  const request = typeof Request === 'function' && input instanceof Request ? input : undefined;
  const url = request?.url ?? String(input);
  const method = init.method ?? request?.method ?? 'GET';
  if (method.toUpperCase() !== 'POST' || !/\/chat\/completions(\?.*)?$/.test(url)) return undefined;
  const text = init.body === undefined ? await request?.text() : await new Response(init.body).text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  const headers = plainHeaders(init.headers ?? request?.headers);
  return { url, body, headers, signal: init.signal ?? request?.signal };
}

async function answer({ defaults, call }, { url, body, headers, signal }) {
  const own = Object.entries(headers).filter(([name]) => !DROPPED.test(name));
  const options = { body: chained(body, defaults), headers: Object.fromEntries(own) };
  if (signal) options.signal = signal;
  // Where to and with which key: both from the client, or both from the SDK. A key goes nowhere it was not meant for.
  if (!defaults.edge && !defaults.baseURL && !defaults.apiKey) {
    options.baseURL = url.replace(/\?.*$/, '');
    options.apiKey = headers.authorization?.replace(/^Bearer /i, '');
  }
  const begun = await call('wire', options);
  const { model = '', attempts } = begun.report;
  const told = { 'x-failsoft-model': model, 'x-failsoft-attempts': String(attempts.length) };
  if (body.stream) return new ChatStream(begun).toResponse({ headers: told });
  return Response.json(begun.completion(), { headers: told });
}

/** The request's own model is the head, and the client's chain follows. */
function chained(body, { model, models = model ? [model] : [] }) {
  if (body.models) return body;
  const chain = [body.model, ...models].filter((name, at, all) => name && all.indexOf(name) === at);
  return { ...body, model: undefined, models: chain };
}
