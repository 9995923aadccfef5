// A secret that is shown once.

import { enableCopy } from '../copy.js';
import { element } from '../dom.js';

export function secretOnce(what, secret) {
  const code = element('code', {}, secret);
  const copy = element('button', { type: 'button', class: 'quiet' }, 'Copy');
  enableCopy(copy, code);
  return element('div', { class: 'secret' }, element('p', {}, `${what} is shown only now. Store it:`), element('p', {}, code, ' ', copy));
}
