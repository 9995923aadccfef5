// A button whose second press acts: the first one asks.

import { element } from '../dom.js';

/**
 * A button with `label`. The first press shows `question`, the second one calls `act`. `about` is what the button changes, for
 * screen readers. The button forgets the first press when it loses the focus. While it asks, it has `data-asks`, and new figures wait.
 */
export function confirmButton(label, question, about, act) {
  const shown = element('button', { type: 'button', class: 'quiet' });
  const say = (text) => {
    shown.textContent = text;
    shown.setAttribute('aria-label', `${text} ${about}`);
    shown.toggleAttribute('data-asks', text === question);
  };
  say(label);
  shown.addEventListener('click', () => (shown.textContent === question ? act() : say(question)));
  shown.addEventListener('blur', () => say(label));
  return shown;
}
