// Tables of figures, and their download.

import { element } from '../dom.js';
import { download, toCsv } from './csv.js';

/**
 * A table. A column has a `title`, `cell(row)`, which returns text or an element, and `number: true` if it is aligned right;
 * `plain(row)` is its value in a download, else the text of the cell. `part(row)` names the row, so that the focus in it stays.
 */
export function table(caption, columns, rows, { footer, file, part } = {}) {
  const cells = (row, at) => columns.map(({ title, cell, number }, column) => element(column === 0 ? 'th' : 'td', {
    class: number && 'number', 'data-title': title, ...(column === 0 && { scope: 'row' }),
  }, cell(row, at)));
  const head = element('tr', {}, columns.map(({ title, number }) => element('th', { scope: 'col', class: number && 'number' }, title)));
  const body = rows.map((row, at) => element('tr', { 'data-part': part?.(row) ?? `row ${at}` }, cells(row, at)));
  const foot = footer && element('tfoot', {}, element('tr', {}, cells(footer)));
  const shown = element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption, 'data-part': caption },
    element('table', {}, element('caption', { class: 'unseen' }, caption), element('thead', {}, head), element('tbody', {}, body), foot));
  if (!file) return shown;
  const save = () => download(file, toCsv(columns.map(({ title }) => title), [...rows, ...(footer ? [footer] : [])].map((row) => columns.map(({ cell, plain }) => plain?.(row) ?? text(cell(row))))));
  return element('div', {}, shown, element('p', { class: 'after' }, element('button', { type: 'button', class: 'quiet', click: save, 'data-part': 'download' }, 'Download as CSV')));
}

const text = (cell) => cell?.textContent ?? String(cell ?? '');

/** A cell with a bar behind it: how much `value` is of `most`. */
export function bar(label, value, most) {
  const shown = element('span', { class: 'bar' }, label);
  shown.style.setProperty('--part', String(most > 0 ? value / most : 0));
  return shown;
}

/** What a page shows in place of figures that are not there yet. */
export function nothing(title, ...hints) {
  return element('div', { class: 'nothing card' }, element('h2', {}, title), hints.map((hint) => element('p', {}, hint)));
}
