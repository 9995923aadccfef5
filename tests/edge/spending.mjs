// What an account has used, and what the emulator has charged, in units of 10^-12 USD.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { chat, send } from './harness.mjs';
import { withEdge } from './use-edge.mjs';

const PICO = 1_000_000_000_000;
export const pico = (usd) => Math.round(usd * PICO);

/** The use of the account of `key`. */
export async function usage(edge, key) {
  const answer = await send(edge, '/v1/usage', { key });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

/** The use of USD today of the account of `key`, read when no hold is left. */
export async function settled(edge, { ms = 20_000, key } = {}) {
  const until = Date.now() + ms;
  for (;;) {
    const { usd, concurrent } = await usage(edge, key);
    if (usd.day.held === 0 && concurrent.held === 0) return usd.day;
    assert.ok(Date.now() < until, `still held: ${JSON.stringify(usd)}`);
    await sleep(50);
  }
}

/** The generations on the bill of `emulator`, each with its cost. */
export async function charged(emulator) {
  const generations = await emulator.generations();
  return generations.map(({ id, total_cost: cost }) => [id, pico(cost)]);
}

export const sum = (rows) => rows.reduce((all, [, cost]) => all + cost, 0);

/**
 * The amount that an edge with the configuration `failsoft(budget)` holds for a call like `body`. An account with a budget of 0
 * is refused with this amount.
 */
export const holdOf = (failsoft, body, measure = 'usd') =>
  withEdge({ failsoft: failsoft({ [measure]: { day: 0 } }) }, async (edge) => {
    const refused = await chat(edge, body);
    assert.equal(refused.status, measure === 'usd' ? 402 : 429, refused.text);
    return refused.json.failsoft.budget.asked;
  });

/**
 * What the account has used today in USD, and the rows of the ledger: read when nothing is held, both have the same sum, and
 * `isWhole` holds for the rows. Rows that cost nothing may come last, and the call of a client that has left may begin late.
 */
export async function finalUsage(edge, isWhole = () => true, ms = 60_000) {
  const until = Date.now() + ms;
  for (;;) {
    const { used } = await settled(edge, { ms });
    const rows = await edge.database.all('SELECT asked, cost, settled, generation, outcome FROM attempts');
    const cost = rows.reduce((all, row) => all + row.cost, 0);
    if (cost === pico(used) && isWhole(rows)) return { used, rows };
    assert.ok(Date.now() < until, `the account has used ${pico(used)}, the ${rows.length} rows of the ledger cost ${cost}: ${JSON.stringify(rows)}`);
    await sleep(100);
  }
}
