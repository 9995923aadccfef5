// The entry of the Worker: its handler, and the classes of its Durable Objects. The bundle exports more functions. They are not
// named here, so nothing outside can call them.
import { Account, Cache, Experiments, Keys } from './build/index.js';

export { Account, Breakers, Cache, Experiments, Keys, default } from './build/index.js';

// If WebAssembly traps during an alarm, the alarm would never end, and the object would get no other alarm. So the alarm
// fails, and the platform tries it again.
for (const { prototype } of [Account, Cache, Experiments, Keys]) {
  const { alarm } = prototype;
  prototype.alarm = async function () {
    const over = new AbortController();
    const trapped = new Promise((_, fail) => addEventListener('error', ({ error }) => fail(error), { signal: over.signal }));
    try {
      return await Promise.race([alarm.call(this), trapped]);
    } finally {
      over.abort();
    }
  };
}
