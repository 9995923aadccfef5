// The overview: what all calls cost, how they ended, how long they took, and how that compares with the week before.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { chart } from '../chart.js';
import { change, count, ending, percent, time, usd } from '../format.js';
import { figures } from '../range-controls.js';
import { before, beforeWords } from '../range.js';
import { address, keep } from '../state.js';
import { bar, nothing, table } from '../table.js';

export const title = 'Overview';
export const ranged = true;

/** With fewer calls before, a change says nothing. */
const ENOUGH = 20;

export async function load(context) {
  const { range } = context;
  const earlier = before(range, range.name);
  const [now, then, features, models, pause] = await Promise.all([
    get('/admin/overview', { ...figures(context), at: range.starts.join() }),
    get('/admin/overview', figures(context, earlier)),
    get('/admin/usage', { ...figures(context), by: 'feature', times: 'no' }),
    get('/admin/usage', { ...figures(context), by: 'model', times: 'no' }),
    get('/admin/pause'),
  ]);
  return { now, then, features: features.data, models: models.data, paused: pause.paused, missing: now.missing };
}

export function view({ now, then, features, models, paused }, context) {
  const { total, parts } = now;
  const notice = paused && element('p', { class: 'notice', role: 'status' }, 'The edge is paused: no new call starts.');
  if (!total) {
    const start = element('a', { href: address('start', {}) }, 'First steps');
    return element('div', {}, notice, nothing('No call in this time', 'Choose a longer range or remove a filter. If nothing calls this edge yet, the first steps show how:', start));
  }
  return element(
    'div', {}, notice, cards(total, then.total, context), charts(parts.series, context),
    element('div', { class: 'halves' },
      causes('Why fallbacks answered', 'Every call was answered by its first model.', parts.fallbackCauses, total.calls, context, 'fallback'),
      causes('How calls failed', 'No call failed or was aborted.', parts.failures, total.calls, context)),
    element('div', { class: 'halves' }, top('Features', 'feature', features, context), top('Models', 'model', models, context)),
  );
}

function cards(total, then, { range }) {
  const answered = total.calls - total.failed - total.aborted - total.cached;
  const card = (name, figure, hint, now, earlier) => {
    const enough = then && then.calls >= ENOUGH && earlier != null;
    const difference = enough ? change(now, earlier) : null;
    return element('div', { class: 'card figure' }, element('h2', {}, name), element('p', { class: 'value', 'data-figure': name }, figure),
      element('p', { class: 'hint' }, hint),
      element('p', { class: 'hint' }, difference ? `${difference} to ${beforeWords(range.name)}` : `not enough calls ${beforeWords(range.name)}`));
  };
  const rate = (row, part, none = 0) => row && row.calls > none && part(row) / (row.calls - none);
  const unsettled = total.unsettled ? `and up to ${usd(total.unsettledUsd)} more for ${count(total.unsettled)} attempts of unknown cost` : 'the cost of every attempt is known';
  return element('div', { class: 'cards' },
    card('Spend', usd(total.usd), unsettled, total.usd, then?.usd),
    card('Calls', count(total.calls), `${count(total.attempts)} requests to upstreams${total.cached ? `, ${count(total.cached)} answers from the cache` : ''}`, total.calls, then?.calls),
    card('Fallback rate', percent(total.fallbacks, answered), `${count(total.fallbacks)} of ${count(answered)} calls that models answered`, rate(total, (row) => row.fallbacks, total.cached), rate(then, (row) => row.fallbacks, then?.cached)),
    card('Errors', percent(total.failed, total.calls), `${count(total.failed)} calls failed, ${count(total.aborted)} were aborted by the caller`, rate(total, (row) => row.failed), rate(then, (row) => row.failed)),
    card('First token', time(total.firstToken.p50), `p95 ${time(total.firstToken.p95)}, of ${count(total.firstToken.count)} streams`, total.firstToken.p50, then?.firstToken.p50),
    card('Whole call', time(total.duration.p50), `p95 ${time(total.duration.p95)}, of ${count(total.duration.count)} calls`, total.duration.p50, then?.duration.p50));
}

function charts(series, { range }) {
  const options = { zone: range.zone, days: !['today', '24h', '7d'].includes(range.name) };
  return element('div', { class: 'halves' },
    chart('Spend', series, [
      { title: 'With unknown costs at most', value: (part) => part.usd + part.unsettledUsd, format: usd, colour: '--broken' },
      { title: 'Known cost', value: (part) => part.usd, format: usd, colour: '--well' },
    ], options),
    chart('Calls', series, [
      { title: 'All calls', value: (part) => part.calls, format: count, colour: '--well' },
      { title: 'Fallback or failed', value: (part) => part.fallbacks + part.failed, format: count, colour: '--broken' },
      { title: 'Failed', value: (part) => part.failed, format: count, colour: '--trouble' },
    ], options));
}

function causes(heading, none, rows, calls, { filters }, ended) {
  const columns = [
    { title: 'Cause', cell: ({ name }) => element('a', { href: address('calls', keep(filters, { ended: ended ?? name })) }, ending(name)) },
    { title: 'Calls', cell: (row) => bar(count(row.calls), row.calls, rows[0].calls), plain: (row) => row.calls, number: true },
    { title: 'Of all calls', cell: (row) => percent(row.calls, calls), number: true },
  ];
  return element('section', { class: 'card' }, element('h2', {}, heading), rows.length === 0 ? element('p', { class: 'hint' }, none) : table(heading, columns, rows, { part: ({ name }) => `${heading} ${name}` }));
}

const SHOWN = 6;

function top(heading, by, rows, { filters }) {
  const sum = (name) => rows.slice(SHOWN).reduce((all, row) => all + row[name], 0);
  const shown = rows.slice(0, SHOWN);
  if (rows.length > SHOWN) shown.push({ name: null, usd: sum('usd'), calls: sum('calls'), attempts: sum('attempts') });
  const counted = by === 'model' ? 'attempts' : 'calls';
  const columns = [
    { title: heading.slice(0, -1), cell: ({ name }) => (name === null ? `${rows.length - SHOWN} others` : element('a', { href: address('overview', keep(filters, { [by]: name })) }, name || 'none')) },
    { title: 'Spend', cell: (row) => bar(usd(row.usd), row.usd, rows[0].usd), plain: (row) => row.usd, number: true },
    { title: by === 'model' ? 'Attempts' : 'Calls', cell: (row) => count(row[counted]), plain: (row) => row[counted], number: true },
  ];
  const all = element('a', { href: address(`${by}s`, keep(filters)) }, `All ${heading.toLowerCase()}`);
  return element('section', { class: 'card' }, element('h2', {}, heading), table(heading, columns, shown, { part: ({ name }) => `${by} ${name}` }), element('p', { class: 'after' }, all));
}
