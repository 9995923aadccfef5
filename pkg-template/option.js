import { unknownOption } from './failsoft_bg.js';
import { misuse } from './error.js';

/** What cannot travel as JSON, and the test that it has to pass. */
const HOST = {
  signal: ['an AbortSignal', (value) => typeof value?.addEventListener === 'function' && typeof value.aborted === 'boolean'],
  fetch: ['a function', isFunction],
  onAttempt: ['a function', isFunction],
  onFallback: ['a function', isFunction],
};

function isFunction(value) {
  return typeof value === 'function';
}

/** Options as they were given, if they are any. */
export function given(options = {}) {
  if (!isObject(options)) throw misuse('the options must be an object');
  return options;
}

/** The options of one call over those of its client. */
export function merge(defaults, options) {
  const merged = { ...defaults, ...options };
  for (const name of ['headers', 'policy', 'body']) {
    if (isObject(defaults[name]) && isObject(options[name])) merged[name] = { ...defaults[name], ...options[name] };
  }
  // A model named for one call comes before the client's chain.
  if (options.model && !options.models && Array.isArray(defaults.models)) {
    merged.models = [options.model, ...defaults.models.filter((model) => model !== options.model)];
  }
  return merged;
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Splits options into what travels as JSON and what the page keeps. */
export function split(options) {
  const unknown = unknownOption(JSON.stringify(Object.keys(options)));
  if (unknown) throw misuse(unknown);
  const data = { ...options };
  const host = {};
  for (const [name, [what, fits]] of Object.entries(HOST)) {
    const value = data[name];
    delete data[name];
    if (value === undefined || value === null) continue;
    if (!fits(value)) throw misuse(`\`${name}\` must be ${what}`);
    host[name] = value;
  }
  if (data.headers) data.headers = plainHeaders(data.headers);
  return { data, host };
}

/** Headers in any of their forms as an object; the web's own class knows what is valid. */
export function plainHeaders(headers) {
  try {
    return Object.fromEntries(new Headers(headers));
  } catch {
    // What it says would repeat the value, which may be a key.
    throw misuse('`headers` has a name or value that HTTP cannot carry');
  }
}

/** JSON text; what JSON would drop or bend without a word is an error with its path. */
export function toJson(value) {
  const paths = new Map();
  return JSON.stringify(value, function (key, value) {
    const parent = paths.get(this) ?? '';
    const path = Array.isArray(this) ? `${parent}[${key}]` : parent && key ? `${parent}.${key}` : parent || key;
    const wrong = unsendable(value);
    if (wrong) throw misuse(`\`${path}\` is ${wrong}, which JSON cannot carry`);
    if (value !== null && typeof value === 'object') paths.set(value, path);
    return value;
  });
}

function unsendable(value) {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  if (typeof value === 'bigint') return 'a BigInt';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
}
