// What runs inside an isolate, measured with V8's profiler through workerd's inspector.

/** Samples in these functions are not a Worker's code: they are workerd itself or idle time. */
const OUTSIDE = ['(root)', '(program)', '(idle)'];
/** Microseconds. V8 takes fewer samples than this asks for. */
const INTERVAL = 100;

/** The profiler of the isolate behind workerd's `--inspector-addr=127.0.0.1:PORT`. */
export async function profiler(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/worker0`);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (id) waiting.get(id)[error ? 1 : 0](error ? new Error(error.message) : result);
  };
  let id = 0;
  const command = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++id, [resolve, reject]);
    socket.send(JSON.stringify({ id, method, params }));
  });
  await command('Profiler.enable');
  await command('Profiler.setSamplingInterval', { interval: INTERVAL });
  return {
    /**
     * Microseconds for which the isolate's code ran during `work`: JavaScript, WebAssembly, their callees and garbage collection.
     * The result is the number of samples times the usual distance of two samples, which is the tenth percentile of all
     * distances: V8 takes no sample while the thread is outside of the isolate or does not run.
     */
    async measureBusy(work) {
      await command('Profiler.start');
      await work();
      const { profile } = await command('Profiler.stop');
      const outside = new Set(profile.nodes.filter(({ callFrame }) => OUTSIDE.includes(callFrame.functionName)).map(({ id }) => id));
      const period = profile.timeDeltas.sort((a, b) => a - b)[Math.floor(profile.timeDeltas.length / 10)];
      return profile.samples.filter((node) => !outside.has(node)).length * period;
    },
    close: () => socket.close(),
  };
}
