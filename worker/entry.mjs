// What the Worker is to the outside: its handler. Whatever else the bundle exports is not named here, and not reachable.
export { default } from './build/index.js';
