// Charts over time, by uPlot. Each has the same figures as a table, for those who cannot see a canvas.

// Before the charts, which need its result.
import './language.js';
import uPlot from 'uplot';

import { element } from '../dom.js';
import { moment } from './format.js';
import { table } from './table.js';

/** `light-dark()` as a colour that a canvas takes. */
function resolved(name) {
  const probe = element('span', { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/**
 * A chart of `series` over `parts` (each with `at`). A series has a `title`, `value(part)`, `format(value)` and the name of a colour.
 * The first series are bars; those behind it are drawn over them.
 */
export function chart(title, parts, series, { zone, days }) {
  const frame = element('div', { class: 'chart', role: 'img', 'aria-label': `${title}: a chart; the table below has its figures` });
  const label = (at) => moment(at, zone, days ? { weekday: 'short', day: 'numeric', month: 'short' } : { weekday: 'short', hour: '2-digit', minute: '2-digit' });
  const columns = [{ title: 'Beginning', cell: ({ at }) => label(at) }, ...series.map(({ title: name, value, format }) => ({ title: name, cell: (part) => format(value(part)), plain: value, number: true }))];
  const legend = element('ul', { class: 'legend' }, series.map(({ title: name, colour: key }) => element('li', { class: key.slice(2) }, name)));
  const figures = element('details', { 'data-part': `table of ${title}` }, element('summary', {}, 'The figures as a table'), table(title, columns, parts, { file: `failsoft-${title.toLowerCase().replaceAll(' ', '-')}.csv` }));
  // The width is known when the frame is part of the page.
  requestAnimationFrame(() => draw(frame, parts, series, label));
  return element('section', { class: 'card' }, element('h2', {}, title), legend, frame, figures);
}

function draw(frame, parts, series, label) {
  if (!frame.isConnected) return;
  const bars = uPlot.paths.bars({ size: [0.8, 40], radius: 0.15 });
  const [soft, line] = [resolved('--soft'), resolved('--line')];
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '12px system-ui, sans-serif' };
  const options = {
    width: frame.clientWidth,
    height: 190,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { setScale: false } },
    scales: { x: { time: false, range: [-0.6, parts.length - 0.4] }, y: { range: (_, least, most) => [0, Math.max(most * 1.1, Number.MIN_VALUE * 1e9, 1e-9)] } },
    axes: [
      { ...axis, space: 90, incrs: [1, 2, 3, 4, 6, 7, 12, 14, 24, 28], grid: { show: false }, values: (_, at) => at.map((index) => (Number.isInteger(index) && parts[index] ? label(parts[index].at) : '')) },
      { ...axis, size: 64, values: (_, values) => values.map((value) => (value === 0 ? '0' : series[0].format(value))) },
    ],
    series: [{}, ...series.map(({ colour: key }) => ({ fill: resolved(key), width: 0, paths: bars, points: { show: false } }))],
  };
  const plot = new uPlot(options, [parts.map((_, at) => at), ...series.map(({ value }) => parts.map(value))], frame);
  const tip = element('p', { class: 'tip', hidden: true });
  frame.append(tip);
  plot.over.addEventListener('mousemove', () => {
    const part = parts[plot.cursor.idx];
    tip.hidden = !part;
    if (part) tip.textContent = [label(part.at), ...series.map(({ title, value, format }) => `${title} ${format(value(part))}`)].join(' · ');
  });
  plot.over.addEventListener('mouseleave', () => (tip.hidden = true));
  const watcher = new ResizeObserver(() => {
    if (!frame.isConnected) watcher.disconnect();
    else if (frame.clientWidth !== plot.width) plot.setSize({ width: frame.clientWidth, height: 190 });
  });
  watcher.observe(frame);
}
