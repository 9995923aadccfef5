import { Lines, encode, isAscii, onePiece } from './bytes.js';
import { ChatError } from './error.js';
import { heap } from './load.js';

/** The steps of `Session.poll`. */
const SEND = 1;
const READ = 2;
const YIELD = 3;
const CANCEL = 4;
/** A wait has in its fraction, in so many parts, an attempt to read meanwhile: one more than its number. */
const PARTS = 1024;

/** What `Session.tell` is told, beside the status of a response. */
const BYTES = -1;
const END = -2;
const FAILED = -3;
const ABORTED = -4;

/** What `Session.say` says; and what says nothing, but waits until there is something to say. */
const PEEK = -1;
export const TEXT = 0;
export const LINES = 1;
const REQUEST = 2;
const WANTED = 3;
const COMPLETION = 4;
const ACCOUNT = 5;
export const BRIEF = 6;

/** The headers that the core reads, in its order: READ_HEADERS of src/http.rs. */
const HEADERS = ['content-type', 'retry-after', 'retry-after-ms', 'x-ratelimit-reset', 'x-generation-id'];

/** To begin with, a decoder takes as long as this many letters do, one by one. */
const SHORT = 100;
/** How much of a body the memory of the WebAssembly has room for from the start, in bytes. */
const ROOM = 2 ** 16;

/** How long a call waits for facts about its models, in milliseconds: it can be made without them. */
const PATIENCE = 1500;

/** The longest wait that hosts take; a later deadline is met by setting the timer again. */
const LONGEST = 2 ** 31 - 1;

/**
 * One call: does what the machine says, and tells it what happened. A reader pulls from it: one chunk of the network at
 * a time, and one string for it.
 */
export class Call {
  #client;
  #session;
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #host;
  #over;
  /** The mailbox of the session: where it lies in the memory of the WebAssembly, and its size. */
  #at;
  #size = 0;
  /** By attempt: what closes the connection, and reads its body once the response has begun. */
  #connections = new Map();
  #timer;
  #due;
  /** Chunks are there for the reader. */
  #waiting;
  /** So many bytes were said of them at once, in the form of the first who waits. */
  #said;
  /** The reader is busy with what it was given; until it comes back, the machine is left alone. */
  #resting = true;
  /** Those who wait for what comes, in order. */
  #pulls = [];
  /** Attempts that `onAttempt` was told of. */
  #told = 0;
  /** What `fetch` or a reader threw, if that was the last that happened. */
  #thrown;
  /** The reader wants no more. */
  #cancelled;
  #end;
  #completion;

  /** @param over what to call with the report, and the error, when the call has ended. */
  constructor(client, handed, host, over) {
    this.#client = client;
    this.#session = client.open(encode(handed), Math.random() * 2 ** 53);
    this.#host = host;
    this.#over = over;
  }

  /** Runs the call up to its commit point, or to its end. */
  async start() {
    const { signal } = this.#host;
    signal?.addEventListener('abort', this.abort);
    if (signal?.aborted) this.abort();
    else await this.#gather(JSON.parse(this.#say(WANTED)));
    await this.pull(PEEK);
  }

  /**
   * Takes what has come in `form`: a string, as an iterator gives it. Pulls queue up. As few promises as can be lie
   * between a chunk of the network and whoever waits for it.
   */
  pull(form) {
    const pulled = this.#queue(form);
    this.#serve();
    return pulled;
  }

  #queue(form) {
    return new Promise((resolve, reject) => this.#pulls.push({ form, resolve, reject }));
  }

  /** Gives those who wait what there is; then, if one of them has to wait, lets the machine go on. */
  #serve() {
    while (this.#pulls.length && (this.#waiting || this.#end)) {
      const { form, resolve, reject } = this.#pulls[0];
      try {
        const value = this.#take(form);
        // A chunk of the network may carry no text.
        if (value === '' && form === TEXT) continue;
        resolve({ done: value === undefined, value });
      } catch (error) {
        reject(error);
      }
      this.#pulls.shift();
    }
    if (this.#pulls.length && this.#resting) {
      this.#resting = false;
      this.#advance();
    }
  }

  /** What the first who waits wants of chunks. */
  get #form() {
    return this.#pulls[0]?.form ?? PEEK;
  }

  #take(form) {
    if (form === PEEK || this.#cancelled) return undefined;
    if (!this.#waiting) return this.#check();
    this.#waiting = false;
    return this.#said === undefined ? this.#say(form) : this.#text(this.#said);
  }

  /** Ends the call. For whoever reads, that is its end, and no error. */
  cancel() {
    this.#cancelled = true;
    this.abort();
  }

  abort = () => {
    this.#resting = false;
    this.#advance(0, ABORTED);
  };

  get report() {
    return (this.#end ?? this.#account()).report;
  }

  get isOver() {
    return !!this.#end;
  }

  /** The completion, once the call has succeeded. */
  completion() {
    if (!this.#end) return undefined;
    this.#check();
    if (!this.#completion) {
      this.#completion = { ...JSON.parse(this.#say(COMPLETION)), failsoft: this.report };
      this.#session.free();
    }
    return this.#completion;
  }

  #say(what) {
    return this.#text(this.#session.say(what));
  }

  /** So many bytes of the mailbox, as a string. */
  #text(length) {
    const at = this.#mailbox(length);
    const bytes = heap().subarray(at, at + length);
    return length < SHORT && isAscii(bytes) ? String.fromCharCode.apply(null, bytes) : this.#decoder.decode(bytes);
  }

  /** Where so many bytes of the mailbox begin. */
  #mailbox = (length) => {
    if (length > this.#size) this.#at = this.#session.mailbox((this.#size = Math.max(length, ROOM)));
    return this.#at;
  };

  #account() {
    return JSON.parse(this.#say(ACCOUNT));
  }

  #check() {
    if (this.#end.error) throw this.#end.error;
  }

  /** Asks for facts. What does not come in time is done without. */
  async #gather(urls) {
    if (!urls.length) return;
    const { fetch } = this.#host;
    const controller = new AbortController();
    const learn = async (url) => {
      const response = await fetch(url, { signal: controller.signal });
      this.#client.learn(encode(await response.text()));
    };
    const learned = Promise.allSettled(urls.map(learn));
    const late = new Promise((resolve) => (this.#timer = setTimeout(resolve, PATIENCE)));
    // An abort is the end, and so something to see.
    await Promise.race([learned, late, this.#queue(PEEK)]);
    this.#disarm();
    controller.abort();
  }

  /**
   * Tells the machine what happened, with so many bytes in the mailbox, and does what it says until it waits, has something
   * for the reader, or is over.
   */
  #advance(attempt, what, length = 0) {
    try {
      const now = Date.now();
      // Of bytes it is told as it is asked what to do: a visit to the WebAssembly costs as much as reading a line does.
      let bytes = what === BYTES && !this.#resting ? length : 0;
      if (what !== undefined && !bytes && !this.#end) this.#session.tell(what, attempt, length, now);
      if (what === END || what === FAILED) this.#tell();
      while (!this.#resting && !this.#end) {
        const step = this.#session.poll(now, this.#form, attempt, bytes);
        bytes = 0;
        if (step >= 0) {
          if (step % 1) this.#connections.get((step % 1) * PARTS - 1).read();
          return this.#arm(step);
        }
        this.#do(-step & 7, -step >> 3);
      }
    } catch (error) {
      // A trap in the WebAssembly: whoever waits shall not wait for ever.
      this.#finish({ report: { attempts: [] } }, error);
    }
  }

  /** Does `step`, which is about an attempt; or for a yield, about so many bytes in the mailbox. */
  #do(step, attempt) {
    switch (step) {
      case SEND:
        return this.#send(attempt);
      case READ:
        return this.#connections.get(attempt).read();
      case YIELD:
        this.#waiting = this.#resting = true;
        this.#said = this.#form === PEEK ? undefined : attempt;
        return this.#serve();
      case CANCEL:
        this.#close(attempt);
        return this.#tell();
      default:
        return this.#finish(this.#account());
    }
  }

  async #send(attempt) {
    const { fetch } = this.#host;
    const [headers, body, url] = this.#say(REQUEST).split('\n');
    const failed = (error) => {
      const said = [error, error?.cause].map((error) => error?.message).filter(Boolean);
      this.#happened(attempt, connection, FAILED, ['the connection failed', ...said].join(': '), error);
    };
    const lines = new Lines();
    const came = (read) => {
      // It has been closed meanwhile.
      if (!this.#connections.has(attempt)) return;
      this.#thrown = undefined;
      try {
        const { done, value } = read;
        const length = lines.take(done ? undefined : value, this.#mailbox);
        if (length) this.#advance(attempt, BYTES, length);
        else if (done) this.#happened(attempt, connection, END);
        else connection.read();
      } catch (error) {
        failed(error);
      }
    };
    // Made once, as each chunk needs them.
    const connection = { controller: new AbortController(), read: () => connection.reader.read().then(came, failed) };
    this.#connections.set(attempt, connection);
    try {
      const { signal } = connection.controller;
      const response = await fetch(url, { method: 'POST', headers: new Headers(JSON.parse(headers)), body, signal });
      connection.reader = response.body?.getReader() ?? onePiece(response);
      this.#happened(attempt, connection, response.status, HEADERS.map((name) => response.headers.get(name)).join('\n'));
    } catch (error) {
      failed(error);
    }
  }

  /** Goes on with what a connection brought, unless it has been closed meanwhile: then nothing of it counts. */
  #happened(attempt, connection, what, words = '', thrown) {
    if (!this.#connections.has(attempt)) return quietly(() => connection.reader?.cancel());
    if (what === END || what === FAILED) this.#connections.delete(attempt);
    this.#thrown = thrown;
    const bytes = encode(words);
    heap().set(bytes, this.#mailbox(bytes.length));
    this.#advance(attempt, what, bytes.length);
  }

  #close(attempt) {
    const { controller, reader } = this.#connections.get(attempt);
    this.#connections.delete(attempt);
    controller.abort();
    // A `fetch` of the caller's own may not heed the signal.
    quietly(() => reader?.cancel());
  }

  #arm(until) {
    // A timer that is due earlier stays: setting one for every chunk would cost more.
    if (this.#timer !== undefined && this.#due <= until) return;
    this.#disarm();
    this.#due = until;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#advance();
    }, Math.min(until - Date.now(), LONGEST));
  }

  #disarm() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Tells of attempts that failed, before the next request is sent: a callback may abort the call. One that served may
   * be an edge's, which tells of its own at the end.
   */
  #tell() {
    const { onAttempt } = this.#host;
    if (!onAttempt) return;
    const { attempts } = this.report;
    while (this.#told < attempts.length && (this.#end || attempts[this.#told].failure)) onAttempt(attempts[this.#told++]);
  }

  #finish({ report, failure, partial, http }, error) {
    const { signal } = this.#host;
    if (failure) {
      const cause = failure.kind === 'aborted' ? signal?.reason : this.#thrown;
      error = new ChatError(failure, { report, partial, http, cause });
    }
    this.#end = { report, error };
    this.#disarm();
    for (const attempt of this.#connections.keys()) this.#close(attempt);
    signal?.removeEventListener('abort', this.abort);
    this.#tell();
    this.#over?.(report, error);
    this.#serve();
  }
}

/** Does what nobody waits for, however it ends. */
export async function quietly(work) {
  try {
    await work();
  } catch {}
}
