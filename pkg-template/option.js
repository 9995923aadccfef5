import { misuse } from './error.js';

/** The fields of a chat request: the names of the core's registry. */
const FIELDS = (
  'audio cache_control debug failsoft frequency_penalty function_call functions image_config include_reasoning ' +
  'logit_bias logprobs max_completion_tokens max_tokens messages metadata min_p modalities model models ' +
  'moderation n parallel_tool_calls plugins prediction presence_penalty preset prompt_cache_key ' +
  'prompt_cache_options prompt_cache_retention provider reasoning reasoning_effort repetition_penalty ' +
  'response_format route safety_identifier seed service_tier session_id stop stop_server_tools_when store stream ' +
  'stream_options temperature tool_choice tools top_a top_k top_logprobs top_p trace transforms usage user ' +
  'verbosity web_search_options'
).split(' ');

/** The options that are ours, beside those fields. */
const OURS = (
  'apiKey app baseURL body dangerouslyAllowBrowser dialect edge feature fetch headers onAttempt onFallback policy signal ' +
  'token upstreams'
).split(' ');

/** What an entry of `upstreams` may say. */
const OF_UPSTREAM = ['baseURL', 'apiKey', 'dialect', 'headers', 'app', 'models'];

/** How the keys of providers begin. */
const SECRET = /^(sk[-_]|AIza|gsk_|xai-|pplx-|hf_|r8_|nvapi-|fw_|csk-|tgp_)/;

const isGiven = (value) => value !== undefined && value !== null;
const isObject = (value) => isGiven(value) && typeof value === 'object' && !Array.isArray(value);
const isFunction = (value) => typeof value === 'function';
const isString = (value) => typeof value === 'string';
const isSignal = (value) => isFunction(value.addEventListener) && typeof value.aborted === 'boolean';

const wrong = (name, problem) => misuse(`\`${name}\` ${problem}`);

/** An option, if it is given; it is refused unless it fits. */
function take(options, name, fits, problem, parent = '') {
  const value = options[name];
  if (!isGiven(value)) return undefined;
  if (!fits(value)) throw wrong(parent + name, problem);
  return value;
}

/** A string that a header can carry. What it says is not repeated: it may be a key. */
function sendable(options, name, parent) {
  take(options, name, isString, 'must be a string', parent);
  const problem = 'is empty, or has characters (line ends, letters beyond ASCII) that a header cannot carry';
  return take(options, name, (value) => /^[!-~]([ -~]*[!-~])?$/.test(value), problem, parent);
}

/** Options as they were given, if they are any. */
export function given(options = {}) {
  if (!isObject(options)) throw misuse('the options must be an object');
  return options;
}

/** The options of one call over those of its client. */
export function merge(defaults, options) {
  const merged = { ...defaults, ...options };
  for (const name of ['policy', 'body']) {
    if (isObject(defaults[name]) && isObject(options[name])) merged[name] = { ...defaults[name], ...options[name] };
  }
  merged.headers = { ...plainHeaders(defaults.headers), ...plainHeaders(options.headers) };
  // A model named for one call comes before the client's chain.
  if (options.model && !options.models && Array.isArray(defaults.models)) {
    merged.models = [options.model, ...defaults.models.filter((model) => model !== options.model)];
  }
  return merged;
}

/** What the page keeps of the options: what cannot travel as JSON. */
export function hostOf(options) {
  const [fetch = globalThis.fetch, onAttempt, onFallback] = ['fetch', 'onAttempt', 'onFallback'].map((name) =>
    take(options, name, isFunction, 'must be a function'),
  );
  if (!fetch) throw misuse('this host has no `fetch`; give one with the option `fetch`');
  const signal = take(options, 'signal', isSignal, 'must be an AbortSignal');
  return { fetch, signal, onAttempt: guarded('onAttempt', onAttempt), onFallback: guarded('onFallback', onFallback) };
}

/** What a callback throws is its own affair. */
function guarded(name, callback) {
  const call = async (info) => {
    try {
      await callback(info);
    } catch (error) {
      console.error(`failsoft: ${name} threw`, error);
    }
  };
  return callback && call;
}

/** What the core is handed of the options, as JSON. */
export function handedOf(ask, options) {
  const fields = {};
  let stray;
  for (const [name, value] of Object.entries(options)) {
    if (FIELDS.includes(name)) fields[name] = value;
    else if (!OURS.includes(name)) stray = name;
  }
  const upstreams = upstreamsOf(options);
  if (!fields.model && !fields.models) fields.models = upstreams[0].models;
  const streams = ask === 'stream';
  if (ask === 'chat') fields.models = undefined;
  const request = { ...fields, ...take(options, 'body', isObject, 'must be an object') };
  if (ask !== 'wire') {
    if (fields.stream === true && !streams) throw wrong('stream', 'is not for this function; call `chatStreaming`');
    request.stream = streams;
  }
  const { policy } = options;
  // An edge falls back by itself, and has to know how.
  if (isGiven(options.edge) && isGiven(policy)) request.failsoft = policy;
  const known = stray && [...FIELDS, ...OURS].join(' ');
  return toJson({ ask, stray, known, upstreams, policy, request });
}

/** Where a call goes: to one place, or to several in order. */
function upstreamsOf(options) {
  const listed = take(options, 'upstreams', (value) => Array.isArray(value) && value.length > 0 && value.every(isObject),
    'must be an array of upstreams: {baseURL, apiKey, dialect, headers, models}');
  if (!listed) return [upstreamOf(options, '')];
  for (const name of ['edge', 'token', 'baseURL', 'apiKey', 'dialect']) {
    take(options, name, () => false, 'does not go with `upstreams`; each of them has its own');
  }
  return listed.map((row, at) => {
    const parent = `upstreams[${at}].`;
    for (const name of Object.keys(row)) {
      if (!OF_UPSTREAM.includes(name)) throw wrong(parent + name, `is not a known field; known are: ${OF_UPSTREAM.join(', ')}`);
    }
    const headers = { ...options.headers, ...plainHeaders(row.headers) };
    const upstream = upstreamOf({ ...options, ...row, headers }, parent);
    const isModel = (model) => isString(model) || isString(model?.id);
    const problem = 'must be an array of ids, or of {id, contextLength, maxOutput, prompt, completion}';
    const models = take(row, 'models', (value) => Array.isArray(value) && value.every(isModel), problem, parent) ?? [];
    upstream.models = models.map((model) => model.id ?? model);
    upstream.catalog = { data: models.filter(isObject).map(factsOf) };
    return upstream;
  });
}

/** A model as a catalog tells of it: prices for a token, not for a million. */
function factsOf({ id, contextLength: context_length, maxOutput: max_completion_tokens, prompt, completion }) {
  const price = (usd) => (isGiven(usd) ? usd / 1e6 : undefined);
  return { id, context_length, max_completion_tokens, pricing: { prompt: price(prompt), completion: price(completion) } };
}

/** Where a call goes, what is spoken there, and with which key. */
function upstreamOf(options, parent) {
  const isEdge = isGiven(options.edge);
  if (isEdge) {
    for (const name of ['apiKey', 'baseURL', 'dialect']) {
      take(options, name, () => false, 'does not go with `edge`; an edge takes `token`, its client key');
    }
  } else {
    take(options, 'token', () => false, 'goes with `edge`; without one, the key is `apiKey`');
  }
  const url = isEdge ? address(options, 'edge') : (address(options, 'baseURL', parent) ?? 'https://openrouter.ai/api/v1');
  const key = sendable(options, isEdge ? 'token' : 'apiKey', parent);
  const isOpenRouter = /^(\w+:\/\/)?([^/:?]+\.)?openrouter\.ai([/:?]|$)/.test(url);
  const isDialect = (value) => ['openrouter', 'openai'].includes(value);
  const spoken = take(options, 'dialect', isDialect, 'must be "openrouter" or "openai"', parent);
  const dialect = isEdge ? 'edge' : (spoken ?? (isOpenRouter ? 'openrouter' : 'openai'));
  const headers = { 'x-feature': sendable(options, 'feature'), ...options.headers };
  const keys = [key, headers.authorization?.replace(/^Bearer /, '')];
  refuseSecrets(keys.some((key) => SECRET.test(key)), isEdge, options, parent);
  if (!key && !headers.authorization && isOpenRouter && !isEdge) {
    throw wrong(`${parent}apiKey`, "is missing; give OpenRouter's key, or name your own edge with `edge`");
  }
  return { dialect, url, key, headers, app: appOf(options) };
}

function address(options, name, parent) {
  const problem = "must be a URL that begins with https:// or http://, or with / for this page's own origin";
  const url = take(options, name, (value) => isString(value) && /^(https?:\/)?\//.test(value), problem, parent);
  return url?.replace(/\/chat\/completions$/, '');
}

function refuseSecrets(isSecret, isEdge, options, parent) {
  const allowed = take(options, 'dangerouslyAllowBrowser', (value) => typeof value === 'boolean', 'must be true or false');
  if (!isSecret) return;
  if (isEdge) throw wrong('token', "looks like a provider's secret key; an edge wants its own client key");
  if (allowed || !isPage()) return;
  const problem =
    'looks like a secret key, which every visitor of this page could read; name your own edge with ' +
    "`edge`, or set `dangerouslyAllowBrowser: true` if the key is the visitor's own";
  throw wrong(`${parent}apiKey`, problem);
}

function appOf(options) {
  const app = take(options, 'app', isObject, 'must be an object') ?? {};
  const stray = Object.keys(app).find((name) => name !== 'url' && name !== 'title');
  if (stray) throw wrong(`app.${stray}`, 'is not a known field; known are: url, title');
  return { url: sendable(app, 'url', 'app.'), title: sendable(app, 'title', 'app.') };
}

/** Whoever opens the developer tools can read what this code knows. */
function isPage() {
  const { window, WorkerGlobalScope, navigator, Deno } = globalThis;
  if (window?.document) return true;
  const worker = isFunction(WorkerGlobalScope) && globalThis instanceof WorkerGlobalScope;
  return worker && navigator?.userAgent !== 'Cloudflare-Workers' && Deno === undefined;
}

/** Headers in any of their forms as an object; the web's own class knows what is valid. */
export function plainHeaders(headers) {
  try {
    return Object.fromEntries(new Headers(headers ?? {}));
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
    // A field of the request is an option: its path begins with its own name.
    const name = parent ? `.${key}` : key.replace(/^request$/, '');
    const path = parent + (Array.isArray(this) ? `[${key}]` : name);
    const wrong = unsendable(value);
    if (wrong) throw misuse(`\`${path}\` is ${wrong}, which JSON cannot carry`);
    if (value !== null && typeof value === 'object') paths.set(value, path);
    return value;
  });
}

function unsendable(value) {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  if (typeof value === 'bigint') return 'a BigInt';
  if (isFunction(value)) return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
}
