// The timeline of a call: a row for each request that was sent, all on one axis.
// Times are CSS custom properties in milliseconds; the style sheet divides them by the length of the axis.

import { byId, element, prose } from './dom.js';
import { count, statusWords, time, usd, whatHappened } from './words.js';

/** A shorter pause between two requests is not shown, in milliseconds. */
const SHORTEST_PAUSE = 20;

/** What a request does for an answer that broke. */
const ROLES = { continue: 'continues the text', restart: 'starts again' };

export class Timeline {
  #root = byId('timeline');
  #axis = element('div', { class: 'axis', 'aria-hidden': 'true' });
  #rows = element('ol', { class: 'rows' });
  #notes = element('ul', { class: 'notes' });
  #shown = '';

  constructor() {
    const hint = 'Every request of the call will appear here: its result, its time and its cost.';
    const placeholders = [1, 2, 3].map(() => element('span'));
    this.#root.append(element('p', { class: 'hint' }, hint), element('div', { class: 'ghosts', 'aria-hidden': 'true' }, placeholders));
  }

  /** Shows a call that runs. If `attempts` do not include the current request, `models` and `firstToken` describe it. */
  follow(attempts, { models, firstToken }) {
    const started = Math.max(0, ...attempts.map(end));
    const sinceStart = firstToken == null ? null : Math.max(0, firstToken - started);
    const open = attempts.some(({ duration }) => duration == null);
    this.#draw({ attempts: open ? attempts : [...attempts, { models, started, firstToken: sinceStart }] }, true);
    this.tick(firstToken ?? 0);
  }

  /** The call is `now` milliseconds old. */
  tick(now) {
    this.#root.style.setProperty('--now', String(now));
    this.#scale(Math.max(1000, now, ...this.ends));
  }

  /** Shows a call that has ended. */
  show(report) {
    this.#draw(report, false);
    this.#scale(Math.max(10, ...this.ends));
  }

  #draw(report, running) {
    const { attempts } = report;
    this.ends = attempts.map(end);
    this.#rows.replaceChildren(...attempts.map((attempt, at) => row(attempt, attempts[at - 1], running, report)));
    this.#notes.replaceChildren(...notes(report));
    const empty = element('p', { class: 'hint' }, 'No request was sent.');
    this.#root.replaceChildren(...(attempts.length > 0 ? [this.#axis, this.#rows] : [empty]), this.#notes);
  }

  #scale(whole) {
    this.#root.style.setProperty('--whole', String(whole));
    const marks = ticks(whole);
    if (marks.join() === this.#shown) return;
    this.#shown = marks.join();
    this.#axis.replaceChildren(...marks.map((at) => placed(element('span', {}, at === 0 ? '0' : time(at)), { at })));
  }
}

const end = ({ started = 0, duration, firstToken }) => started + (duration ?? firstToken ?? 0);

function placed(made, times) {
  for (const [name, ms] of Object.entries(times)) made.style.setProperty(`--${name}`, String(ms));
  return made;
}

/** Round times along the axis, at most five. The last one leaves room for its label. */
function ticks(whole) {
  const rough = whole / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const marks = [];
  for (let at = 0; at <= whole * 0.87; at += step) marks.push(Math.round(at));
  return marks;
}

function row(attempt, previous, running, report) {
  const state = stateOf(attempt, running);
  const inside = attempt.inside ?? [];
  const showInside = attempt.models.length > 1 && inside.length > 0;
  return element('li', { class: `row ${state}` },
    element('p', { class: 'asked' },
      element('span', { class: 'mark', 'aria-hidden': 'true' }),
      element('span', { class: 'ids' }, modelNames(attempt, inside)),
      tag(attempt, previous),
      element('span', { class: 'numbers' }, numbers(attempt, report))),
    bar(attempt, state),
    element('p', { class: 'outcome' }, outcome(attempt, state)),
    attempt.failure?.message && element('p', { class: 'message' }, `“${attempt.failure.message}”`),
    showInside && element('ol', { class: 'inside', 'aria-label': 'Inside this request' }, inside.map(insideRow)));
}

function stateOf({ failure, duration }, running) {
  if (failure) return failure.kind === 'aborted' ? 'stopped' : 'failed';
  return running && duration == null ? 'running' : 'answered';
}

/** The models of a request. Of several, the classes show which failed, which answered and which were not needed. */
function modelNames({ models, model }, inside) {
  const classOf = (id) => {
    if (models.length === 1) return 'id';
    if (inside.some((one) => one.model === id && one.status >= 400)) return 'id lost';
    if (id === model) return 'id served';
    return model ? 'id spare' : 'id';
  };
  return models.flatMap((id, at) => [at > 0 && ' → ', element('span', { class: classOf(id) }, id)]);
}

/** Why this request was sent, and how long the call waited before. */
function tag({ models, started, recovery, hedge, judge }, previous) {
  if (!previous) return null;
  const pause = started - end(previous);
  const role = (judge && 'scores the answer') || (hedge && 'asked in parallel') || ROLES[recovery];
  const again = !role && previous.models[0] === models[0] && 'again';
  const after = pause >= SHORTEST_PAUSE && `after ${time(pause)}`;
  const words = [role, again, after].filter(Boolean).join(', ');
  return words && element('span', { class: 'tag' }, words);
}

function numbers({ duration, cost, generationId }, { unsettled = [] }) {
  const price = cost != null ? usd(cost) : unsettled.includes(generationId) && 'cost not known yet';
  return [duration != null && time(duration), price].filter(Boolean).join(' · ');
}

function bar({ started = 0, firstToken, duration }, state) {
  const last = duration == null && state === 'running' ? null : started + (duration ?? firstToken ?? 0);
  const firstText = firstToken == null ? null : started + firstToken;
  const part = (name, from, to) => placed(element('span', { class: name }), to == null ? { from } : { from, to });
  return element('div', { class: 'bar', 'aria-hidden': 'true' },
    part('wait', started, firstText ?? last),
    firstText != null && part('talk', firstText, last));
}

function outcome({ models, model, provider, failure, firstToken, unmatched }, state) {
  const by = failure?.provider ?? provider;
  const facts = {
    running: [firstToken == null ? 'Waiting for the first text' : 'Answering'],
    answered: [model && !models.includes(model) ? `Answered as ${model}` : 'Answered'],
    failed: [whatHappened(failure?.kind), failure?.status && `status ${failure.status}`],
    stopped: ['Stopped by you'],
  }[state];
  if (by) facts.push(`by ${by}`);
  if (models.length > 1 && state !== 'running') facts.push(`${models.length} models in one request`);
  if (firstToken != null) facts.push(`first text after ${time(firstToken)}`);
  if (failure?.retryAfter != null) facts.push(`wait of ${time(failure.retryAfter)} requested`);
  if (unmatched) facts.push('not a model of this chain');
  return facts.filter(Boolean).join(' · ');
}

function insideRow({ model, provider, status }) {
  const failed = status >= 400;
  const words = failed ? `${statusWords(status)} (${status})` : statusWords(status);
  return element('li', { class: failed ? 'failed' : 'answered' },
    element('span', { class: 'mark', 'aria-hidden': 'true' }),
    element('span', { class: 'id' }, model), ` ${words}${provider ? ` · by ${provider}` : ''}`);
}

function notes({ dropped = [], warnings = [], unsettled = [] }) {
  const hasWarning = (model) => warnings.some((warning) => warning.includes(`\`${model}\``));
  return [
    ...dropped.filter(({ model }) => !hasWarning(model)).map(({ model, reason }) => element('li', {}, element('b', {}, 'Skipped: '), element('code', {}, model), `, ${reason}`)),
    ...warnings.map((warning) => element('li', {}, element('b', {}, 'Warning: '), prose(warning))),
    unsettled.length > 0 && element('li', {}, element('b', {}, 'Cost unknown: '), `${count(unsettled.length, 'request')} may have cost money, but the API did not say how much.`),
  ].filter(Boolean);
}
