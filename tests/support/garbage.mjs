// The garbage of all isolates of a workerd: of the edge, its objects and its database. Without a collection, memory would also be what V8
// has not cleaned up yet.

/** How often: what a finalizer frees is garbage in the next round. */
const ROUNDS = 3;

/** Collects the garbage of every isolate behind workerd's `--inspector-addr=127.0.0.1:PORT`. V8 needs the flag `--expose-gc`. */
export async function collectGarbage(port) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  if (targets.length === 0) throw new Error('the inspector knows no isolate');
  for (const { webSocketDebuggerUrl } of targets) await collect(webSocketDebuggerUrl);
}

async function collect(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const waiting = new Map();
  // An expression runs in a context, which the inspector names when it is enabled.
  let context;
  socket.onmessage = ({ data }) => {
    const { id, params, error, result } = JSON.parse(data);
    context ??= params?.context?.id;
    if (id) waiting.get(id)[error ? 1 : 0](error ? new Error(error.message) : result);
  };
  const command = (method, params) => new Promise((resolve, reject) => {
    const id = waiting.size + 1;
    waiting.set(id, [resolve, reject]);
    socket.send(JSON.stringify({ id, method, params }));
  });
  try {
    await command('Runtime.enable');
    for (let round = 0; round < ROUNDS; round += 1) {
      const { exceptionDetails } = await command('Runtime.evaluate', { expression: 'gc()', contextId: context });
      if (exceptionDetails) throw new Error(exceptionDetails.text);
    }
  } finally {
    socket.close();
  }
}
