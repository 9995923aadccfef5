import { Form } from './failsoft_bg.js';
import { envelopeOf, isChatError, misuse } from './error.js';

const DONE = 'data: [DONE]\n\n';

/** A streamed answer. It has one reader: whichever way of reading begins first. */
export class ChatStream {
  #source;
  #start;
  #taken;
  #cancelled = false;
  #whole;

  constructor(source, start) {
    this.#source = source;
    this.#start = start;
  }

  get model() {
    return this.failsoft?.model;
  }

  get attempts() {
    return this.failsoft?.attempts ?? [];
  }

  get failsoft() {
    return this.#source?.report;
  }

  get usage() {
    try {
      return this.#source?.completion()?.usage;
    } catch {
      return undefined;
    }
  }

  [Symbol.asyncIterator]() {
    return this.#chunks(this.#take('for await'));
  }

  get textStream() {
    return { [Symbol.asyncIterator]: () => this.#texts(this.#take('textStream')) };
  }

  async text() {
    return (await this.finalCompletion()).choices[0]?.message.content ?? '';
  }

  finalCompletion() {
    this.#whole ??= this.#drain();
    return this.#whole;
  }

  toReadableStream() {
    return this.#bytes('toReadableStream', Form.Lines, '', (error) => {
      throw error;
    });
  }

  toResponse(init = {}) {
    const headers = new Headers(init.headers);
    headers.set('content-type', 'text/event-stream; charset=utf-8');
    headers.set('cache-control', 'no-cache');
    // What an upstream would send: an event with an error, and no end mark.
    const body = this.#bytes('toResponse', Form.Sse, DONE, (error) => {
      if (!isChatError(error)) throw error;
      return `data: ${envelopeOf(error)}\n\n`;
    });
    return new Response(body, { ...init, headers });
  }

  /** Ends the request; whoever reads sees the end. */
  async cancel() {
    this.#cancelled = true;
    this.#taken ??= 'cancel';
    this.#source?.abort();
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    await this.cancel();
  }

  #take(reader) {
    if (this.#taken) {
      throw misuse(`this stream is being read already, by ${this.#taken}; a stream has one reader, so ${reader} gets nothing`);
    }
    this.#taken = reader;
    return { pull: (form) => this.#pull(form) };
  }

  /** A string for what one chunk of the network brought, or undefined at the end. */
  async #pull(form) {
    if (this.#cancelled) return undefined;
    this.#source ??= await this.#start();
    try {
      return await this.#source.pull(form);
    } catch (error) {
      if (this.#cancelled) return undefined;
      throw error;
    }
  }

  #texts(reader) {
    return this.#iterator(async () => {
      let text;
      // A chunk of the network may carry no text.
      do text = await reader.pull(Form.Text);
      while (text === '');
      return text;
    });
  }

  #chunks(reader) {
    let chunks = [];
    let at = 0;
    return this.#iterator(async () => {
      while (at === chunks.length) {
        chunks = [];
        at = 0;
        const json = await reader.pull(Form.Json);
        // Reads may overlap: what one of them brought can be another's.
        if (json !== undefined) chunks.push(...JSON.parse(json));
        else if (at === chunks.length) return undefined;
      }
      return chunks[at++];
    });
  }

  #iterator(next) {
    return {
      next: async () => {
        const value = await next();
        return { done: value === undefined, value };
      },
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
    if (!this.#source?.isOver) {
      const reader = this.#take('finalCompletion');
      while ((await reader.pull(Form.Nothing)) !== undefined);
    }
    if (this.#cancelled) throw misuse('the stream was cancelled: there is no completion');
    return this.#source.completion();
  }

  #bytes(name, form, end, onError) {
    const reader = this.#take(name);
    const encoder = new TextEncoder();
    return new ReadableStream({
      pull: async (controller) => {
        let text;
        try {
          text = await reader.pull(form);
        } catch (error) {
          controller.enqueue(encoder.encode(onError(error)));
          return controller.close();
        }
        if (text || end) controller.enqueue(encoder.encode(text ?? end));
        if (text === undefined) controller.close();
      },
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }
}
