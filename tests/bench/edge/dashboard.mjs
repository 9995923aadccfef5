// How long the first view of the dashboard takes with a ledger of a million attempts, and how long the steps take that make their
// sums. The edge runs in workerd with D1. What the view asks for is requested at once, as the page does.

import { clientKey, startEdge } from '../../support/edge.mjs';
import { migrate, removeSums } from '../../support/sums.mjs';
import { shorten } from '../short.mjs';
import { median } from '../statistics.mjs';

const ATTEMPTS = shorten(1_000_000, 10_000);
const STEPS = 20;
const ROUNDS = shorten(7, 1);
const DAY = 86_400_000;
const OWNER = 'owner-0123456789-0123456789-0123456789';

/** A part of the attempts of 90 days: 6 models, 12 features, 5 routes, 15 keys, 2,000 users. */
const INSERT = `
WITH RECURSIVE number (i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM number WHERE i + 1 < ?2),
random AS (SELECT i, i * 2654435761 % 4294967296 AS a, i * 40503 % 65536 AS b FROM number)
INSERT INTO attempts (id, call, revision, at, account, client, route, feature, asked, model, provider, role, outcome, prompt_tokens,
  completion_tokens, cost, settled, generation, first_token, duration, ended)
SELECT printf('%08x/0', i), 'c' || i, 0, ?3 - i * ?4, 'user:' || (a % 2000), 'key-' || (b % 15), 'route-' || (a / 16 % 5), 'feature-' || (a % 12),
  json_array('model-' || (a / 128 % 6)), 'model-' || (a / 128 % 6), 'p', 'answer', iif(a / 1024 % 25, 'answered', 'cut'), a % 4000, b % 900, a % 10000000000,
  'told', 'gen-' || i, 200 + b % 3000, 1000 + a % 20000, iif(a / 1024 % 25, 'answered', 'fallback')
FROM random`;

/** Measures with `ATTEMPTS` attempts. */
export async function dashboard() {
  const edge = await startEdge({ failsoft: { keys: [clientKey()], models: ['*'] }, secrets: { ADMIN_TOKEN: OWNER } });
  try {
    const now = Date.now();
    await removeSums(edge.database);
    for (let step = 0; step < STEPS; step++) await edge.database.all(INSERT, (step * ATTEMPTS) / STEPS, ((step + 1) * ATTEMPTS) / STEPS, now, Math.floor((90 * DAY) / ATTEMPTS));
    const migration = await time(() => migrate(edge.database));
    // The longest step: the database stops a statement that takes too long.
    const steps = [];
    while ((await edge.database.all('SELECT 1 FROM backfill')).length > 0) steps.push(await time(() => edge.database.all('UPDATE backfill SET done = min(done + step, last)')));
    await edge.cron();
    const closing = [];
    while ((await openDays(edge)) > 0) closing.push(await time(() => edge.cron()));
    const rows = [];
    for (const days of [1, 7, 30]) {
      const times = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await time(() => firstView(edge, now, days)));
      rows.push([`first view, ${days} ${days === 1 ? 'day' : 'days'}`, Math.round(median(times))]);
    }
    rows.push(['migration, all statements', Math.round(migration)]);
    rows.push([`longest of ${steps.length} steps that add the rows to the sums`, Math.round(Math.max(...steps))]);
    rows.push([`all of them`, Math.round(steps.reduce((sum, step) => sum + step, 0))]);
    rows.push(['longest run of the cron trigger that closes 20 days', Math.round(Math.max(...closing))]);
    return [{ title: 'The dashboard with a million attempts', head: ['what', 'ms'], rows }];
  } finally {
    await edge.stop();
  }
}

async function openDays(edge) {
  const [{ count }] = await edge.database.all('SELECT count(DISTINCT begins) AS count FROM quarters WHERE length = 96 AND begins + 96 <= ? AND begins NOT IN (SELECT day FROM closed_days)', Math.floor(Date.now() / 900_000));
  return count;
}

async function firstView(edge, now, days) {
  const range = (back) => `from=${now - (days + back) * DAY}&to=${now - back * DAY}`;
  const paths = [`overview?${range(0)}`, `overview?${range(7)}`, `usage?${range(0)}&by=feature&times=no`, `usage?${range(0)}&by=model&times=no`, 'pause'];
  await Promise.all(paths.map(async (path) => {
    const answer = await fetch(`${edge.origin}/admin/${path}`, { headers: { authorization: `Bearer ${OWNER}` } });
    const text = await answer.text();
    if (answer.status !== 200 || text.includes('"total":null')) throw new Error(text);
  }));
}

/** Milliseconds. */
async function time(act) {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
