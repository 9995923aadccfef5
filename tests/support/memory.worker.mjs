// Tells a test how much memory WebAssembly has. This module must be loaded first.

const { Instance } = WebAssembly;

/** The exports of the running instance. */
let exports;

WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  ({ exports } = instance);
  return instance;
};

/** Answers requests with the header `x-memory`. */
export function hook(Worker) {
  const { fetch } = Worker.prototype;
  Worker.prototype.fetch = function (request) {
    if (!request.headers.has('x-memory')) return fetch.call(this, request);
    return Response.json(exports.memory.buffer.byteLength);
  };
}
