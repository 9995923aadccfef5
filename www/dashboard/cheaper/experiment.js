// One experiment, which the edge runs: the page shows how far it is and what it has found, and stops or deletes it.

import { element } from '../../dom.js';
import { api, get } from '../api.js';
import { confirmButton } from '../confirm.js';
import { count, percent, usd } from '../format.js';
import { chooseUnit } from '../route/editor.js';
import { card, mayChange, pathOf, problem } from '../route/request.js';
import { address, go } from '../state.js';
import { stateOf } from './words.js';

/** How often the page asks how far the experiment is, in milliseconds. */
const POLL = 2_000;

const isOver = ({ state }) => state === 'done' || state === 'stopped';
const points = (value) => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(100 * value).toLocaleString('en', { maximumFractionDigits: 1 })} points`;

export function experiment({ shown: first, route }, { filters }) {
  const path = `${pathOf(first.route)}/experiments/${first.id}`;
  const region = element('div', { class: 'part' });
  const said = element('div', { 'aria-live': 'polite' });
  const refuse = (error) => said.replaceChildren(problem(error));
  let shown;
  const draw = (found) => {
    if (JSON.stringify(found) === JSON.stringify(shown)) return;
    shown = found;
    const isOpen = region.querySelector('details')?.open;
    region.replaceChildren(...report(shown, route, filters));
    region.querySelector('details')?.toggleAttribute('open', Boolean(isOpen));
    stop.hidden = isOver(shown) || !mayChange();
  };
  const stop = confirmButton('Stop', 'Stop the experiment now?', 'what it has found stays', () => api('POST', `${path}/stop`).then(draw, refuse));
  /** Shows how far the experiment is, until it is over or the page shows something else. */
  const follow = async () => {
    while (!isOver(shown)) {
      await new Promise((resolve) => setTimeout(resolve, POLL));
      if (!region.isConnected) return;
      const found = await get(path).catch(refuse);
      if (!found || isOver(shown)) continue;
      said.replaceChildren();
      draw(found);
    }
  };
  draw(first);
  follow();
  const remove = confirmButton('Delete', 'Delete the experiment now?', 'with what it has found', () => api('DELETE', path).then(() => go('cheaper', { ...filters, experiment: undefined }), refuse));
  return element('div', {},
    element('p', {}, element('a', { href: address('cheaper', { ...filters, experiment: undefined }) }, 'All experiments')),
    region, element('p', { class: 'actions' }, stop, mayChange() && remove), said);
}

function report(shown, route, filters) {
  const { progress, result, state, reason, usd: most, spentUsd, margin, version } = shown;
  const { quality, savings, judge } = result;
  const done = progress.judged + progress.failed + progress.silent + progress.gone;
  const fact = (name, ...value) => element('div', {}, element('dt', {}, name), element('dd', {}, ...value));
  const bounds = (interval, format) => (interval ? `${format(interval[0])} to ${format(interval[1])}` : '–');
  const money = (value) => (value < 0 ? `−${usd(-value)}` : usd(value));
  const meter = element('progress', { max: progress.samples, value: done, 'aria-label': 'Samples' });
  const facts = element('dl', { class: 'facts' },
    fact('Compared with', `version ${version} of the route ${shown.route}`),
    fact('Samples', `${count(done)} of ${count(progress.samples)}`, progress.gone > 0 && `, ${count(progress.gone)} deleted meanwhile`),
    fact('Spent', `${usd(spentUsd)} of ${usd(most)}`),
    fact('Judge', shown.judge.model, judge.sensitivity !== null && `: finds ${percent(judge.sensitivity, 1)} of ${count(judge.controls)} answers that are worse for certain`),
    fact('Quality', `${count(quality.wins)} better, ${count(quality.ties)} equal, ${count(quality.losses)} worse`),
    fact('Difference in quality', quality.difference === null ? '–' : `${points(quality.difference)} (${bounds(quality.interval, points)}); it must stay above ${points(quality.atLeast)}`, ` (margin: ${margin} points)`),
    fact('Savings of a call', savings.usdPerCall === undefined ? '–' : `${money(savings.usdPerCall)}, ${percent(savings.part, 1)} (${bounds(savings.interval, money)})`),
    result.paidBackAfterCalls !== null && fact('Paid back after', `${count(result.paidBackAfterCalls)} calls`));
  const verdict = isOver(shown) && element('p', { class: result.recommended ? 'secret' : 'notice', role: 'status' }, result.recommended
    ? 'Recommended: the variant saves, and keeps the quality within the margin.'
    : 'Not recommended: it is not shown that the variant saves and keeps the quality.');
  const waits = shown.problem && !isOver(shown) && element('p', { class: 'notice', role: 'status' }, `It waits, and tries again: ${shown.problem}`);
  const variant = shown.variant && element('details', {}, element('summary', {}, 'The variant'), element('pre', { tabindex: '0', 'aria-label': 'The variant' }, JSON.stringify(shown.variant, null, 2)));
  return [card(`Experiment: ${stateOf(state, reason)}`, meter, waits, verdict, facts, element('p', { class: 'hint' }, `Intervals of ${(100 * result.confidence).toLocaleString('en', { maximumFractionDigits: 2 })} %, because ${shown.tries === 1 ? 'one variant was' : `${count(shown.tries)} variants were`} compared with this version.`), variant), state === 'done' && mayChange() && apply(shown, route, filters)].filter(Boolean);
}

/** Makes the variant the next version, for a part of the calls. */
function apply(shown, route, filters) {
  const said = element('div', { 'aria-live': 'polite' });
  const submit = async (event) => {
    event.preventDefault();
    const { percent: part, by } = Object.fromEntries(new FormData(event.target));
    const body = { route: shown.variant, split: { percent: Number(part), by }, note: `experiment ${shown.id}` };
    try {
      await api('PUT', pathOf(shown.route), body, { 'if-match': route.etag });
      go('route', { ...filters, experiment: undefined, name: shown.route });
    } catch (error) {
      said.replaceChildren(problem(error));
    }
  };
  return card('Apply it',
    route.version !== shown.version && element('p', { class: 'notice' }, `The route has changed since: version ${route.version} counts now.`),
    element('form', { class: 'filters', submit, 'aria-label': 'Apply it' },
      element('label', {}, 'Percent of the calls', element('input', { name: 'percent', type: 'number', min: 0.01, max: 99.99, step: 0.01, required: true, value: 10 })),
      chooseUnit(), element('button', { class: 'primary' }, 'Make it the next version for them')), said);
}
