// The form that begins an experiment.

import { element } from '../../dom.js';
import { api } from '../api.js';
import { card, pathOf, problem } from '../route/request.js';
import { go } from '../state.js';

/** What can be tried: what the value means, and how the request names it. */
const KINDS = {
  models: { title: 'Another chain', value: 'Models, in order', example: 'openai/gpt-4o-mini', read: (text) => text.split(/[\s,]+/).filter(Boolean) },
  writer: { title: 'A shorter system prompt', value: 'The model that writes it', example: 'anthropic/claude-opus-4.7', read: (text) => text },
  outputTokens: { title: 'Fewer output tokens', value: 'Tokens at most', example: '300', read: Number },
};

export function beginForm(stored, name, filters) {
  const said = element('div', { 'aria-live': 'polite' });
  const value = element('input', { name: 'value', required: true, autocomplete: 'off', spellcheck: 'false' });
  const label = element('span');
  const kind = element('select', { name: 'kind', change: () => draw() }, Object.entries(KINDS).map(([key, { title }]) => element('option', { value: key }, title)));
  const draw = () => {
    label.textContent = KINDS[kind.value].value;
    value.placeholder = KINDS[kind.value].example;
  };
  draw();
  const submit = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const body = {
      [given.kind]: KINDS[given.kind].read(given.value.trim()), usd: Number(given.usd), samples: Number(given.samples), margin: Number(given.margin),
      ...(given.judge.trim() && { judge: { model: given.judge.trim() } }),
    };
    try {
      const { id } = await api('POST', `${pathOf(given.route)}/experiments`, body);
      go('cheaper', { ...filters, name: given.route, experiment: id });
    } catch (error) {
      said.replaceChildren(problem(error));
    }
  };
  const number = (field, text, attributes) => element('label', {}, text, element('input', { name: field, type: 'number', required: true, ...attributes }));
  const routes = element('select', { name: 'route', change: ({ target }) => go('cheaper', { ...filters, name: target.value }) }, stored.map((route) => element('option', { value: route, selected: route === name }, route)));
  return card('Try a variant', element('form', { class: 'part', submit, 'aria-label': 'Try a variant' },
    element('div', { class: 'filters' }, element('label', {}, 'Route', routes), element('label', {}, 'Variant', kind), element('label', {}, label, value),
      element('label', {}, 'Judge', element('input', { name: 'judge', autocomplete: 'off', spellcheck: 'false', placeholder: 'that of the route' }))),
    element('div', { class: 'filters' },
      number('usd', 'USD at most', { min: 0.001, max: 1000, step: 'any', value: 1 }), number('samples', 'Samples', { min: 20, max: 200, value: 60 }),
      number('margin', 'It may lose at most, in points', { min: 1, max: 50, value: 10 }), element('button', { class: 'primary' }, 'Begin')),
    said));
}
