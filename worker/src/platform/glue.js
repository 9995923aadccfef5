// Everything that each request needs of the platform, in one crossing of WebAssembly's boundary each. A result that comes
// later goes to a task through `notify(task, slot, ok, value)`. This file also ends the requests whose WebAssembly trapped.

import { connect as openSocket } from 'cloudflare:sockets';

/** The function of the current WebAssembly instance that takes results. */
let wake;

/** The number of the next task. Numbers go on in the next instance. */
let nextTask = 0;

/** The exchanges that are not over, by the number of their task. */
const exchanges = new Map();

/** The exchanges of an instance that trapped, as long as their streams are open. */
const trapped = new Map();

/** The names of the headers to read. */
let requestHeaders, responseHeaders;

/**
 * Starts a WebAssembly instance, which takes results with `wakeTask`. All exchanges that are under way belong to an instance
 * that trapped. The names of headers come from Rust, a line each. Returns the number of the next task: results for the tasks
 * of the old instance may still come.
 */
export function connect(wakeTask, namesOfRequest, namesOfResponse) {
  wake = wakeTask;
  requestHeaders = namesOfRequest.split('\n');
  responseHeaders = namesOfResponse.split('\n');
  for (const [task, exchange] of exchanges) {
    // This code may run on behalf of any request. From here the promise of another request can be settled; the platform then
    // answers that request with an error of its own. But the stream of another request cannot be broken off from here. That
    // happens at the next notification of its task, at the latest when a timer fires.
    exchange.fail?.(new Error('the WebAssembly that served this request has trapped'));
    if (exchange.output) trapped.set(task, exchange);
    else exchange.leave();
  }
  exchanges.clear();
  return nextTask;
}

/** Stands for a header that is missing: no value can be the same. */
const ABSENT = '\r';

/** The slot of a notification without a result. */
const NO_SLOT = 0xffff_ffff;

/** Headers in the form that the platform takes fastest, from names and values, a line each. Of one name, the last counts. */
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
export const readHead = (request) => lines(`${request.method}\n${request.url}`, request.headers, requestHeaders);

/** Notifies when `promise` is settled. */
export function watch(promise, task, slot) {
  promise.then((value) => notify(task, slot, true, value), (thrown) => notify(task, slot, false, thrown));
}

/** Every task runs inside this function. An error of a task is an error of the Worker, and not of a promise. */
function notify(task, slot, ok, value) {
  if (trapped.size > 0) trapped.get(task)?.end();
  try {
    wake(task, slot, ok, value);
  } catch (error) {
    exchanges.get(task)?.end();
    reportError(error);
  }
}

/** Notifies when the code that runs now has returned. */
export function wakeSoon(task) {
  queueMicrotask(() => notify(task, NO_SLOT, true));
}

/** Notifies after `wait` milliseconds. */
export const setTimer = (wait, task, slot) => setTimeout(notify, wait, task, slot, true);

// After a trap, any call makes a new instance. Without this call, the next call could be to a function of the old instance,
// which would use its addresses in the memory of the new one.
addEventListener('error', () => wake(nextTask, 0, true));

/** Notifies with the whole body of a request. */
export function readBody(of, task, slot) {
  of.arrayBuffer().then((bytes) => notify(task, slot, true, new Uint8Array(bytes)), (thrown) => notify(task, slot, false, thrown));
}

/** The size of a buffer for a part of a body. */
const PART = 64 * 1024;

/** The whole of `body`, or nothing if it has more than `limit` bytes: then the rest is not read. */
async function readWithin(body, limit) {
  const reader = body.getReader({ mode: 'byob' });
  const parts = [];
  let length = 0;
  for (let buffer = new ArrayBuffer(PART); ; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) break;
    length += value.byteLength;
    if (length > limit) return void reader.cancel();
    // A small part does not keep a large buffer.
    parts.push(value.slice());
    buffer = value.buffer;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/**
 * Asks a Durable Object. Nobody reads the URL. A deployment resets objects, and the platform then may not know whether the
 * object got the message. A message that `mayRepeat` goes once more, within the same time, through a fresh stub: a stub whose
 * object was reset stays broken. An object that is overloaded is not asked again.
 */
export async function sendToObject(namespace, name, message, timeLimit, mayRepeat) {
  const init = { method: 'POST', body: message, signal: AbortSignal.timeout(timeLimit) };
  const send = async () => (await namespace.getByName(name).fetch('https://object/', init)).text();
  try {
    return await send();
  } catch (thrown) {
    const isLost = (thrown.retryable || thrown.durableObjectReset) && !thrown.overloaded;
    if (!mayRepeat || !isLost) throw thrown;
    return send();
  }
}

/** Counts an event with `key` at the rate limiter `name`. False: there were too many. Without the limiter, all are allowed. */
export async function isWithinRate(env, name, key) {
  const outcome = await env[name]?.limit({ key });
  return outcome?.success ?? true;
}

/** wasm-bindgen copies the result into the memory of WebAssembly. */
export const toBytes = (value) => value;

/** Reads a body by the chunk, at most `size` bytes at a time. */
export class ChunkReader {
  constructor(stream, size) {
    this.reader = stream.getReader({ mode: 'byob' });
    // Each read takes the buffer away, and brings it back filled.
    this.buffer = new ArrayBuffer(size);
  }

  /** Notifies when there is a chunk, or when the body has ended. */
  read(task, slot) {
    const come = ({ done, value }) => {
      this.chunk = done ? undefined : value;
      if (value) this.buffer = value.buffer;
      notify(task, slot, true);
    };
    this.reader.read(new Uint8Array(this.buffer)).then(come, (thrown) => notify(task, slot, false, thrown));
  }

  /** The chunk, or nothing at the end of the body. */
  take() {
    return this.chunk;
  }

  /** Lets another reader go on. */
  release() {
    this.reader.releaseLock();
  }
}

/** Notifies when the client of `request` disconnects. Returns true if it has disconnected already. */
export function watchDisconnect({ signal }, task, slot) {
  signal.addEventListener('abort', () => notify(task, slot, true), { once: true });
  return signal.aborted;
}

/** The response to a client whose request was being served when WebAssembly trapped. */
const TRAPPED = '{"error":{"message":"the edge failed while it served this request","type":"server_error","param":null,"code":"internal"}}';

/**
 * The exchange with a client, and what the platform waits for. Its task lives until `leave`: also after the response, and
 * even if the client disconnects.
 */
export class Exchange {
  constructor(context, task) {
    nextTask = task + 1;
    exchanges.set(task, this);
    this.task = task;
    context.waitUntil(new Promise((left) => (this.left = left)));
  }

  /** Starts the task when the platform waits for the response. So there is a response, whatever happens in the task. */
  then(respond, fail) {
    this.respond = respond;
    this.fail = fail;
    notify(this.task, NO_SLOT, true);
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
    exchanges.delete(this.task);
    this.left();
  }

  /** Ends the exchange without its task: with an error, if there is no response yet, and with a stream that breaks off. */
  end() {
    trapped.delete(this.task);
    this.answer(500, 'content-type\napplication/json', TRAPPED);
    this.output?.abort().catch(() => {});
    this.leave();
  }
}

/** The stream to a client. */
export class Output {
  constructor(task) {
    // Bytes pass through it without JavaScript, and a write waits for the reader.
    const { readable, writable } = new IdentityTransformStream();
    Object.assign(this, { readable, writable, writer: writable.getWriter() });
    this.exchange = exchanges.get(task);
    this.exchange.output = this;
  }

  /** Notifies when `bytes` are written. */
  write(bytes, task, slot) {
    // The bytes are in the memory of WebAssembly, which may be used again before the platform takes them. So copy them.
    watch(this.writer.write(bytes.slice()), task, slot);
  }

  /** Passes `body` on natively; notifies at its end. The end closes nothing here, and a failure breaks nothing here. */
  pipe(body, task, slot) {
    this.writer.releaseLock();
    this.writer = undefined;
    this.stop = new AbortController();
    this.piped = body.pipeTo(this.writable, { preventClose: true, preventAbort: true, signal: this.stop.signal });
    watch(this.piped, task, slot);
  }

  /** Ends the body as its protocol requires. From then on a trap does not break it off. */
  close() {
    this.exchange.output = undefined;
    return (this.writer ?? this.writable.getWriter()).close();
  }

  /** Breaks the connection, so that the client does not take an incomplete answer for the whole. */
  async abort() {
    this.stop?.abort();
    // A pipe holds the stream until the pipe is over.
    await this.piped?.catch(() => {});
    await (this.writer ?? this.writable).abort('the upstream failed');
  }
}

/**
 * Nothing listens at `url`, so that a request that has just failed was never received. The error of `fetch` is the same for a
 * refused connection and for one that broke. Only plain HTTP is asked, which is the owner's own network: Cloudflare answers a
 * refused connection to a public host with a 521, and refuses some connections itself.
 */
async function isRefused(url) {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'http:') return false;
  const socket = openSocket({ hostname, port: Number(port || 80) });
  const closed = () => {};
  socket.closed.catch(closed);
  return socket.opened.then(() => socket.close().then(closed, closed).then(() => false), () => true);
}

/** A request to an upstream. Notifies with status and headers of the response, a line each. */
export class UpstreamFetch {
  constructor(url, head, body, task, slot) {
    this.controller = new AbortController();
    // A redirect would take the key to another host.
    const init = { method: 'POST', headers: record(head), body, signal: this.controller.signal, redirect: 'manual' };
    const open = (response) => {
      this.response = response;
      notify(task, slot, true, lines(`${response.status}`, response.headers, responseHeaders));
    };
    const fail = async (thrown) => {
      if (!this.controller.signal.aborted && (await isRefused(url))) thrown.refused = true;
      notify(task, slot, false, thrown);
    };
    fetch(url, init).then(open, fail);
  }

  get body() {
    return this.response.body ?? undefined;
  }

  /** Notifies with the whole body, or with nothing if the body has more than `limit` bytes. */
  readBody(limit, task, slot) {
    const { body } = this.response;
    watch(body ? readWithin(body, limit) : Promise.resolve(new Uint8Array()), task, slot);
  }

  abort() {
    this.controller.abort();
  }
}
