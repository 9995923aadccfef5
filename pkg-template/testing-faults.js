/**
 * The faults by name. `status` is that of an error in place of an answer; `at` is what happens to the stream: `start` and
 * `middle` say after which part of the text.
 */
export const KNOWN = {
  rateLimited: { status: 429, message: 'Rate limit exceeded', headers: { 'retry-after': '30' } },
  serverError: { status: 500, message: 'Internal server error' },
  unavailable: { status: 503, message: 'The model is overloaded' },
  unknownModel: { status: 404, message: 'The model does not exist', code: 'model_not_found' },
  unauthorized: { status: 401, message: 'Invalid API key', code: 'invalid_api_key' },
  paymentRequired: { status: 402, message: 'Insufficient credits' },
  contextLength: { status: 400, message: "This model's maximum context length is 8192 tokens", code: 'context_length_exceeded' },
  contentFilter: { status: 403, message: 'The input was flagged by moderation', code: 'content_filter' },
  network: { throws: true },
  empty: { text: '' },
  refusal: { text: "I'm sorry, but I can't help with that." },
  notJson: { text: 'Here is what you asked for: {"unfinished":' },
  length: { finish: 'length' },
  cut: { after: 0.5, ends: 'cut' },
  errorInStream: { after: 0.5, ends: 'error' },
  silent: { after: 0, ends: 'never' },
  stalled: { after: 0.5, ends: 'never' },
};

/** The response of `model`, with its fault. */
export function answer({ body, model, fault, text: whole, delay, signal }) {
  const { status, throws, message, code, headers, text = whole, finish = 'stop', after = 1, ends } = KNOWN[fault] ?? {};
  // As `fetch` does where no connection is made.
  if (throws) throw new TypeError('fetch failed');
  if (status) return Response.json({ error: { message, code: code ?? status } }, { status, headers });
  const words = text.match(/\s*\S+\s*/g) ?? [];
  const sent = words.slice(0, Math.ceil(words.length * after));
  const head = { id: `gen-${model}`, object: 'chat.completion.chunk', created: Math.floor(Date.now() / 1000), model };
  const usage = { prompt_tokens: 10, completion_tokens: words.length, total_tokens: 10 + words.length, cost: 0 };
  if (!body.stream && !ends) {
    const choice = { index: 0, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason: finish };
    return Response.json({ ...head, object: 'chat.completion', choices: [choice], usage });
  }
  const chunk = (delta, finish_reason = null) => ({ ...head, choices: [{ index: 0, delta, finish_reason }] });
  const events = [chunk({ role: 'assistant', content: '' }), ...sent.map((content) => chunk({ content }))];
  if (ends === 'error') events.push({ ...head, error: { code: 502, message: 'The provider failed' }, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }] });
  if (!ends) events.push(chunk({}, finish), { ...head, choices: [], usage });
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  if (!ends) lines.push('data: [DONE]\n\n');
  return new Response(streamOf(lines, ends === 'never', delay, signal), { headers: { 'content-type': 'text/event-stream' } });
}

/** A body of these pieces, with a pause before each; `hangs` never ends it. An abort ends it as the web's `fetch` does. */
function streamOf(pieces, hangs, delay, signal) {
  const encoder = new TextEncoder();
  let over = false;
  return new ReadableStream({
    start(controller) {
      signal?.addEventListener('abort', () => {
        if (!over) controller.error(signal.reason);
        over = true;
      });
    },
    async pull(controller) {
      if (pieces.length === 0 && hangs) return new Promise(() => {});
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      if (over) return undefined;
      if (pieces.length > 0) return controller.enqueue(encoder.encode(pieces.shift()));
      over = true;
      return controller.close();
    },
    cancel() {
      over = true;
    },
  }, { highWaterMark: 0 });
}
