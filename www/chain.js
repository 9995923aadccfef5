// The editor of the chain: one input for each model, in order. A chosen fault comes first.

import { byId, element } from './dom.js';

export class ChainEditor {
  #list = byId('chain');
  #news = byId('chain-news');
  #models = [];
  #fault = null;
  #known = new Set();
  #touched = false;
  #changed;
  #cleared;

  /** Calls `changed` after every edit, and `cleared` when the visitor removes the fault. */
  constructor(models, changed, cleared) {
    this.#models = models;
    this.#changed = changed;
    this.#cleared = cleared;
    byId('add').addEventListener('click', () => this.#add());
    this.#draw();
  }

  /** The ids of the chain, in order. */
  get models() {
    return [this.#fault, ...this.#models].map((id) => id?.trim()).filter(Boolean);
  }

  set fault(model) {
    this.#fault = model;
    this.#draw();
  }

  /** Suggests these ids. `preferred` becomes the chain, unless the visitor has edited the chain. */
  suggest(ids, preferred) {
    this.#known = new Set(ids);
    byId('models').replaceChildren(...ids.map((id) => element('option', { value: id })));
    if (!this.#touched && preferred.length > 0) this.#models = preferred;
    this.#draw();
  }

  #edit(models) {
    this.#touched = true;
    this.#models = models;
    this.#draw();
    this.#changed();
  }

  #add() {
    const next = [...this.#known].find((id) => !id.startsWith('fault/') && !id.startsWith('route/') && !this.#models.includes(id));
    this.#edit([...this.#models, next ?? '']);
    const inputs = this.#list.querySelectorAll('input');
    inputs[inputs.length - 1].select();
  }

  #remove(at) {
    this.#edit(this.#models.toSpliced(at, 1));
    const inputs = this.#list.querySelectorAll('input');
    (inputs[Math.min(at, inputs.length - 1)] ?? byId('add')).focus();
  }

  #move(at, by, selector) {
    const to = at + by;
    if (to < 0 || to >= this.#models.length) return;
    const moved = this.#models[at];
    this.#edit(this.#models.toSpliced(at, 1).toSpliced(to, 0, moved));
    const row = this.#list.querySelectorAll('li.model')[to];
    const same = row.querySelector(selector);
    (same.disabled ? row.querySelector('input') : same).focus();
    this.#news.textContent = `${moved || 'The new model'} is number ${to + 1} of ${this.#models.length}`;
  }

  #draw() {
    const fault = this.#fault ? [this.#faultRow()] : [];
    this.#list.replaceChildren(...fault, ...this.#models.map((id, at) => this.#row(id, at)));
    this.#hint();
  }

  #faultRow() {
    return element('li', { class: 'broken' },
      element('span', { class: 'id' }, this.#fault),
      element('button', { type: 'button', class: 'icon', 'aria-label': 'Remove the fault', click: this.#cleared }, '✕'));
  }

  #row(id, at) {
    const last = this.#models.length - 1;
    const keydown = (event) => {
      if (!event.altKey || !['ArrowUp', 'ArrowDown'].includes(event.key)) return;
      event.preventDefault();
      this.#move(at, event.key === 'ArrowUp' ? -1 : 1, 'input');
    };
    const input = (event) => {
      this.#touched = true;
      this.#models[at] = event.target.value;
      this.#hint();
      this.#changed();
    };
    const button = (name, label, text, click, disabled) =>
      element('button', { type: 'button', class: `icon ${name}`, 'aria-label': `${label} ${id || 'the new model'}`, disabled, click }, text);
    const field = element('input', {
      list: 'models', placeholder: 'provider/model', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false',
      'aria-label': `Model ${at + 1}`, keydown, input,
    });
    field.value = id;
    return element('li', { class: 'model' }, field,
      button('up', 'Move up', '↑', () => this.#move(at, -1, '.up'), at === 0),
      button('down', 'Move down', '↓', () => this.#move(at, 1, '.down'), at === last),
      button('remove', 'Remove', '✕', () => this.#remove(at), false));
  }

  #hint() {
    const route = this.models.find((id) => id.startsWith('route/'));
    const misplaced = route && this.models.length > 1;
    byId('chain-hint').textContent = misplaced
      ? `${route} is a chain by itself: remove the other models.`
      : 'Alt + ↑ or ↓ moves a model.';
  }
}
