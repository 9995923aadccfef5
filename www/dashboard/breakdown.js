// A page that breaks the figures down by one column: a row for each feature, model, route, …, and a row with the sum.

import { element } from '../dom.js';
import { get } from './api.js';
import { count, percent, time, usd } from './format.js';
import { figures } from './range-controls.js';
import { address, keep } from './state.js';
import { bar, nothing, table } from './table.js';

const ADDED = ['calls', 'fallbacks', 'failed', 'aborted', 'cached', 'attempts', 'failedAttempts', 'promptTokens', 'completionTokens', 'usd', 'unsettled', 'unsettledUsd'];

/** The row with the sum of `rows`. Percentiles cannot be added. */
export const sumOf = (rows) => ({ name: null, ...Object.fromEntries(ADDED.map((name) => [name, rows.reduce((sum, row) => sum + (row[name] ?? 0), 0)])) });

const spend = (rows) => ({ title: 'Spend', cell: (row) => (row.name === null ? usd(row.usd) : bar(usd(row.usd), row.usd, rows[0].usd)), plain: (row) => row.usd, number: true });
const unknown = { title: 'Unknown cost', cell: (row) => (row.unsettled ? `≤ ${usd(row.unsettledUsd)}` : '–'), plain: (row) => row.unsettledUsd, number: true };
const amount = (title, name) => ({ title, cell: (row) => count(row[name]), plain: (row) => row[name], number: true });
const tokens = [amount('Prompt tokens', 'promptTokens'), amount('Answer tokens', 'completionTokens')];
const latency = (title, name, of) => ({ title, cell: (row) => time(row[name]?.[of]), plain: (row) => row[name]?.[of] ?? '', number: true });

/** The columns of calls: what their callers saw. */
export const callColumns = (rows) => [
  spend(rows), unknown, amount('Calls', 'calls'),
  { title: 'Fallbacks', cell: (row) => percent(row.fallbacks, row.calls - row.failed - row.aborted - row.cached), plain: (row) => row.fallbacks, number: true },
  { title: 'Errors', cell: (row) => percent(row.failed, row.calls), plain: (row) => row.failed, number: true },
];
const callTimes = [
  latency('First token p50', 'firstToken', 'p50'), latency('First token p95', 'firstToken', 'p95'),
  latency('Whole call p50', 'duration', 'p50'), latency('Whole call p95', 'duration', 'p95'),
];
/** The columns of attempts: what upstreams did. */
const attemptColumns = (rows) => [
  spend(rows), unknown, amount('Attempts', 'attempts'),
  { title: 'Failed attempts', cell: (row) => percent(row.failedAttempts, row.attempts), plain: (row) => row.failedAttempts, number: true },
];
const attemptTimes = [
  latency('First token p50', 'attemptFirstToken', 'p50'), latency('First token p95', 'attemptFirstToken', 'p95'),
  latency('Whole attempt p50', 'attemptDuration', 'p50'), latency('Whole attempt p95', 'attemptDuration', 'p95'),
];

/** The page of the column `by`. `ofAttempts`: its rows are attempts, not calls. `filter`: the filter that a row links to. */
export function breakdown({ title, by, named, ofAttempts = false, filter = by, hints }) {
  return {
    title,
    ranged: true,
    load: (context) => get('/admin/usage', { ...figures(context), by }),
    view({ data: rows }, { filters }) {
      if (rows.length === 0) return nothing(`No ${title.toLowerCase()} in this time`, ...hints);
      const name = (row) => {
        if (row.name === null) return 'All';
        return filter ? element('a', { href: address('overview', keep(filters, { [filter]: row.name })) }, row.name || 'none') : row.name || 'not known';
      };
      const times = by === 'upstream' ? [] : ofAttempts ? attemptTimes : callTimes;
      const columns = [{ title: named, cell: name }, ...(ofAttempts ? attemptColumns : callColumns)(rows), ...times, ...tokens];
      const shown = table(title, columns, rows, { footer: sumOf(rows), file: `failsoft-${by}s.csv`, part: (row) => row.name });
      return element('div', {}, hints.map((hint) => element('p', { class: 'hint' }, hint)), element('section', { class: 'card' }, shown));
    },
  };
}
