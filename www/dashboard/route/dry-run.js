// A dry run: what the route would do with a request, step by step. Nothing is sent.

import { element } from '../../dom.js';
import { api } from '../api.js';
import { count, time, usd } from '../format.js';
import { card, findings, pathOf, problem } from './request.js';

const EXAMPLE = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 200 };

export function dryRun({ route, versions }) {
  const text = element('textarea', { rows: 8, name: 'request', spellcheck: 'false', autocomplete: 'off' });
  text.value = JSON.stringify(EXAMPLE, null, 2);
  const shown = element('div', { 'aria-live': 'polite' });
  const submit = async (event) => {
    event.preventDefault();
    const { version } = Object.fromEntries(new FormData(event.target));
    try {
      const answer = await api('POST', `${pathOf(route.name)}/dry-run`, { request: JSON.parse(text.value), ...(version && { version: Number(version) }) });
      shown.replaceChildren(answer.findings.length > 0 ? findings(answer.findings) : '', steps(answer.call));
    } catch (error) {
      shown.replaceChildren(problem(error instanceof SyntaxError ? { message: `This is not JSON: ${error.message}` } : error));
    }
  };
  const choice = versions.length > 0 && element('label', {}, 'Version', element('select', { name: 'version' }, element('option', { value: '' }, 'as calls get it'), versions.map(({ version }) => element('option', { value: version }, String(version)))));
  const form = element('form', { class: 'part', submit }, element('label', {}, 'A chat request', text), element('div', { class: 'filters' }, choice, element('button', { class: 'primary' }, 'Try without sending')));
  return card('Dry run', form, shown);
}

/** The steps in the order in which they would happen. */
function steps(call) {
  if (call.refused) return element('ol', { class: 'timeline' }, step('Refused', 'trouble', `${call.refused.status} ${call.refused.code}: ${call.refused.message}`, call.refused.param));
  const { hold, policy, attempts, dropped, warnings, failure, version } = call;
  const bounds = [`at most ${count(policy.attempts)} attempts`, `at most ${time(policy.total)}`, policy.maxCostUsd != null && `at most ${usd(policy.maxCostUsd)}`, `lane ${call.lane}`];
  const prompt = `about ${count(call.promptTokens)} tokens of the prompt (${count(call.mostPromptTokens)} at most), at most ${count(call.outputTokens)} tokens of the answer`;
  return element('ol', { class: 'timeline' },
    step(version ? `Version ${version} is chosen` : 'The route is chosen', 'well', prompt, bounds.filter(Boolean).join(', ')),
    warnings.map((warning) => step('Changed', 'broken', warning)),
    step('Held', 'well', `${usd(hold.usd)} and ${count(hold.tokens)} tokens of the budgets`),
    dropped.map(({ model, reason }) => step(model, 'broken', `left out: ${reason}`)),
    attempts.map(({ models, upstream, mostUsd }, at) => step(models.join(', '), 'well', `${at === 0 ? 'asked first' : `asked ${at + 1}. if those before fail`}${upstream ? `, at ${upstream}` : ''}`, mostUsd != null && `at most ${usd(mostUsd)}`)),
    policy.judge && step(policy.judge, 'well', 'scores the answer'),
    failure && step('No model can answer', 'trouble', failure.message));
}

const step = (what, state, ...notes) => element('li', { class: state }, element('strong', { class: 'id' }, what), notes.filter(Boolean).map((note) => element('p', { class: 'hint' }, note)));
