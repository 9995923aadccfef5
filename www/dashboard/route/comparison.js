// How the calls of two versions went, side by side.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { count, moment, time, usd } from '../format.js';
import { table } from '../table.js';
import { card, pathOf, problem } from './request.js';
import { betweenVersions } from './versions.js';

const rate = (value) => `${(100 * value).toLocaleString('en', { maximumFractionDigits: 2 })} %`;
const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 3 });
const MEASURES = {
  fallbackRate: ['Fallback rate', rate], failureRate: ['Errors', rate], usdPerCall: ['Cost of a call', usd],
  milliseconds: ['Whole call', time], millisecondsToFirstToken: ['First token', time], score: ['Score of the judge', number],
};

export function comparison(context) {
  const { route, filters } = context;
  const path = `${pathOf(route.name)}/comparison`;
  const show = async (...versions) => report(await get([path, ...versions].join('/')), filters.zone);
  const now = element('div');
  if (route.split) show().then((shown) => now.replaceChildren(shown), (error) => now.replaceChildren(problem(error)));
  return card('Comparison', now, element('h3', {}, 'Any two versions, over all of their calls'), ...betweenVersions(context, 'Compare', show));
}

function report({ versions: [first, second], measures, enough, division, since }, zone) {
  const signed = (format, value) => (value < 0 ? `−${format(-value)}` : `+${format(value)}`);
  const columns = [
    { title: 'Measure', cell: ({ name }) => MEASURES[name]?.[0] ?? name },
    ...[first, second].map(({ version }, at) => ({ title: `Version ${version}`, number: true, cell: ({ name, values }) => (values[at] === null ? '–' : MEASURES[name][1](values[at])) })),
    { title: 'Difference', number: true, cell: ({ name, difference }) => (difference === undefined ? '–' : signed(MEASURES[name][1], difference)) },
    { title: 'Interval of 95 %', number: true, cell: ({ name, interval }) => interval?.map((bound) => signed(MEASURES[name][1], bound)).join(' to ') ?? '–' },
    { title: 'Significant', cell: ({ significant, p }) => (p === undefined ? '–' : significant ? element('span', { class: 'tag done' }, 'yes') : 'no') },
  ];
  const calls = ({ version, calls: all, failures, aborted }) => `Version ${version}: ${count(all)} calls, ${count(failures)} failed, ${count(aborted)} aborted.`;
  return element('div', { class: 'part' },
    element('p', {}, calls(first), ' ', calls(second), since > 0 && ` Since ${moment(since * 1_000, zone)}.`),
    !enough && element('p', { class: 'hint' }, 'Too few calls: nothing counts as significant before each version has 50.'),
    division?.wrong && element('p', { class: 'notice' }, `The calls are not divided as configured: ${rate(division.observed)} in place of ${rate(division.expected)}. Do not trust this comparison.`),
    table('Measures', columns, measures));
}
