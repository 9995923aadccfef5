// The attempts of a call on one axis of time. Positions are custom properties in milliseconds; the style sheet divides them.

import { element } from '../dom.js';
import { count, ending, time, usd } from './format.js';

const ROLES = { hedge: 'beside a slow one', judge: 'scores the answer', continue: 'continues the text', restart: 'starts again', cached: 'from the cache' };

export function attempts(call) {
  const whole = Math.max(1, call.duration ?? 0, ...call.attempts.map((attempt) => attempt.at - call.at + (attempt.duration ?? 0)));
  return element('ol', { class: 'attempts', 'aria-label': 'Attempts' }, call.attempts.map((attempt) => row(attempt, attempt.at - call.at, whole)));
}

function row(attempt, started, whole) {
  const answered = attempt.outcome === 'answered';
  const line = element('div', { class: 'line', 'aria-hidden': 'true' });
  const piece = (name, from, to) => {
    const shown = element('span', { class: name });
    shown.style.setProperty('--from', String(from / whole));
    shown.style.setProperty('--to', String(to / whole));
    line.append(shown);
  };
  const [first, end] = [attempt.firstToken ?? attempt.duration ?? 0, attempt.duration ?? attempt.firstToken ?? 0];
  piece('wait', started, started + first);
  if (end > first) piece('talk', started + first, started + end);
  const cost = attempt.settled === 'unsettled' ? `cost not known, at most ${usd(attempt.usd)}` : usd(attempt.usd);
  const used = attempt.promptTokens == null && attempt.completionTokens == null ? null : `${count(attempt.promptTokens ?? 0)} + ${count(attempt.completionTokens ?? 0)} tokens`;
  const facts = [
    `after ${time(started)}`, attempt.firstToken != null && `first token in ${time(attempt.firstToken)}`, `took ${time(attempt.duration)}`, used, cost,
    attempt.provider && `by ${attempt.provider}`, attempt.upstream && `at ${attempt.upstream}`, attempt.generation && `generation ${attempt.generation}`,
  ];
  return element('li', { class: answered ? 'well' : 'broken' },
    element('p', {}, element('strong', { class: 'id' }, attempt.model ?? attempt.asked.join(', ')), ' ', ROLES[attempt.role] && element('span', { class: 'tag' }, ROLES[attempt.role]), ' ', element('span', { class: 'outcome' }, ending(attempt.outcome))),
    line, element('p', { class: 'hint' }, facts.filter(Boolean).join(' · ')));
}
