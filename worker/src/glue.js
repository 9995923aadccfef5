// What every request asks of the platform, each in one crossing of WebAssembly's boundary. What comes later is told by
// `ring(task, slot, ok, value)`.

/** Stands for a header that is not there: no value can have it. */
const ABSENT = '\r';

/** The headers of a request that the edge reads, in the order of `Visit::of`. */
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
export function settled(promise, ring, task, slot) {
  promise.then((value) => told(ring, task, slot, true, value), (thrown) => told(ring, task, slot, false, thrown));
}

/** What fails in WebAssembly is an error of the Worker, and not of the promise. */
function told(ring, task, slot, ok, value) {
  try {
    ring(task, slot, ok, value);
  } catch (error) {
    reportError(error);
  }
}

/** Rings with all of a request's or an answer's body. */
export function whole(of, ring, task, slot) {
  of.arrayBuffer().then((bytes) => told(ring, task, slot, true, new Uint8Array(bytes)), (thrown) => told(ring, task, slot, false, thrown));
}

/** What a Durable Object answers to `message`. Nobody reads its URL. */
export async function ask(namespace, name, message, patience) {
  const init = { method: 'POST', body: message, signal: AbortSignal.timeout(patience) };
  const answer = await namespace.getByName(name).fetch('https://object/', init);
  return answer.text();
}

/** Copied into WebAssembly's memory by whoever calls this from there. */
export const bytes = (value) => value;

/** Rings once `bytes` are written. */
export function write(writer, bytes, ring, task, slot) {
  // They lie in WebAssembly's memory, where something else will lie by the time that they are taken.
  settled(writer.write(bytes.slice()), ring, task, slot);
}

/** A body that is read by the chunk, of at most so many bytes. */
export class Chunks {
  constructor(stream, most) {
    this.reader = stream.getReader({ mode: 'byob' });
    // Goes along with each read, and comes back filled.
    this.buffer = new ArrayBuffer(most);
  }

  /** Rings once there is a chunk, or none any more. */
  read(ring, task, slot) {
    const come = ({ done, value }) => {
      this.chunk = done ? undefined : value;
      if (value) this.buffer = value.buffer;
      told(ring, task, slot, true);
    };
    this.reader.read(new Uint8Array(this.buffer)).then(come, (thrown) => told(ring, task, slot, false, thrown));
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
export function listen({ signal }, ring, task, slot) {
  signal.addEventListener('abort', () => told(ring, task, slot, true), { once: true });
  return signal.aborted;
}

/** A request's way to its answer. Its task lives until `leave`, also behind the answer, and whether or not the client stays. */
export class Exchange {
  constructor(context) {
    context.waitUntil(new Promise((leave) => (this.leave = leave)));
    this.response = new Promise((respond, fail) => Object.assign(this, { respond, fail }));
  }

  /** `head` has names and values, a line each. */
  answer(status, head, body) {
    try {
      this.respond(new Response(body, { status, headers: record(head) }));
    } catch (error) {
      this.fail(error);
    }
  }
}

/** A request to an upstream; rings with its status and headers, a line each. */
export class Sending {
  constructor(url, head, body, ring, task, slot) {
    this.controller = new AbortController();
    // A redirect would take the key to whomever it names.
    const init = { method: 'POST', headers: record(head), body, signal: this.controller.signal, redirect: 'manual' };
    const open = (response) => {
      this.response = response;
      told(ring, task, slot, true, lines(`${response.status}`, response.headers, OF_ANSWER));
    };
    fetch(url, init).then(open, (thrown) => told(ring, task, slot, false, thrown));
  }

  get body() {
    return this.response.body ?? undefined;
  }

  whole(ring, task, slot) {
    whole(this.response, ring, task, slot);
  }

  abort() {
    this.controller.abort();
  }
}
