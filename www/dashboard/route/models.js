// The chain of a route as a list: the order counts, because each model is asked only when those before it have failed.

import { element } from '../../dom.js';

/** The list of `models`. Each change calls `changed` with the new list. `draw` shows another list. */
export function modelList(changed) {
  const list = element('ol', { class: 'models' });
  const said = element('p', { class: 'unseen', role: 'status' });
  const added = element('input', { autocomplete: 'off', spellcheck: 'false', placeholder: 'openai/gpt-4o-mini' });
  let shown = [];

  /** Shows the new list; the focus goes to the same button of the model at `at`, or to the one that can be pressed. */
  const change = (models, at, button, what) => {
    changed(models);
    draw(models);
    said.textContent = what;
    const row = list.children[at];
    const same = row?.querySelector(`[data-act="${button}"]`);
    (same && !same.disabled ? same : row?.querySelector('button:not(:disabled)') ?? added).focus();
  };
  const move = (at, to, button) => {
    const models = shown.with(at, shown[to]).with(to, shown[at]);
    change(models, to, button, `${shown[at]} is now ${to + 1} of ${shown.length}`);
  };
  const button = (act, sign, name, disabled, click) => element('button', { type: 'button', class: 'quiet', 'data-act': act, 'aria-label': name, disabled, click }, sign);
  const row = (model, at) => element('li', {},
    element('span', { class: 'id' }, String(model)),
    element('span', { class: 'actions' },
      button('up', '↑', `Move ${model} up`, at === 0, () => move(at, at - 1, 'up')),
      button('down', '↓', `Move ${model} down`, at === shown.length - 1, () => move(at, at + 1, 'down')),
      button('remove', '✕', `Remove ${model}`, false, () => change(shown.toSpliced(at, 1), Math.min(at, shown.length - 2), 'remove', `${model} is removed`))));

  /** Shows `models`; nothing, while the text of the route is no JSON. */
  function draw(models) {
    shown = Array.isArray(models) ? models : [];
    list.replaceChildren(...shown.map(row));
    added.disabled = models === undefined;
  }
  const add = () => {
    const model = added.value.trim();
    if (!model) return;
    added.value = '';
    change([...shown, model], -1, '', `${model} is added`);
  };
  // Enter in this field adds a model. It does not save the route.
  added.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    add();
  });
  const form = element('div', { class: 'filters' }, element('label', {}, 'Another model', added), element('button', { type: 'button', class: 'quiet', click: add }, 'Add'));
  return { shown: element('div', {}, element('h3', {}, 'Models, in order'), list, form, said), draw };
}
