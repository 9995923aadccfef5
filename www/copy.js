// Buttons that copy code to the clipboard.

import { element } from './dom.js';

const SHOWN_FOR = 1500;

/** A button that copies the text of `source`. */
export function copyButton(source) {
  const button = element('button', { type: 'button', class: 'quiet' }, 'Copy');
  enableCopy(button, source);
  return button;
}

/** Makes `button` copy the text of `source`, and show for a moment whether that worked. */
export function enableCopy(button, source) {
  button.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(source.textContent).then(() => true, () => false);
    button.textContent = copied ? 'Copied' : 'Select and copy';
    setTimeout(() => { button.textContent = 'Copy'; }, SHOWN_FOR);
  });
}
