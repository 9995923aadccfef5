// What the Worker is to the outside: its handler, and the class of its Durable Object. Whatever else the bundle exports is
// not named here, and not reachable.
export { Breakers, default } from './build/index.js';
