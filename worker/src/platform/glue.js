// What every request asks of the platform, each in one crossing of WebAssembly's boundary. What comes later is told by
// `ring(task, slot, ok, value)`. And what becomes of requests whose WebAssembly has trapped.

/** What the instance of WebAssembly that runs is told by. */
let ring;

/** So many tasks have begun, in this instance and those before. */
let begun = 0;

/** The exchanges that are not over, by the number of their task. */
const underWay = new Map();

/** Those of an instance that trapped whose streams are still open. */
const lost = new Map();

/**
 * An instance begins, which is told by `heard`; what is under way is that of one that trapped. Gives the number of the next
 * task, as something may still come for those before.
 */
export function tune(heard) {
  ring = heard;
  for (const [task, exchange] of underWay) {
    // This may be the place of any request. From there another's promises can be settled, and the platform answers it with an
    // error of its own. But its stream cannot be broken off: that is done once its task is told something, a timer if
    // nothing else.
    exchange.fail?.(new Error('the WebAssembly that served this request has trapped'));
    if (exchange.out) lost.set(task, exchange);
    else exchange.leave();
  }
  underWay.clear();
  return begun;
}

/** Stands for a header that is not there: no value can have it. */
const ABSENT = '\r';

/** Is rung for when a task shall run, and nothing has come. */
const NO_SLOT = 0xffff_ffff;

/** The headers of a request that the edge reads, in the order of `RequestHead::of`. */
const OF_REQUEST = ['authorization', 'origin', 'sec-fetch-site', 'cf-connecting-ip', 'x-request-id', 'x-feature', 'x-flow', 'traceparent', 'access-control-request-headers', 'content-length'];

/** Those of an upstream's answer: `failsoft::http::READ_HEADERS`. */
const OF_ANSWER = ['content-type', 'retry-after', 'retry-after-ms', 'x-ratelimit-reset', 'x-generation-id'];

/** Headers as the platform takes them soonest, from names and values, a line each. Of one name, the last counts. */
function record(head) {
  const parts = head.split('\n');
  const headers = {};
  for (let at = 0; at + 1 < parts.length; at += 2) headers[parts[at].toLowerCase()] = parts[at + 1];
  return headers;
}

const lines = (first, headers, names) => {
  for (const name of names) first += `\n${headers.get(name) ?? ABSENT}`;
  return first;
};

/** Method, URL and headers, a line each. */
export const head = (request) => lines(`${request.method}\n${request.url}`, request.headers, OF_REQUEST);

/** Rings once `promise` has come to something. */
export function settled(promise, task, slot) {
  promise.then((value) => told(task, slot, true, value), (thrown) => told(task, slot, false, thrown));
}

/** Every task runs in here, and what goes wrong in it is an error of the Worker, not of a promise. */
function told(task, slot, ok, value) {
  if (lost.size > 0) lost.get(task)?.end();
  try {
    ring(task, slot, ok, value);
  } catch (error) {
    underWay.get(task)?.end();
    reportError(error);
  }
}

/** Rings once what runs now has come to its end. */
export function soon(task) {
  queueMicrotask(() => told(task, NO_SLOT, true));
}

/** Rings after `wait` milliseconds. */
export const alarm = (wait, task, slot) => setTimeout(told, wait, task, slot, true);

// After a trap, any call makes a new instance. Without one, a function of the old instance could be called next, and would
// take its addresses to the new one.
addEventListener('error', () => ring(begun, 0, true));

/** Rings with all of a request's or an answer's body. */
export function whole(of, task, slot) {
  of.arrayBuffer().then((bytes) => told(task, slot, true, new Uint8Array(bytes)), (thrown) => told(task, slot, false, thrown));
}

/** What a Durable Object answers to `message`. Nobody reads its URL. */
export async function ask(namespace, name, message, patience) {
  const init = { method: 'POST', body: message, signal: AbortSignal.timeout(patience) };
  const answer = await namespace.getByName(name).fetch('https://object/', init);
  return answer.text();
}

/** Copied into WebAssembly's memory by whoever calls this from there. */
export const bytes = (value) => value;

/** A body that is read by the chunk, of at most so many bytes. */
export class Chunks {
  constructor(stream, most) {
    this.reader = stream.getReader({ mode: 'byob' });
    // Goes along with each read, and comes back filled.
    this.buffer = new ArrayBuffer(most);
  }

  /** Rings once there is a chunk, or none any more. */
  read(task, slot) {
    const come = ({ done, value }) => {
      this.chunk = done ? undefined : value;
      if (value) this.buffer = value.buffer;
      told(task, slot, true);
    };
    this.reader.read(new Uint8Array(this.buffer)).then(come, (thrown) => told(task, slot, false, thrown));
  }

  /** What has come; nothing at the end. */
  take() {
    return this.chunk;
  }

  /** Lets somebody else read on. */
  release() {
    this.reader.releaseLock();
  }
}

/** Rings when the client of `request` goes away; true, if it has. */
export function listen({ signal }, task, slot) {
  signal.addEventListener('abort', () => told(task, slot, true), { once: true });
  return signal.aborted;
}

/** What a client gets whose request was being served when WebAssembly trapped. */
const LOST = '{"error":{"message":"the edge failed while it served this request","type":"server_error","param":null,"code":"internal"}}';

/**
 * A request's way to its answer, and what the platform waits for. Its task lives until `leave`, also behind the answer, and
 * whether or not the client stays.
 */
export class Exchange {
  constructor(context, task) {
    begun = task + 1;
    underWay.set(task, this);
    this.task = task;
    context.waitUntil(new Promise((left) => (this.left = left)));
  }

  /** Its task begins when somebody waits for the answer: whatever happens in it, there will be one. */
  then(respond, fail) {
    this.respond = respond;
    this.fail = fail;
    told(this.task, NO_SLOT, true);
  }

  /** `head` has names and values, a line each. */
  answer(status, head, body) {
    try {
      this.respond(new Response(body, { status, headers: record(head) }));
    } catch (error) {
      this.fail(error);
    }
  }

  leave() {
    underWay.delete(this.task);
    this.left();
  }

  /** Ends without its task, from its own place: with an error, unless there is an answer, and with a stream that breaks off. */
  end() {
    lost.delete(this.task);
    this.answer(500, 'content-type\napplication/json', LOST);
    this.out?.abort().catch(() => {});
    this.leave();
  }
}

/** The stream to a client. */
export class Out {
  constructor(task) {
    // Bytes go through it without JavaScript, and a write waits for the reader.
    const { readable, writable } = new IdentityTransformStream();
    Object.assign(this, { readable, writable, writer: writable.getWriter() });
    this.exchange = underWay.get(task);
    this.exchange.out = this;
  }

  /** Rings once `bytes` are written. */
  write(bytes, task, slot) {
    // They lie in WebAssembly's memory, where something else will lie by the time that they are taken.
    settled(this.writer.write(bytes.slice()), task, slot);
  }

  /** Lets `body` follow natively; rings at its end. That closes nothing here, and its failure breaks nothing. */
  pipe(body, task, slot) {
    this.writer.releaseLock();
    this.writer = undefined;
    this.stop = new AbortController();
    this.piped = body.pipeTo(this.writable, { preventClose: true, preventAbort: true, signal: this.stop.signal });
    settled(this.piped, task, slot);
  }

  /** Ends the body as its protocol says. Then nobody has to break it off. */
  close() {
    this.exchange.out = undefined;
    return (this.writer ?? this.writable.getWriter()).close();
  }

  /** Breaks the connection, so that nobody takes what was sent for the whole. */
  async abort() {
    this.stop?.abort();
    // Until it has come to its end, a pipe holds the stream.
    await this.piped?.catch(() => {});
    await (this.writer ?? this.writable).abort('the upstream failed');
  }
}

/** A request to an upstream; rings with its status and headers, a line each. */
export class Sending {
  constructor(url, head, body, task, slot) {
    this.controller = new AbortController();
    // A redirect would take the key to whomever it names.
    const init = { method: 'POST', headers: record(head), body, signal: this.controller.signal, redirect: 'manual' };
    const open = (response) => {
      this.response = response;
      told(task, slot, true, lines(`${response.status}`, response.headers, OF_ANSWER));
    };
    fetch(url, init).then(open, (thrown) => told(task, slot, false, thrown));
  }

  get body() {
    return this.response.body ?? undefined;
  }

  whole(task, slot) {
    whole(this.response, task, slot);
  }

  abort() {
    this.controller.abort();
  }
}
