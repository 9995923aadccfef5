// Virtual time: a wait takes no time, and has the same length in every run.

const platform = { setTimeout, setImmediate, now: Date.now };

/** Work that takes longer than this in real time has no timer to wait for, in milliseconds. */
const PATIENCE = 30_000;

/** Replaces the timers and the clocks of this process. Import modules first that must keep the real ones. */
export class VirtualTime {
  now = 0;
  #timers = new Set();
  #held = 0;

  constructor() {
    const add = (repeats) => (callback, delay = 0, ...values) => {
      const wait = Math.max(Number(delay) || 0, 0);
      const timer = { due: this.now + wait, every: repeats ? wait : undefined, run: () => callback(...values), ref: () => timer, unref: () => timer };
      this.#timers.add(timer);
      return timer;
    };
    const remove = (timer) => void this.#timers.delete(timer);
    Object.assign(globalThis, { setTimeout: add(false), setInterval: add(true), clearTimeout: remove, clearInterval: remove });
    Date.now = () => this.now;
    Object.defineProperty(performance, 'now', { value: () => this.now, configurable: true });
  }

  /** Starts again at `now`, in milliseconds of the UNIX epoch, without timers. */
  restart(now) {
    this.now = now;
    this.#timers.clear();
  }

  /** How far this time is ahead of the real one, in milliseconds. */
  get ahead() {
    return this.now - platform.now();
  }

  /** The result of `act`, during which no time passes: a real server answers, for example. */
  async hold(act) {
    this.#held += 1;
    try {
      return await act();
    } finally {
      this.#held -= 1;
    }
  }

  /** The result of `promise`. Each time nothing else happens, the next timer is due. */
  async run(promise) {
    let settled = false;
    const settle = () => { settled = true; };
    promise.then(settle, settle);
    for (let idle = 0; !settled && idle < PATIENCE;) {
      for (let turn = 0; turn < 6 && !settled; turn += 1) await new Promise((resolve) => { platform.setImmediate(resolve); });
      if (settled || (this.#held === 0 && this.#runNext())) {
        idle = 0;
      } else {
        idle += 1;
        await new Promise((resolve) => { platform.setTimeout(resolve, 1); });
      }
    }
    if (!settled) throw new Error('nothing happens any more, and the work has not ended');
    return promise;
  }

  /** Runs the timer that is due first. False: there is none. */
  #runNext() {
    let next;
    for (const timer of this.#timers) if (!next || timer.due < next.due) next = timer;
    if (!next) return false;
    this.now = Math.max(this.now, next.due);
    if (next.every === undefined) this.#timers.delete(next);
    else next.due = this.now + Math.max(next.every, 1);
    next.run();
    return true;
  }
}

/** Resolves after `delay` milliseconds of the time that counts when it is called. */
export const pause = (delay) => new Promise((resolve) => { globalThis.setTimeout(resolve, delay); });
