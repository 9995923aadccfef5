import { encode } from './bytes.js';
import { BRIEF, LINES, TEXT, quietly } from './call.js';
import { envelopeOf, isChatError, misuse } from './error.js';

/** A streamed answer. It has one reader: whichever way of reading begins first. */
export class ChatStream {
  #call;
  #begin;
  #body;
  #taken;
  #cancelled;
  #whole;

  /** @param begin what gives the call with the first read, where there is none yet; it reads `body`. */
  constructor(call, begin, body) {
    this.#call = call;
    this.#begin = begin;
    this.#body = body;
  }

  get model() {
    return this.failsoft?.model;
  }

  get attempts() {
    return this.failsoft?.attempts ?? [];
  }

  get failsoft() {
    return this.#call?.report;
  }

  get usage() {
    try {
      return this.#call?.completion()?.usage;
    } catch {
      return undefined;
    }
  }

  [Symbol.asyncIterator]() {
    this.#take('for await');
    let [chunks, at, last] = [[], 0];
    // A chunk with new text and nothing else comes as that text. Who gets the last one may change it: a copy stays here.
    const unfolded = (item) => {
      if (typeof item === 'string') return copyOf(last, item);
      const delta = item.choices?.[0]?.delta;
      last = delta && copyOf(item, delta.content);
      return item;
    };
    const given = ({ done, value }) => {
      if (!done) [chunks, at] = [chunks.slice(at).concat(JSON.parse(value).map(unfolded)), 0];
      return at < chunks.length ? { done: false, value: chunks[at++] } : { done, value: undefined };
    };
    // What one chunk of the network brought is there at once.
    return this.#iterator(() => (at < chunks.length ? Promise.resolve({ done: false, value: chunks[at++] }) : this.#next(BRIEF).then(given)));
  }

  get textStream() {
    return {
      [Symbol.asyncIterator]: () => {
        this.#take('textStream');
        return this.#iterator(() => this.#next(TEXT));
      },
    };
  }

  async text() {
    return (await this.finalCompletion()).choices[0]?.message.content ?? '';
  }

  finalCompletion() {
    return (this.#whole ??= this.#drain());
  }

  toReadableStream() {
    return this.#bytes('toReadableStream', (lines) => lines, '', (error) => {
      throw error;
    });
  }

  toResponse(init = {}) {
    const headers = new Headers(init.headers);
    headers.set('content-type', 'text/event-stream; charset=utf-8');
    headers.set('cache-control', 'no-cache');
    // What an upstream would send: an event with an error, and no end mark.
    const body = this.#bytes('toResponse', events, events('[DONE]\n'), (error) => {
      if (!isChatError(error)) throw error;
      return events(`${envelopeOf(error)}\n`);
    });
    return new Response(body, { ...init, headers });
  }

  /** Ends the request; whoever reads sees the end. */
  async cancel() {
    this.#cancelled = true;
    this.#taken ??= 'cancel';
    if (this.#call) this.#call.cancel();
    else await quietly(() => this.#body?.cancel());
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.cancel();
  }

  /** Makes `reader` the reader. */
  #take(reader) {
    if (this.#taken) {
      throw misuse(`this stream is being read already, by ${this.#taken}; a stream has one reader, so ${reader} gets nothing`);
    }
    this.#taken = reader;
  }

  /** A string for what one chunk of the network brought, as an iterator gives it. */
  #next(form) {
    return this.#call ? this.#call.pull(form) : this.#first(form);
  }

  async #first(form) {
    try {
      if (!this.#cancelled) this.#call ??= await this.#begin();
    } catch (error) {
      if (!this.#cancelled) throw error;
    }
    if (!this.#cancelled) return this.#call.pull(form);
    this.#call?.cancel();
    return { done: true, value: undefined };
  }

  #iterator(next) {
    return {
      next,
      return: async (value) => {
        await this.cancel();
        return { done: true, value };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async #drain() {
    if (!this.#call?.isOver) {
      this.#take('finalCompletion');
      while (!(await this.#next(TEXT)).done);
    }
    if (this.#cancelled) throw misuse('the stream was cancelled: there is no completion');
    return this.#call.completion();
  }

  /** The bytes of what `write` makes of lines; at the end, of `end` or of what `onError` says. */
  #bytes(name, write, end, onError) {
    this.#take(name);
    return new ReadableStream({
      pull: async (controller) => {
        let lines, text;
        try {
          lines = (await this.#next(LINES)).value;
          text = lines === undefined ? end : write(lines);
        } catch (error) {
          text = onError(error);
        }
        // An empty piece too: without any, nobody would ask again.
        if (text || lines !== undefined) controller.enqueue(encode(text));
        if (lines === undefined) controller.close();
      },
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }
}

/** A chunk with another text: a copy of what leads to it. */
function copyOf(chunk, content) {
  const choice = chunk.choices[0];
  return { ...chunk, choices: [{ ...choice, delta: { ...choice.delta, content } }] };
}

/** Lines as server-sent events. */
const events = (lines) => lines.replace(/[^\n]+/g, 'data: $&\n');
