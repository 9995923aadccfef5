import { Form } from './failsoft_bg.js';
import { misuse, need } from './error.js';
import { finish } from './format.js';

/** A streamed answer. It has one reader: the way of reading that begins first. */
export class ChatStream {
  /** The stream in the WebAssembly. */
  #inner;
  #open;
  #opening;
  #reader;
  #cancelled;
  #completion;
  #finish;

  /**
   * @param open gives the stream of the WebAssembly at the first read, where there is none yet.
   * @param rest what `finish` takes beside the completion.
   */
  constructor(inner, open, rest = []) {
    this.#inner = inner;
    this.#open = open;
    this.#finish = (completion) => finish(completion, ...rest);
  }

  get model() {
    return this.failsoft?.model;
  }

  get attempts() {
    return this.failsoft?.attempts ?? [];
  }

  get failsoft() {
    return this.#inner?.failsoft;
  }

  get usage() {
    return this.#inner?.usage;
  }

  [Symbol.asyncIterator]() {
    this.#take('for await');
    let [chunks, at, last] = [[], 0];
    // A chunk with new text and nothing else comes as that text. Whoever gets the last chunk may change it: a copy stays here.
    const unfold = (item) => {
      if (typeof item === 'string') return withContent(last, item);
      const delta = item.choices?.[0]?.delta;
      last = delta && withContent(item, delta.content);
      return item;
    };
    const result = ({ done, value }) => {
      if (!done) [chunks, at] = [chunks.slice(at).concat(JSON.parse(value).map(unfold)), 0];
      return at < chunks.length ? { done: false, value: chunks[at++] } : { done, value: undefined };
    };
    return this.#iterator(() => (at < chunks.length ? Promise.resolve({ done: false, value: chunks[at++] }) : this.#next(Form.Chunks).then(result)));
  }

  get textStream() {
    return {
      [Symbol.asyncIterator]: () => {
        this.#take('textStream');
        return this.#iterator(() => this.#next(Form.Text));
      },
    };
  }

  async text() {
    return (await this.finalCompletion()).choices[0]?.message.content ?? '';
  }

  finalCompletion() {
    return (this.#completion ??= this.#drain());
  }

  toReadableStream() {
    this.#take('toReadableStream');
    return this.#bytes(() => this.#next(Form.Lines));
  }

  toResponse(init = {}) {
    need('Response');
    const headers = new Headers(init.headers);
    headers.set('content-type', 'text/event-stream; charset=utf-8');
    // A proxy that compresses, or that buffers as nginx does, would hold events back.
    headers.set('cache-control', 'no-cache, no-transform');
    headers.set('x-accel-buffering', 'no');
    this.#take('toResponse');
    return new Response(this.#bytes(() => this.#next(Form.Events)), { ...init, headers });
  }

  /** Ends the request; a pending read sees the end. */
  async cancel() {
    this.#cancelled = true;
    this.#reader ??= 'cancel';
    (this.#inner ?? (await this.#opened())).cancel();
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.cancel();
  }

  #take(reader) {
    if (this.#reader) {
      throw misuse(`this stream is being read already, by ${this.#reader}; a stream has one reader, so ${reader} gets nothing`);
    }
    this.#reader = reader;
  }

  async #opened() {
    this.#opening ??= this.#open();
    try {
      return (this.#inner = await this.#opening);
    } catch (error) {
      // The WebAssembly did not load. The next read tries again.
      this.#opening = undefined;
      throw error;
    }
  }

  /** What the next chunk of the network brings, as the result of an iterator. */
  #next(form) {
    return this.#inner ? nextOf(this.#inner, form) : this.#opened().then((inner) => nextOf(inner, form));
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
    if (!this.#cancelled && !this.#inner?.isOver) this.#take('finalCompletion');
    try {
      const completion = await (this.#inner ?? (await this.#opened())).finalCompletion();
      if (!this.#cancelled) return await this.#finish(completion);
    } catch (error) {
      if (!this.#cancelled) throw error;
    }
    throw misuse('the stream was cancelled: there is no completion');
  }

  #bytes(next) {
    return bytesOf(next, () => this.cancel());
  }
}

/** The server-sent events of a stream in the WebAssembly, as a body. */
export const toBody = (inner) => bytesOf(() => nextOf(inner, Form.Events), () => inner.cancel());

/** A promise that Rust settles. */
const nextOf = (inner, form) => new Promise((resolve, reject) => inner.next(form, (result, error) => (result ? resolve(result) : reject(error))));

function bytesOf(next, cancel) {
  need('ReadableStream');
  const pull = async (controller) => {
    const { done, value } = await next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
}

/** A chunk with another text: a copy of what leads to it. */
function withContent(chunk, content) {
  const choice = chunk.choices[0];
  return { ...chunk, choices: [{ ...choice, delta: { ...choice.delta, content } }] };
}
