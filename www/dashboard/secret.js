// A secret that is shown once.

import { copyButton } from '../copy.js';
import { element } from '../dom.js';

export function secretOnce(what, secret) {
  const code = element('code', {}, secret);
  return element('div', { class: 'secret' }, element('p', {}, `${what} is shown only now. Store it:`), element('p', {}, code, ' ', copyButton(code)));
}
