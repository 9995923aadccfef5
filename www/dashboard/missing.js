// Says that figures are not complete, while the edge still adds old attempts to its sums.

import { element } from '../dom.js';
import { count } from './format.js';

/** A notice, if the figures may lack `rows` attempts. Rows that were deleted count, too, so there may be fewer. */
export const missing = (rows) => rows > 0 && element('p', { class: 'notice', role: 'status' }, `These figures are not complete: the edge still adds older attempts to them, up to ${count(rows)}.`);
