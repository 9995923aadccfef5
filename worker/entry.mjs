// What the Worker is to the outside: its handler, and the classes of its Durable Objects. Whatever else the bundle exports is
// not named here, and not reachable.
import { Account, Keys } from './build/index.js';

export { Account, Breakers, Keys, default } from './build/index.js';

// An alarm that was under way when WebAssembly trapped would never end, and the object would get no other. So it fails, and
// the platform tries it again.
for (const { prototype } of [Account, Keys]) {
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
