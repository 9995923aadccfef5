// What runs inside an isolate, by V8's own profiler over workerd's inspector.

/** Where samples fall that are no code of a Worker: workerd itself, and nothing to do. */
const OUTSIDE = ['(root)', '(program)', '(idle)'];
/** Microseconds. V8 takes fewer samples than it is asked for. */
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
  const tell = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++id, [resolve, reject]);
    socket.send(JSON.stringify({ id, method, params }));
  });
  await tell('Profiler.enable');
  await tell('Profiler.setSamplingInterval', { interval: INTERVAL });
  return {
    /**
     * Microseconds that the isolate's code ran while `work` was done: JavaScript, WebAssembly, what they call, and garbage
     * collection. Samples are counted, at the time between two where nothing came between, of which a tenth is shorter: none
     * is taken while the thread is outside of the isolate, or does not run because others do.
     */
    async busy(work) {
      await tell('Profiler.start');
      await work();
      const { profile } = await tell('Profiler.stop');
      const outside = new Set(profile.nodes.filter(({ callFrame }) => OUTSIDE.includes(callFrame.functionName)).map(({ id }) => id));
      const period = profile.timeDeltas.sort((a, b) => a - b)[Math.floor(profile.timeDeltas.length / 10)];
      return profile.samples.filter((node) => !outside.has(node)).length * period;
    },
    close: () => socket.close(),
  };
}
