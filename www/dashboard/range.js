// Ranges of time. A range is two instants, and the instants at which the parts of its charts begin. Days are those of a time zone:
// of this browser, or UTC. Every boundary is a quarter of an hour, as the sums of the edge are.

const QUARTER = 900_000;
const HOUR = 4 * QUARTER;
const DAY = 24 * HOUR;

/** The ranges by their names. `days`: so many days up to now, by days of the zone; `back`: what they are compared with. */
export const RANGES = {
  today: { title: 'Today', days: 1, hours: 1, back: 7 },
  '24h': { title: '24 hours', back: 7 },
  '7d': { title: '7 days', days: 7, hours: 6, back: 7 },
  '30d': { title: '30 days', days: 30, back: 28 },
  '90d': { title: '90 days', days: 90, back: 91 },
};
export const DEFAULT = '7d';

/** Midnight of the day of `time` in the zone, `days` days later. */
function midnight(time, zone, days = 0) {
  const date = new Date(time);
  if (zone === 'utc') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + days);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** The range `name` at the time `now`: `from`, `to`, and `starts`, the beginnings of its parts. */
export function rangeAt(name, zone, now) {
  const { days, hours } = RANGES[name];
  const to = Math.ceil((now + 1) / QUARTER) * QUARTER;
  if (!days) {
    const from = to - DAY;
    return { from, to, starts: steps(from, to, HOUR) };
  }
  const midnights = Array.from({ length: days }, (_, at) => midnight(now, zone, at + 1 - days));
  const starts = midnights.flatMap((begin, at) => steps(begin, midnights[at + 1] ?? to, (hours ?? 25) * HOUR));
  return { from: midnights[0], to, starts };
}

/** The instants from `from` on, up to `to`. On a day of 23 or 25 hours, the last part is shorter. */
function steps(from, to, step) {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step);
}

/** The same range before, by whole weeks: the same days of the week up to the same minute. */
export function before({ from, to }, name) {
  const back = RANGES[name].back * DAY;
  return { from: from - back, to: to - back };
}

/** What a range is compared with, in words. */
export function beforeWords(name) {
  const { back } = RANGES[name];
  return back === 7 ? 'the week before' : `${back / 7} weeks before`;
}
