// Says that figures are not complete, while the edge still adds old attempts to its sums.

import { element } from '../dom.js';
import { count } from './format.js';

/** A notice, if `rows` attempts are not in the figures yet. */
export const missing = (rows) => rows > 0 && element('p', { class: 'notice', role: 'status' }, `These figures are not complete: ${count(rows)} older attempts are not in them yet. The edge adds them in steps, every few minutes.`);
