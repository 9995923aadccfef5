// The dashboard's ranges of time and its files, without a browser: days are those of the time zone, also where the clock changes.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { toCsv } from '../../www/dashboard/csv.js';
import { change, percent, time, usd } from '../../www/dashboard/format.js';
import { RANGES, before, rangeAt } from '../../www/dashboard/range.js';
import { address, current, keep } from '../../www/dashboard/state.js';

const HOUR = 3_600_000;
const { TZ } = process.env;
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/Los_Angeles', 'Europe/Berlin', 'Australia/Lord_Howe', 'Pacific/Apia'];
/** An ordinary day, and the days on which the clocks of Europe and America change. */
const TIMES = ['2026-06-10T10:07:31Z', '2026-03-29T12:00:00Z', '2026-10-25T12:00:00Z', '2026-03-08T20:00:00Z', '2026-11-01T20:00:00Z', '2026-11-02T01:00:00Z'];

for (const zone of ZONES) {
  test(`ranges in ${zone} begin at midnight, end now, and have no gap`, () => {
    process.env.TZ = zone;
    for (const now of TIMES.map(Date.parse)) {
      for (const [name, { days }] of Object.entries(RANGES)) {
        const { from, to, starts } = rangeAt(name, undefined, now);
        const what = `${name} ${new Date(now).toISOString()}`;
        assert.ok(to > now && to - now <= HOUR / 4, what);
        assert.equal(starts[0], from, what);
        for (const [at, start] of starts.entries()) {
          assert.equal(start % (HOUR / 4), 0, what);
          assert.ok(start < (starts[at + 1] ?? to), what);
        }
        if (!days) continue;
        const [first, last] = [new Date(from), new Date(now)];
        assert.deepEqual([first.getHours(), first.getMinutes()], [0, 0], what);
        assert.equal(new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1 - days).getTime(), from, what);
        // Each day of the range begins with a part of its own.
        for (let day = 0; day < days; day += 1) assert.ok(starts.includes(new Date(first.getFullYear(), first.getMonth(), first.getDate() + day).getTime()), what);
        if (days > 7) assert.equal(starts.length, days, what);
      }
    }
  });
}

test('a day of 23 hours and one of 25 hours are days', () => {
  process.env.TZ = 'Europe/Berlin';
  const hours = (day) => {
    const { from, starts } = rangeAt('30d', undefined, Date.parse(`${day}T20:00:00Z`));
    return (starts.at(-1) - starts.at(-2)) / HOUR + (from - from);
  };
  assert.deepEqual([hours('2026-03-30'), hours('2026-10-26'), hours('2026-06-10')], [23, 25, 24]);
});

test('days of UTC are the same in every zone, and a range is compared with whole weeks before', () => {
  process.env.TZ = 'America/Los_Angeles';
  const now = Date.parse('2026-11-02T01:00:00Z');
  const range = rangeAt('7d', 'utc', now);
  assert.equal(range.from, Date.parse('2026-10-27T00:00:00Z'));
  assert.deepEqual(before(range, '7d'), { from: range.from - 7 * 24 * HOUR, to: range.to - 7 * 24 * HOUR });
  for (const name of Object.keys(RANGES)) assert.equal((rangeAt(name, 'utc', now).from - before(rangeAt(name, 'utc', now), name).from) % (7 * 24 * HOUR), 0);
});

test('the address keeps the filters from page to page, and a filter may be empty', () => {
  const shown = address('calls', { ...keep({ feature: 'a&b #1', route: '', before: '7~x' }), ended: 'failed' });
  assert.deepEqual(current(shown), { name: 'calls', filters: { feature: 'a&b #1', route: '', ended: 'failed' } });
  assert.deepEqual(current(''), { name: 'overview', filters: {} });
});

test('no small figure is shown as nothing, and nothing of nothing is no figure', () => {
  assert.deepEqual([0, 0.00000012, 0.0034, 0.5, 12.345, 1234.5].map(usd), ['$0', '$0.00000012', '$0.0034', '$0.50', '$12.35', '$1,235']);
  assert.deepEqual([percent(0, 0), percent(1, 3), percent(1, 200)], ['–', '33 %', '0.5 %']);
  assert.deepEqual([null, 12, 1_234, 65_000].map(time), ['–', '12 ms', '1.23 s', '1 min 5 s']);
  assert.deepEqual([change(110, 100), change(50, 100), change(1, 0)], ['+10 %', '-50 %', null]);
});

test('a file of figures holds no formula, and negative numbers stay numbers', () => {
  const cells = ['=1+1', '+1', '-1', '@a', '\t=1', 'a "b", c', -5, 'plain', null];
  const expected = `"'=1+1","'+1","'-1","'@a","'\t=1","a ""b"", c",-5,"plain",""`;
  assert.equal(toCsv(['x'], [cells]), `"x"\r\n${expected}\r\n`);
});
