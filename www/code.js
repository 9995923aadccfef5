// The code that makes the same call without this page.

import { enableCopy } from './copy.js';
import { byId, element } from './dom.js';
import { LANGUAGES, snippet } from './snippets.js';

/** The call that is shown. */
let call = null;

const draw = () => (byId('code').textContent = snippet(byId('language').value, call));

/** Shows the code that sends `message` with `options` (`models` or `model`, `policy`) to the edge at `origin`. */
export function showCode(origin, message, options, token) {
  // The page does not write the key into code that somebody may copy into a chat.
  call = { origin, key: token && '…', options, message };
  draw();
}

/** Offers the languages, and makes the button copy the code. */
export function enableCode() {
  byId('language').append(...Object.entries(LANGUAGES).map(([value, name]) => element('option', { value }, name)));
  byId('language').addEventListener('change', draw);
  enableCopy(byId('copy-code'), byId('code'));
}
