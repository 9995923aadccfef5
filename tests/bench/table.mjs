// The measurements as Markdown tables.

import { median, ratio } from './statistics.mjs';

/** The ratio of the medians with its 95 % interval. */
export function formatRatio(ours, theirs) {
  const { ratio: middle, low, high } = ratio(ours, theirs);
  return ours === theirs ? '1' : `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** The head and a row for each name in `samples`: its median, and its ratio to each of `peers`. */
export function compare(what, unit, digits, samples, peers) {
  const rows = Object.entries(samples).map(([name, times]) => [name, median(times).toFixed(digits), ...peers.map((peer) => formatRatio(times, samples[peer]))]);
  return { head: [what, unit, ...peers.map((peer) => `this / ${peer}`)], rows };
}

/** A table with its title and explanation; without a head, only these two. */
export function formatTable({ title, about, head, rows }) {
  const lines = head ? [head, head.map((_, at) => (at === 0 ? ':--' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`) : [];
  return ['', `## ${title}`, '', ...(about ? [about, ''] : []), ...lines].join('\n');
}
