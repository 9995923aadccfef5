// What the Worker is to the outside: its handler, and the classes of its Durable Objects. Whatever else the bundle exports is
// not named here, and not reachable.
export { Account, Breakers, default } from './build/index.js';
