// What the table of runtimes checks, inside of each runtime: `failsoft` is the package there, `baseURL` an upstream. A check throws, or
// gives the text of its cell.

const MODELS = ['fault/unavailable', 'openai/gpt-4o'];
const MESSAGES = [{ role: 'user', content: 'words:20' }];
const ENDLESS = 'fault/never-ending';

export const CHECKS = {
  /** An answer in one piece, from the second model. */
  async answer({ chatWithFallback }, options) {
    const { model, choices } = await chatWithFallback(MESSAGES, { ...options, models: MODELS });
    return check(model === MODELS[1] && choices[0].message.content.split(' ').length === 20, model);
  },
  /** Text of a stream that never ends, from the second model. */
  async stream({ chatStreaming }, options) {
    const stream = await chatStreaming(MESSAGES, { ...options, models: [MODELS[0], ENDLESS] });
    let text = '';
    for await (const piece of stream.textStream) {
      text += piece;
      if (text.length > 10) break;
    }
    return check(stream.model === ENDLESS && text.length > 10, text);
  },
  /** A stream that breaks off in the middle of an event, which the second model continues: the text is whole. */
  async cut({ chatStreaming }, options) {
    const whole = await (await chatStreaming(MESSAGES, { ...options, model: MODELS[1] })).text();
    const stream = await chatStreaming(MESSAGES, { ...options, models: ['fault/cut-mid-event', MODELS[1]] });
    return check((await stream.text()) === whole && stream.attempts.length === 2, whole);
  },
  /** An answer of the entry whose WebAssembly the browser compiles while it comes. */
  async slim(failsoft, options) {
    const { instantiateStreaming } = WebAssembly;
    let instantiated;
    WebAssembly.instantiateStreaming = (...given) => (instantiated = instantiateStreaming(...given));
    const cell = await CHECKS.answer(failsoft, options);
    check((await instantiated)?.instance instanceof WebAssembly.Instance, 'no instance of a stream');
    return cell;
  },
  /** The text of a stream where `fetch` gives a body only when it is whole. */
  async streamOfWhole({ chatStreaming }, options) {
    check(new Response('').body === undefined, 'this fetch streams');
    const text = await (await chatStreaming(MESSAGES, { ...options, models: MODELS })).text();
    check(text.split(' ').length === 20, text);
    return 'in one piece';
  },
  /** A signal ends a call, and the connection. */
  async abort({ chatStreaming, isChatError }, options) {
    const call = new AbortController();
    try {
      const stream = await chatStreaming(MESSAGES, { ...options, model: ENDLESS, signal: call.signal });
      for await (const _ of stream.textStream) call.abort();
    } catch (error) {
      return check(isChatError(error) && error.kind === 'aborted', String(error));
    }
    throw new Error('the stream ended');
  },
  /** The same, while nothing has come yet. `globalThis.abort` aborts. */
  async abortOfWhole({ chat, isChatError }, options) {
    const call = new AbortController();
    globalThis.abort = () => call.abort();
    const error = await chat(MESSAGES, { ...options, model: ENDLESS, signal: call.signal }).catch((error) => error);
    return check(isChatError(error) && error.kind === 'aborted', String(error));
  },
  /** The request of an SDK, which the second model answers. */
  async createFetch({ createClient, createFetch }, options) {
    return check((await request(createFetch(createClient({ ...options, models: [MODELS[1]] })), options)) === MODELS[1], 'another model');
  },
  /** The request of an SDK, which passes through: the upstream, an edge, has to fall back. */
  async passThrough({ createClient, createFetch }, options) {
    const warn = console.warn;
    console.warn = () => {};
    const model = await request(createFetch(createClient({ ...options, models: [MODELS[1]] })), options).finally(() => (console.warn = warn));
    check(model === 503, String(model));
    return 'passes through';
  },
  /** Nothing answers without WebAssembly, and the error says so. */
  async lacking({ chat, isChatError }, options) {
    const error = await chat(MESSAGES, { ...options, model: MODELS[1] }).catch((error) => error);
    check(isChatError(error) && error.kind === 'wasmUnavailable', String(error));
    return 'no';
  },
};

/** The model that answers an SDK's request for the first model, or the status of the error. */
async function request(fetch, { baseURL, apiKey }) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${baseURL}/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: MODELS[0], messages: MESSAGES }) });
  return response.ok ? (await response.json()).model : response.status;
}

function check(isRight, found) {
  if (!isRight) throw new Error(`found ${found}`);
  return 'yes';
}

/** Runs the check `name`. */
export const run = (failsoft, name, baseURL) => CHECKS[name](failsoft, { baseURL, apiKey: 'client-key', policy: { retry: { base: 1 } } });
