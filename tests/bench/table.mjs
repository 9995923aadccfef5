// What was measured, as tables in Markdown.

import { median, ratio } from './statistics.mjs';

/** A ratio with its interval. */
export function told(ours, theirs) {
  const { ratio: middle, low, high } = ratio(ours, theirs);
  return ours === theirs ? '1' : `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** A row for each name in `samples`: its median, and its ratio to each of `against`. */
export function compared(what, unit, digits, samples, against) {
  const rows = Object.entries(samples).map(([name, taken]) => [name, median(taken).toFixed(digits), ...against.map((peer) => told(taken, samples[peer]))]);
  return { head: [what, unit, ...against.map((peer) => `this / ${peer}`)], rows };
}

/** A heading, what is to be known of it, and the rows below their head, if anything was measured. */
export function table({ title, about, head, rows }) {
  const lines = head ? [head, head.map((_, at) => (at === 0 ? ':--' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`) : [];
  return ['', `## ${title}`, '', ...(about ? [about, ''] : []), ...lines].join('\n');
}
