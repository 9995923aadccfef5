// The split: a part of the calls gets another version.

import { element } from '../../dom.js';
import { confirmButton } from '../confirm.js';
import { moment } from '../format.js';
import { chooseUnit } from './editor.js';
import { card, chooseVersion, isEditable } from './request.js';

export function split({ route, versions, filters, change }) {
  const now = route.split;
  const state = now
    ? `${now.percent} % of the calls get version ${now.version}, since ${moment(now.since * 1_000, filters.zone)}; the others get version ${route.version}. What stays with one version: ${now.by}.`
    : `All calls get version ${route.version}.`;
  const others = versions.filter(({ version }) => version !== route.version);
  if (!isEditable(route) || others.length === 0) return card('Split', element('p', {}, state));
  const submit = (event) => {
    event.preventDefault();
    const { version, percent, by } = Object.fromEntries(new FormData(event.target));
    change.send('PATCH', '', { split: { version: Number(version), percent: Number(percent), by } });
  };
  const form = element('form', { class: 'filters', submit, 'aria-label': 'Split' },
    chooseVersion('version', 'Version', others, now?.version),
    element('label', {}, 'Percent of the calls', element('input', { name: 'percent', type: 'number', min: 0.01, max: 99.99, step: 0.01, required: true, value: now?.percent ?? 10 })),
    chooseUnit(now?.by), element('button', { class: 'primary' }, now ? 'Change the split' : 'Begin the split'));
  const end = now && element('p', { class: 'actions' },
    confirmButton('End the split', `All calls to version ${route.version}?`, `for the route ${route.name}`, () => change.send('PATCH', '', { split: null })),
    confirmButton(`Take version ${now.version}`, `All calls to version ${now.version}?`, `for the route ${route.name}`, () => change.send('PATCH', '', { version: now.version })));
  return card('Split', element('p', {}, state), form, end);
}
