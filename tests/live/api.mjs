// OpenRouter's API as it looks on the wire: heads, bytes, and a budget that no request may exceed.

import { setTimeout as sleep } from 'node:timers/promises';

/** The most tokens of any answer. Some providers accept no smaller limit. */
const MAX_TOKENS = 16;
/** Endpoints that cost more than this multiple of the listed price are excluded, which makes the estimate a bound. */
const MARGIN = 3;
/** The tokens that a provider may add around the messages. */
const TEMPLATE_TOKENS = 200;
const TIMEOUT_MS = 30_000;
/** How long a record may take to appear, and the interval of the lookups. */
const LOOKUP_MS = 10_000;
const LOOKUP_EVERY_MS = 250;

/** The origin of the page that the requests pretend to come from. */
export const ORIGIN = 'https://page.example';

/** Why a check has no result. */
export class Unknown extends Error {}

/** A client for the API below `url`. All requests together cost at most `bound` USD. */
export function connect(url, key, bound) {
  const authorization = { authorization: `Bearer ${key}` };
  let spent = 0;

  const send = async (path, { headers = authorization, ...init } = {}) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      // A redirect could send the key to another host.
      return await fetch(`${url}/${path}`, { redirect: 'error', ...init, headers: { origin: ORIGIN, ...headers }, signal });
    } catch (error) {
      throw unknown(error);
    }
  };

  /** Sends a chat request that only `models` can answer. `read` turns the response into a result with its cost. */
  const chat = async (models, body, { metadata = false, read }) => {
    const price = dearest(models);
    const prompt = Buffer.byteLength(JSON.stringify(body.messages)) + TEMPLATE_TOKENS;
    const worst = MARGIN * (prompt * price.prompt + MAX_TOKENS * price.completion + price.request);
    if (spent + worst > bound) throw new Unknown('the request could cost more than what is left of the budget');
    const response = send('chat/completions', {
      method: 'POST',
      headers: {
        ...authorization,
        'content-type': 'application/json',
        ...(metadata && { 'x-openrouter-metadata': 'enabled' }),
      },
      body: JSON.stringify({ max_tokens: MAX_TOKENS, temperature: 0, provider: { max_price: ceiling(price) }, ...body }),
    });
    // A response without a cost counts with the highest possible cost.
    spent += worst;
    const result = await response.then(read).catch((error) => {
      throw unknown(error);
    });
    const settle = (cost) => {
      if (Number.isFinite(cost)) spent += cost - worst;
    };
    settle(result.status >= 400 ? 0 : result.cost);
    return { ...result, settle };
  };

  const lookup = async (id) => {
    const start = performance.now();
    for (;;) {
      const elapsed = performance.now() - start;
      const answer = await readBody(await send(`generation?id=${encodeURIComponent(id)}`));
      if (answer.status !== 404 || elapsed > LOOKUP_MS) return { ...answer, after: elapsed };
      await sleep(LOOKUP_EVERY_MS);
    }
  };

  return {
    spent: () => spent,
    get: async (path) => readBody(await send(path)),
    /** The preflight that a browser sends before a page's chat request. */
    preflight: async () => readBody(await send('chat/completions', {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })),
    /** Asks for an answer in one piece. */
    complete: (models, body, options) => chat(models, body, { ...options, read: readBody }),
    /** Asks for a stream and reads it to its end. */
    stream: (models, body, options) => chat(models, { ...body, stream: true }, { ...options, read: readStream }),
    /** Asks for a stream and leaves it at the first word. */
    leave: (models, body) => chat(models, { ...body, stream: true }, { read: leaveStream }),
    /** Looks up the record of a generation, repeatedly until it exists. `after` is the time of the last lookup in milliseconds. */
    lookup,
  };
}

const unknown = (error) => {
  if (error instanceof Unknown) return error;
  return new Unknown(error.name === 'TimeoutError' ? 'no answer in time' : `no answer (${error.cause?.code ?? error.name})`);
};

/** The highest prices of `models`, in USD per token and per request. */
function dearest(models) {
  const most = (name) => Math.max(...models.map(({ pricing }) => Number(pricing[name] ?? 0)));
  return { prompt: most('prompt'), completion: most('completion'), request: most('request') };
}

/** The same as a limit in the request: in USD per million tokens. */
const ceiling = (price) => ({ prompt: price.prompt * 1e6 * MARGIN, completion: price.completion * 1e6 * MARGIN });

const head = ({ status, headers }) => ({ status, headers });

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readBody(response) {
  const body = json(await response.text());
  return { ...head(response), body, cost: body?.usage?.cost };
}

async function readStream(response) {
  if (response.status !== 200) return readBody(response);
  const stream = parseStream(await response.text());
  return { ...head(response), ...stream, cost: stream.chunks.findLast(({ usage }) => usage)?.usage.cost };
}

async function leaveStream(response) {
  if (response.status !== 200) return readBody(response);
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const stream = parseStream(text);
    // Returning from the loop cancels the body, which closes the connection.
    if (stream.chunks.some(({ choices }) => choices?.[0]?.delta?.content)) return { ...head(response), ...stream };
  }
  throw new Unknown('the stream ended before its first word');
}

/** Parses an event stream into its comments and chunks, and whether it ends with [DONE]. */
function parseStream(text) {
  const lines = text.split(/\r\n|\r|\n/);
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  return {
    comments: lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1).trim()),
    chunks: data.map(json).filter((chunk) => chunk !== null && typeof chunk === 'object'),
    done: data.at(-1) === '[DONE]',
  };
}
