// The dashboard's figures, computed from the rows of the ledger by plain JavaScript, which shares nothing with the edge.

const of = { route: (row) => row.route ?? '', feature: (row) => row.feature ?? '', client: (row) => row.client, model: (row) => row.model ?? row.asked[0], upstream: (row) => row.upstream, account: (row) => row.account };

/** The rows in a range of time and with these values of the filters. */
export const select = (rows, { from, to, ...filters }) => rows.filter((row) => row.at >= from && row.at < to && Object.entries(filters).every(([name, value]) => of[name](row) === value));

/** An amount of 10^-12 USD as the number that the API shows. */
const usd = (amount) => Number(`${amount / 1_000_000_000_000n}.${String(amount % 1_000_000_000_000n).padStart(12, '0')}`);

/** The figures of `rows`, without percentiles. */
export function countRows(rows) {
  const sum = (value) => rows.reduce((total, row) => total + value(row), 0);
  const amount = (value) => usd(rows.reduce((total, row) => total + BigInt(value(row)), 0n));
  const known = (row) => row.settled !== 'unsettled';
  const ended = (...names) => sum((row) => Number(names.includes(row.ended)));
  const calls = rows.filter((row) => row.ended !== null).length;
  return {
    calls, fallbacks: ended('fallback'), aborted: ended('aborted'), failed: calls - ended('answered', 'fallback', 'aborted'),
    attempts: rows.length, failedAttempts: rows.filter((row) => row.outcome !== 'answered').length,
    promptTokens: sum((row) => (known(row) ? row.prompt_tokens ?? 0 : 0)), completionTokens: sum((row) => (known(row) ? row.completion_tokens ?? 0 : 0)),
    usd: amount((row) => (known(row) ? row.cost : 0)), unsettled: sum((row) => Number(!known(row))), unsettledUsd: amount((row) => (known(row) ? 0 : row.cost)),
  };
}

/** The percentile of the nearest rank: the smallest value that at least so many percent of the values do not exceed. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((percent * sorted.length) / 100) - 1] ?? null;
}

/** The values of a measure that some rows have. */
export const values = (rows, measure) => rows.map((row) => row[measure]).filter((value) => value !== null);

/** The figures for each value of `by`, as a map. */
export function countBy(rows, by) {
  const groups = new Map();
  for (const row of rows) groups.set(of[by](row), [...(groups.get(of[by](row)) ?? []), row]);
  return new Map([...groups].map(([name, some]) => [name, countRows(some)]));
}

/** How many of `rows` have each value of `column`. */
export function tally(rows, column) {
  const counts = {};
  for (const row of rows) counts[row[column]] = (counts[row[column]] ?? 0) + 1;
  return counts;
}
