// Rows of the ledger for tests of the dashboard: a day of calls as an app makes them, written by the ledger's own statement.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { WORKER } from './edge.mjs';

/** Names that must appear as text wherever the dashboard shows them. */
export const HOSTILE = { feature: '<img src=x onerror="document.title=1">', model: "'; DROP TABLE attempts; --<script>", client: '=HYPERLINK("https://evil.example")' };

const FEATURES = [[null, 2], ['search', 5], ['support chat', 8], ['summary', 3], [HOSTILE.feature, 1]];
const ROUTES = [[null, 3], ['chat', 8], ['cheap', 4]];
const MODELS = [['openai/gpt-4o', 6], ['openai/gpt-4o-mini', 8], ['anthropic/claude-haiku-4.5', 4], [HOSTILE.model, 1]];
const CAUSES = [['rateLimited', 5], ['unavailable', 3], ['timeout', 2], ['refusal', 1]];
const UPSTREAMS = [['openrouter.ai', 6], ['api.openai.com', 1]];
/** USD for a million tokens, of prompts and of answers. */
const PRICES = [[2.5, 10], [0.15, 0.6], [1, 5], [3, 15]];
const HOUR = 3_600_000;

const weighted = (random, list) => {
  let left = random() * list.reduce((sum, [, weight]) => sum + weight, 0);
  return list.find(([, weight]) => (left -= weight) < 0)[0];
};
/** A time around `middle` milliseconds, sometimes much longer, as latencies are. */
const latency = (random, middle) => Math.round(middle * Math.exp(0.55 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())));
const hex = (random, digits) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');

/** Rows of `calls` calls between `from` and `to`, more of them by day than by night. */
export function dayOfCalls(random, { calls, from, to }) {
  const rows = [];
  for (let made = 0; made < calls; ) {
    const at = Math.floor(from + random() * (to - from));
    if (random() > 0.25 + 0.75 * Math.max(0, Math.sin((((at / HOUR) % 24) - 6) / 24 * 2 * Math.PI))) continue;
    rows.push(...call(random, at));
    made += 1;
  }
  return rows;
}

function call(random, at) {
  const id = `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-8${hex(random, 3)}-${hex(random, 12)}`;
  const client = weighted(random, [['web', 5], ['user', 4], ['visitor', 2], [HOSTILE.client, 1]]);
  const account = { user: `user:${Math.floor(random() ** 2 * 60)}`, visitor: `visitor:${Math.floor(random() * 30)}` }[client] ?? `key:${client}`;
  const common = { call: `req-${id.slice(0, 8)}`, revision: 0, account, client, route: weighted(random, ROUTES), feature: weighted(random, FEATURES), invented: false };
  const streams = random() < 0.7;
  const models = [weighted(random, MODELS), weighted(random, MODELS)];
  const fails = random() < 0.12;
  const attempts = fails ? [false, random() < 0.85] : [true];
  let started = 0;
  const rows = attempts.map((answered, number) => {
    const row = attempt(random, { ...common, id: `${id}/${number}`, at: at + started, asked: models.slice(number) }, answered);
    started += row.duration + 20;
    return row;
  });
  const last = rows.at(-1);
  const aborted = last.outcome === 'answered' && random() < 0.02;
  if (aborted) last.outcome = 'aborted';
  rows[0].ended = aborted ? 'aborted' : last.outcome !== 'answered' ? last.outcome : rows.length > 1 ? 'fallback' : 'answered';
  rows[0].call_duration = last.at - at + last.duration;
  if (streams && ['answered', 'fallback'].includes(rows[0].ended)) rows[0].call_first_token = last.at - at + last.first_token;
  return rows;
}

function attempt(random, common, answered) {
  const model = common.asked[0];
  const [ofPrompt, ofAnswer] = PRICES[MODELS.findIndex(([name]) => name === model)];
  const [prompt, answer] = [latency(random, 900), answered ? latency(random, 240) : 0];
  const unsettled = answered && random() < 0.004;
  const first = latency(random, 620);
  return {
    ...common,
    model: answered ? model : null,
    provider: answered ? 'Provider' : null,
    role: 'answer',
    outcome: answered ? 'answered' : weighted(random, CAUSES),
    prompt_tokens: answered ? prompt : null,
    completion_tokens: answered ? answer : null,
    // In 10^-12 USD: dollars for a million tokens are millions for one.
    cost: answered ? Math.round(prompt * ofPrompt * 1e6 + answer * ofAnswer * 1e6) : 0,
    settled: unsettled ? 'unsettled' : 'told',
    generation: answered ? `gen-${hex(random, 12)}` : null,
    first_token: answered ? first : null,
    duration: answered ? first + latency(random, 2_600) : latency(random, 400),
    ended: null,
    upstream: weighted(random, UPSTREAMS),
    call_first_token: null,
    call_duration: null,
  };
}

/** Writes `rows` with the statement of the ledger's outbox, 100 at a time as it does. */
export async function writeRows(edge, rows) {
  const statement = (await readFile(join(WORKER, 'src/ledger/write.sql'), 'utf8')).trim();
  for (let at = 0; at < rows.length; at += 100) await edge.database.all(statement, JSON.stringify(rows.slice(at, at + 100)));
}

/** Writes `rows` into the SQLite file of an edge that does not run. */
export async function writeToFile(file, rows) {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(file);
  await writeRows({ database: { all: (statement, ...values) => database.prepare(statement).run(...values) } }, rows);
  database.close();
}
