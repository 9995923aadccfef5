// Breakers: models that failed lately and are left alone.

import { element } from '../../dom.js';
import { get } from '../api.js';
import { count, time } from '../format.js';
import { nothing, table } from '../table.js';

export const title = 'Breakers';

export const load = () => get('/admin/breakers');

export function view({ data: rows }) {
  if (rows.length === 0) return nothing('All models are asked', 'A model that fails several times in a row is left alone for a while. Such models are shown here.');
  const columns = [
    { title: 'Upstream and model', cell: ({ name }) => element('span', { class: 'id' }, name) },
    { title: 'State', cell: ({ wait }) => (wait === undefined ? 'asked' : wait > 0 ? 'left alone' : 'probed by the next call') },
    { title: 'Failures in a row', cell: ({ failures }) => (failures === undefined ? '–' : count(failures)), number: true },
    { title: 'Next probe in', cell: ({ wait }) => (wait === undefined ? '–' : time(wait)), number: true },
  ];
  return element('section', { class: 'card' }, table(title, columns, rows, { part: ({ name }) => name }));
}
