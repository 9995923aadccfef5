import { Step } from './failsoft_bg.js';
import { ChatError } from './error.js';

/** A session that a reader pulls from: one chunk of the network at a time, and one string for it. */
export class Source {
  #session;
  #signal;
  #reader;
  #step;
  #pulling = false;
  #last;
  #end;
  #completion;
  #over;

  /** @param over what to call with the report when the call has ended. */
  constructor(session, signal, over) {
    this.#session = session;
    this.#signal = signal;
    this.#over = over;
  }

  /** Runs the call up to its commit point, or to its end. */
  async start() {
    await this.#drive();
    if (this.#step === Step.Done) this.#finish();
  }

  /** Takes what has come in `form`: a string, or undefined at the end. */
  pull(form) {
    // Pulls queue up: the machine allows one read at a time.
    if (this.#pulling) return this.#last.then(() => this.pull(form), () => this.pull(form));
    this.#last = this.#next(form);
    return this.#last;
  }

  async #next(form) {
    const session = this.#session;
    this.#pulling = true;
    try {
      for (;;) {
        if (this.#end) return this.#ended();
        let step = this.#step ?? session.next();
        this.#step = undefined;
        if (step === Step.Read && this.#reader) step = await this.#read();
        if (step === Step.Yield) {
          return session.take(form) ?? '';
        }
        if (step === Step.Done) this.#finish();
        else if (step === Step.Wait || !this.#reader) await this.#drive();
        else this.#step = step;
      }
    } finally {
      this.#pulling = false;
    }
  }

  async #read() {
    let result;
    try {
      result = await this.#reader.read();
    } catch (error) {
      return this.#session.failed(error);
    }
    if (result.done) return this.#session.end();
    const { value } = result;
    return this.#session.bytes(typeof value === 'string' ? new TextEncoder().encode(value) : value);
  }

  async #drive() {
    this.#step = await new Promise((resolve) => this.#session.drive(resolve));
    this.#reader = this.#session.reader();
  }

  #finish() {
    if (this.#end) return;
    const failure = this.#session.failure();
    const failed = failure && JSON.parse(failure);
    const report = JSON.parse(this.#session.report());
    this.#end = { report };
    this.#reader = undefined;
    if (failed) {
      const aborted = failed.failure.kind === 'aborted';
      const cause = aborted ? this.#signal?.reason : this.#session.thrown();
      this.#end.error = new ChatError(failed.failure, { ...failed, report, cause });
    }
    this.#over?.(report, this.#end.error);
  }

  #ended() {
    if (this.#end.error) throw this.#end.error;
  }

  get report() {
    return this.#end?.report ?? JSON.parse(this.#session.report());
  }

  get isOver() {
    return this.#end !== undefined;
  }

  /** The completion, once the call has succeeded. */
  completion() {
    if (!this.#end) return undefined;
    this.#ended();
    this.#completion ??= JSON.parse(this.#session.completion());
    return this.#completion;
  }

  abort() {
    this.#session.abort();
  }
}
