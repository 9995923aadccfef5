// Figures as text.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (value) => whole.format(value);

/** An amount, with so many digits that a small one is not 0. */
export function usd(value) {
  if (value === 0) return '$0';
  const least = value >= 100 ? 0 : 2;
  const most = value >= 1 ? least : Math.max(2, Math.min(12, 1 - Math.floor(Math.log10(value))));
  return `$${value.toLocaleString('en', { minimumFractionDigits: least, maximumFractionDigits: most })}`;
}

/** A part of a whole; nothing of nothing is no figure. */
export function percent(part, of) {
  if (!of) return '–';
  const value = (100 * part) / of;
  return `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })} %`;
}

/** Milliseconds. */
export function time(value) {
  if (value == null) return '–';
  if (value < 1_000) return `${whole.format(value)} ms`;
  if (value < 60_000) return `${(value / 1_000).toLocaleString('en', { maximumFractionDigits: value < 10_000 ? 2 : 1 })} s`;
  return `${whole.format(Math.floor(value / 60_000))} min ${whole.format((value % 60_000) / 1_000)} s`;
}

const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

/** A time in whole seconds, in the longest unit of which it is a whole number. */
export function span(seconds) {
  const [unit, length] = UNITS.find(([, length]) => seconds % length === 0);
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / length);
}

/** A number of bytes, in units of a thousand. */
export function bytes(value) {
  const at = value < 1_000 ? 0 : value < 1e6 ? 1 : value < 1e9 ? 2 : 3;
  const shown = value / 1_000 ** at;
  return `${shown.toLocaleString('en', { maximumFractionDigits: at > 0 && shown < 10 ? 1 : 0 })} ${['B', 'kB', 'MB', 'GB'][at]}`;
}

/** A point in time, in the zone of the page. */
export function moment(at, zone, options = { dateStyle: 'medium', timeStyle: 'medium' }) {
  return new Intl.DateTimeFormat('en-GB', { ...options, ...(zone === 'utc' && { timeZone: 'UTC' }) }).format(at);
}

/** How much a figure has changed, or nothing if too few calls were made before. */
export function change(now, before) {
  if (!before) return null;
  const value = (100 * (now - before)) / before;
  return `${value > 0 ? '+' : ''}${value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 })} %`;
}

/** How a call or an attempt ended, in words. */
export function ending(name) {
  if (name === 'fallback') return 'answered by a fallback';
  if (name === 'cached') return 'answered from the cache';
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
