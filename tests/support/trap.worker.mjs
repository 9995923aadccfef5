// Makes the Worker's WebAssembly trap at the point in a request's header `x-trap`, by an allocation that cannot succeed. The
// state around that point is as after any trap: borrowed and half changed. This module must be loaded first.

const { Instance } = WebAssembly;
const { now } = Date;
const { random } = Math;
const { read } = ReadableStreamBYOBReader.prototype;
const send = globalThis.fetch;

/** The exports of the running instance. */
let exports;
/** The point of the next trap, and the number of passes before it. */
let due = { point: null, passes: 0 };

WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  ({ exports } = instance);
  return instance;
};

function isDue(point) {
  if (due.point !== point) return false;
  due.passes -= 1;
  return due.passes < 0;
}

/** WebAssembly has called out: the trap happens before this call returns. */
function within(point) {
  if (!isDue(point)) return;
  due = { point: null, passes: 0 };
  exports.__wbindgen_malloc(0xffff_ffff, 1);
}

/** WebAssembly will be notified of an event, and then reads the clock. */
function before(point) {
  if (isDue(point)) due = { point: 'clock', passes: 0 };
}

Date.now = () => {
  within('clock');
  return now();
};

Math.random = () => {
  within('random');
  return random();
};

globalThis.fetch = async (url, init) => {
  const answer = await send(url, init);
  before(new URL(url.url ?? url).pathname.split('/').at(-1));
  return answer;
};

ReadableStreamBYOBReader.prototype.read = async function (view) {
  const chunk = await read.call(this, view);
  before('chunk');
  return chunk;
};

/** Reads the header, and counts each request to one of `objects` as a pass of the point `object`. */
export function hook(Worker, objects) {
  const { fetch } = Worker.prototype;
  Worker.prototype.fetch = function (request) {
    const [point, passes = 0] = request.headers.get('x-trap')?.split(' ') ?? [];
    if (point) due = { point, passes: Number(passes) };
    return fetch.call(this, request);
  };
  for (const { prototype } of objects) {
    const { fetch } = prototype;
    prototype.fetch = function (request) {
      before('object');
      return fetch.call(this, request);
    };
  }
}
