// What runs inside an isolate, by V8's own profiler over workerd's inspector.

/** Where samples fall that are no code of a Worker: workerd itself, and nothing to do. */
const WORKERD = ['(root)', '(program)'];
const IDLE = '(idle)';
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
     * Which part of the thread's time went to the isolate's code while `work` was done: JavaScript, WebAssembly, what they
     * call, and garbage collection. A part, as samples go by the clock on the wall, which others use, too.
     */
    async share(work) {
      await tell('Profiler.start');
      await work();
      const { profile } = await tell('Profiler.stop');
      const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
      let [code, all] = [0, 0];
      profile.samples.forEach((node, at) => {
        const name = names.get(node);
        if (name === IDLE) return;
        all += profile.timeDeltas[at];
        if (!WORKERD.includes(name)) code += profile.timeDeltas[at];
      });
      return code / all;
    },
    close: () => socket.close(),
  };
}
