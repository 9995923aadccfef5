// Lets a test reset a Durable Object, as a deployment does: the header `x-reset` of a request says at which
// message from then on (`hold`, `share`, `settle`, `Spend`, or the whole text of one without fields), and whether before the object works on it or after that (`before`, `after`), in
// which case the answer is lost.

import Worker, { Account as OwnAccount, Breakers as OwnBreakers, Keys as OwnKeys } from './entry.mjs';

const DEPLOYED = 'Durable Object reset because its code was updated.';
let reset;

const { fetch } = Worker.prototype;
Worker.prototype.fetch = function (request) {
  const [kind, when, times = 1] = request.headers.get('x-reset')?.split(' ') ?? [];
  if (kind) reset = { kind, when, times: Number(times) };
  return fetch.call(this, request);
};

export * from './entry.mjs';
export { default } from './entry.mjs';

class Resettable {
  constructor(state, own) {
    this.state = state;
    this.own = own;
  }

  async fetch(request) {
    const isMeant = (text) => text === reset.kind || text.startsWith(`{"${reset.kind}"`);
    const isDue = reset?.times > 0 && isMeant(await request.clone().text());
    if (isDue) reset.times -= 1;
    if (isDue && reset.when === 'before') this.abort();
    const answer = await this.own.fetch(request);
    if (isDue) {
      // What was stored stays; the answer does not leave the object.
      await this.state.storage.sync();
      this.abort();
    }
    return answer;
  }

  abort() {
    const thrown = new Error(DEPLOYED);
    this.state.abort(thrown.message);
    throw thrown;
  }

  alarm() {
    return this.own.alarm();
  }
}

export class Account extends Resettable {
  constructor(state, env) {
    super(state, new OwnAccount(state, env));
  }
}

export class Breakers extends Resettable {
  constructor(state, env) {
    super(state, new OwnBreakers(state, env));
  }
}

export class Keys extends Resettable {
  constructor(state, env) {
    super(state, new OwnKeys(state, env));
  }
}
