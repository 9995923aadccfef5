// Calls, the newest first. Each shows its attempts on one axis of time.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { attempts } from '../attempts.js';
import { count, ending, moment, time, usd } from '../format.js';
import { figures } from '../range-controls.js';
import { address, go, queryOf } from '../state.js';
import { nothing } from '../table.js';

export const title = 'Calls';
export const ranged = true;

/** The filters of this page alone, with their titles. */
const FIELDS = { feature: 'Feature', route: 'Route', client: 'Key', model: 'Model', account: 'Account', id: 'Id of a call or a generation' };
const ENDINGS = { '': 'Any', answered: 'Answered by the first model', fallback: 'Answered by a fallback', cached: 'Answered from the cache', failed: 'Failed', aborted: 'Aborted by the caller' };

export function controls({ filters }) {
  const input = ([name, label]) => element('label', {}, label, element('input', { name, value: filters[name] ?? '', autocomplete: 'off', spellcheck: 'false' }));
  const known = Object.entries(ENDINGS);
  // A link may name one kind of failure.
  if (filters.ended && !Object.hasOwn(ENDINGS, filters.ended)) known.push([filters.ended, ending(filters.ended)]);
  const options = known.map(([value, label]) => element('option', { value, selected: value === (filters.ended ?? '') }, label));
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim() || undefined]));
    go('calls', { ...filters, before: undefined, ...given });
  };
  return element('form', { class: 'filters card', submit, 'aria-label': 'Filters' },
    element('label', {}, 'How it ended', element('select', { name: 'ended' }, options)),
    Object.entries(FIELDS).map(input), element('button', { class: 'primary' }, 'Show'));
}

export const load = (context) => get('/admin/calls', { ...figures(context), account: context.filters.account, ended: context.filters.ended, id: context.filters.id, before: context.filters.before });

export function view({ data, next }, context) {
  const { filters } = context;
  if (data.length === 0) return nothing('No such call', 'Choose a longer range or other filters. A call is here some seconds after its end.');
  const file = `/admin/calls.csv?${queryOf({ ...figures(context), account: filters.account, ended: filters.ended, id: filters.id })}`;
  const pages = [
    filters.before && element('a', { href: address('calls', { ...filters, before: undefined }) }, 'Newest calls'),
    next && element('a', { href: address('calls', { ...filters, before: next }) }, 'Older calls'),
    element('a', { href: file, download: '' }, 'Download the attempts as CSV (10,000 at most)'),
  ];
  return element('div', {}, element('ol', { class: 'calls' }, data.map((call) => row(call, filters.zone))), element('p', { class: 'after' }, pages));
}

function row(call, zone) {
  const cost = call.attempts.reduce((sum, attempt) => sum + attempt.usd, 0);
  const unsettled = call.attempts.some(({ settled }) => settled === 'unsettled');
  const tried = new Set(call.attempts.map(({ model, asked }) => model ?? asked[0]));
  const state = { answered: 'well', cached: 'well', fallback: 'broken', aborted: 'soft' }[call.ended] ?? 'trouble';
  const summary = element('summary', {},
    element('span', { class: 'when' }, moment(call.at, zone, { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })),
    element('span', { class: `state ${state}` }, ending(call.ended)),
    element('span', { class: 'id' }, [...tried].join(' → ')),
    element('span', { class: 'what' }, [call.route && `route ${call.route}`, call.feature].filter(Boolean).join(' · ')),
    element('span', { class: 'number' }, time(call.duration)),
    element('span', { class: 'number' }, `${unsettled ? '≤ ' : ''}${usd(cost)}`));
  const facts = [['Call', call.call], ['Account', call.account], ['Key', call.client], ['Route', call.route], ['Feature', call.feature], ['First token for the reader', call.firstToken == null ? null : time(call.firstToken)], ['Tokens', tokens(call)]];
  const list = element('dl', { class: 'facts' }, facts.filter(([, value]) => value).map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', { class: 'id' }, value))));
  return element('li', {}, element('details', { 'data-part': call.id, class: 'card call' }, summary, attempts(call), list));
}

function tokens({ attempts: all }) {
  const sum = (name) => all.reduce((total, attempt) => total + (attempt[name] ?? 0), 0);
  return `${count(sum('promptTokens'))} of prompts, ${count(sum('completionTokens'))} of answers`;
}
