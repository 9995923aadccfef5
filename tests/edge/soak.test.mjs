// Many calls with every fault of the emulator, with clients that leave and with hostile input, over two isolates. At the end nothing
// is held, nothing is open, the memory is back, the ledger is the upstream's bill, and every client that behaved well was answered
// correctly. `cargo xtask test --long` makes 20,000 calls, any other run makes fewer.

import assert from 'node:assert/strict';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { resident } from '../bench/edge/cpu.mjs';
import { clientKey, freePort, startEdge } from '../support/edge.mjs';
import { collectGarbage } from '../support/garbage.mjs';
import { LONG } from '../support/long.mjs';
import { memoryModules, readMemory } from '../support/memory.mjs';
import { seededRandom } from '../support/seed.mjs';
import { POLICY, SECOND, beginWithin, send } from './harness.mjs';
import { BAD_KEY, GOOD_KEY, HOSTILE, LEAVERS, LOOKED_FOR_LONG, WRONG, goodCalls, readHealthy } from './soak-calls.mjs';
import { charged, sum } from './spending.mjs';
import { configure, useEmulator } from './use-edge.mjs';

const CALLS = LONG ? 20_000 : 1_200;
/** The calls before the first measurement, with all kinds among them. */
const WARM = LONG ? 4_000 : 600;
const AT_ONCE = 64;
const MIB = 2 ** 20;
/** Of twenty calls, so many are of each kind. The rest behave well. */
const SHARES = { leavers: 5, wrong: 3 };
/** A call that has not ended by then hangs: all clocks of a call are shorter. */
const HANGS = 400_000;
/** How long an account may hold an amount: the longest look-up of a cost takes ten minutes. */
const PATIENCE = LONG ? 720_000 : 120_000;

const emulator = useEmulator();

const budget = (usd) => ({ usd: { hour: usd, day: usd }, tokens: { day: 1_000_000_000 }, concurrent: 1_000 });
const route = (models, lane) => ({ models, lane, budget: budget(1_000), accountShare: 100 });
const failsoft = () =>
  configure(emulator, {
    // A hedge makes each request name one model, as the table of faults expects. The clocks are long: a busy machine is no fault.
    upstream: { url: emulator.baseURL, dialect: 'openrouter', chargesErrors: false },
    policy: { ...POLICY, hedge: { after: 14_900 }, timeouts: { headers: 15_000, firstToken: 15_000, idle: 15_000, total: 240_000 } },
    keys: [clientKey({ name: 'good', budget: budget(1_000) }, GOOD_KEY), clientKey({ name: 'bad', budget: budget(1_000) }, BAD_KEY)],
    budget: { usd: { day: 10_000 } },
    routes: {
      gate: route([SECOND], 'gate'),
      relay: route([SECOND], 'relay'),
      lean: route([SECOND], 'lean'),
      'relay-slow': route(['fault/never-ending'], 'relay'),
      'lean-slow': route(['fault/never-ending'], 'lean'),
    },
  });

test(`${CALLS} calls over two isolates: nothing is held, nothing is open, and the memory is back`, { timeout: 3_600_000 }, async (t) => {
  await beginWithin('day', LONG ? 3_600_000 : 600_000);
  const random = seededRandom(t);
  const port = await freePort();
  const edge = { ...(await startEdge({ failsoft: failsoft(), isolates: 2, ...memoryModules, options: [`--inspector-addr=127.0.0.1:${port}`] })), port };
  try {
    const soak = new Soak(edge, random, await readHealthy(edge));
    await soak.run(WARM, LONG);
    const base = await measureAtRest(edge);
    await soak.run((CALLS - WARM) / 2, false);
    const middle = await measureAtRest(edge);
    await soak.run((CALLS - WARM) / 2, false);
    const end = await measureAtRest(edge);
    t.diagnostic(JSON.stringify({ kinds: soak.kinds, healthz: soak.healthz, longestGap: soak.longestGap, base, middle, end }));
    for (const failure of new Set(soak.failures.map((failure) => failure.slice(0, 300)))) t.diagnostic(failure);
    assert.deepEqual(soak.failures.slice(0, 10), [], `${soak.failures.length} of ${CALLS} calls went wrong`);
    // Others are answered all the time: few calls end while one of their requests waits.
    assert.ok(soak.healthz > 100 && soak.longestGap <= 2 * AT_ONCE, `${soak.healthz} times, ${soak.longestGap} calls`);
    checkMemory(base, end);
    await checkLedger(edge, t);
    await edge.kill();
    await checkStorage(edge.folder);
  } finally {
    await edge.stop();
  }
});

class Soak {
  constructor(edge, random, healthy) {
    Object.assign(this, { edge, random, healthy, failures: [], kinds: {}, ended: 0, healthz: 0, longestGap: 0, hostile: 0 });
  }

  /** Makes `calls` calls, some at once, and asks for `/healthz` all the time. With `every`, also the faults that are looked for long. */
  async run(calls, every) {
    const good = goodCalls(this.healthy, every ? [] : LOOKED_FOR_LONG);
    let left = calls;
    const work = async () => {
      while (left > 0) await this.one(good, calls - left--);
    };
    const all = Promise.all(Array.from({ length: AT_ONCE }, work));
    let isOver = false;
    all.finally(() => (isOver = true)).catch(() => {});
    const watch = async (at) => {
      while (!isOver) {
        const before = this.ended;
        const answer = await send(this.isolate(at), '/healthz', { key: null });
        if (answer.status !== 200) this.failures.push(`/healthz: ${answer.text}`);
        this.healthz += 1;
        this.longestGap = Math.max(this.longestGap, this.ended - before);
        await sleep(50);
      }
    };
    await Promise.all([all, watch(0), watch(1)]);
  }

  isolate = (at) => ({ origin: this.edge.origins[at % 2] });

  async one(good, at) {
    const [kind, call] = this.choose(good, at);
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    try {
      const run = call.run(this.isolate(Math.floor(this.random() * 2)), this.random);
      await Promise.race([run, sleep(HANGS, null, { ref: false }).then(() => assert.fail('the call hangs'))]);
    } catch (error) {
      this.failures.push(`${kind}, ${call.name}: ${error.message}`.slice(0, 2_000));
    }
    this.ended += 1;
  }

  /** Every kind of call comes in turn, so that none is missing. */
  choose(good, at) {
    // A hostile input takes as much work as a hundred ordinary calls.
    if (at % 37 === 36) return ['hostile', HOSTILE[this.hostile++ % HOSTILE.length]];
    const place = at % 20;
    if (place < SHARES.leavers) return ['leavers', LEAVERS[Math.floor(at / 4) % LEAVERS.length]];
    if (place < SHARES.leavers + SHARES.wrong) return ['wrong', WRONG[Math.floor(at / 7) % WRONG.length]];
    return ['good', good[at % good.length]];
  }
}

/** Waits until `is` returns nothing, which says what is still there. */
async function wait(is, ms) {
  const until = Date.now() + ms;
  for (;;) {
    const rest = await is();
    if (!rest) return;
    assert.ok(Date.now() < until, rest);
    await sleep(200);
  }
}

/** Waits until the accounts hold nothing. */
async function settle(edge) {
  for (const key of [GOOD_KEY, BAD_KEY]) {
    await wait(async () => {
      const { usd, concurrent } = JSON.parse((await send(edge, '/v1/usage', { key })).text);
      return usd.day.held === 0 && concurrent.held === 0 ? null : `${key} holds ${usd.day.held} for ${concurrent.held}`;
    }, PATIENCE);
  }
}

/** Waits until no request and no connection to the upstream is open. */
async function closeUpstream() {
  await wait(async () => {
    const open = await (await fetch(`${emulator.origin}/emulator/open`)).json();
    return open.connections === 0 && open.requests === 0 ? null : `open at the upstream: ${JSON.stringify(open)}`;
  }, 120_000);
}

/**
 * Once nothing is held and nothing is open, and after a garbage collection in the isolates of the edge and of its database: the bytes of
 * WebAssembly in each isolate of the edge and those of the process, and the open sockets.
 */
async function measureAtRest(edge) {
  await settle(edge);
  await closeUpstream();
  await collectGarbage(edge.port);
  const wasm = [];
  for (const origin of edge.origins) wasm.push(await readMemory({ origin }));
  const sockets = await countSockets(edge.pid);
  return { wasm, resident: await resident(edge.pid), sockets };
}

async function countSockets(pid) {
  const names = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith('socket:')).length;
}

/**
 * WebAssembly's memory never shrinks, so its size is that of the moment with the most calls at once: 8 MiB are 128 of its pages. Counted
 * in the allocator, an isolate had given away about 110 kB before and after 3,000 answered calls, 1,000 clients that left and 600 hostile
 * inputs. 16,000 calls took the resident memory from 258 to 280 MiB, the second half of them 8 of these. Why is not known in full: SQLite
 * has more rows then, and a heap has gaps. A leak of 3 KiB for each call would be more than the bound.
 */
function checkMemory(base, end) {
  end.wasm.forEach((bytes, at) => assert.ok(bytes <= base.wasm[at] + 8 * MIB, `WebAssembly grew from ${base.wasm[at]} to ${bytes}`));
  assert.ok(end.resident <= base.resident + 48 * MIB, `the process grew from ${base.resident} to ${end.resident}`);
  assert.ok(end.sockets <= base.sockets, `${base.sockets} sockets were open, and now ${end.sockets}`);
}

/** The sum of the ledger is what the accounts have used, and each row of a generation has the cost on the upstream's bill. */
async function checkLedger(edge, t) {
  let used = 0;
  for (const key of [GOOD_KEY, BAD_KEY]) used += JSON.parse((await send(edge, '/v1/usage', { key })).text).usd.day.used;
  let rows;
  await wait(async () => {
    rows = await edge.database.all('SELECT generation, cost, settled FROM attempts');
    const cost = rows.reduce((all, row) => all + row.cost, 0);
    return Math.abs(cost - used * 1e12) < 1_000 ? null : `the accounts have used ${used}, and the ledger has ${cost}`;
  }, 60_000);
  const bill = new Map(await charged(emulator));
  const wrong = rows.filter(({ generation, cost, settled }) => settled !== 'unsettled' && (bill.get(generation) ?? 0) !== cost);
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} rows do not have the cost of the bill`);
  // Requests whose head never came have no generation: they count at the most that they can have cost.
  const named = new Set(rows.map(({ generation }) => generation));
  const unnamed = sum([...bill].filter(([id]) => !named.has(id)));
  const unsettled = rows.filter(({ settled }) => settled === 'unsettled');
  const booked = unsettled.reduce((all, { cost }) => all + cost, 0);
  assert.ok(booked >= unnamed, `${unnamed} were charged without a name, and ${booked} are booked`);
  t.diagnostic(`${rows.length} rows, ${unsettled.length} of them unsettled; ${bill.size} generations; ${used} USD`);
}

/** No object of an account, of a route or of the edge holds anything, as the files of the objects say. */
async function checkStorage(folder) {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.sqlite'));
  let objects = 0;
  for (const file of files) {
    const database = new DatabaseSync(join(folder, file), { readOnly: false });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all().map(({ name }) => name);
    if (tables.includes('holds')) {
      objects += 1;
      assert.deepEqual(database.prepare('SELECT name, data FROM holds').all(), [], file);
    }
    database.close();
  }
  // Two accounts, the routes and the edge.
  assert.ok(objects >= 4, `${objects} objects were found in ${files}`);
}
