// OpenRouter's API as a reader of its wire sees it: heads, bytes, and a purse that no request may overdraw.

import { setTimeout as sleep } from 'node:timers/promises';

/** The most tokens of any answer. Some providers take no less than this as a limit. */
const MAX_TOKENS = 16;
/** Endpoints that cost more than so many times the listed price are ruled out, which makes the estimate a bound. */
const MARGIN = 3;
/** What a provider may put around the messages, in tokens. */
const TEMPLATE_TOKENS = 200;
const TIMEOUT_MS = 30_000;
/** How long a record may take to appear, and how often it is asked for. */
const LOOKUP_MS = 10_000;
const LOOKUP_EVERY_MS = 250;

/** The page that the requests pretend to come from. */
export const ORIGIN = 'https://page.example';

/** Why something could not be found out. */
export class Untold extends Error {}

/** The API below `url`. Requests together cost at most `bound` USD. */
export function connect(url, key, bound) {
  const authorization = { authorization: `Bearer ${key}` };
  let spent = 0;

  const send = async (path, { headers = authorization, ...init } = {}) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      // A redirect could take the key elsewhere.
      return await fetch(`${url}/${path}`, { redirect: 'error', ...init, headers: { origin: ORIGIN, ...headers }, signal });
    } catch (error) {
      throw untold(error);
    }
  };

  /** Sends a chat request that at most `models` can answer; `read` makes of the response what is seen, with its cost. */
  const chat = async (models, body, { metadata = false, read }) => {
    const price = dearest(models);
    const prompt = Buffer.byteLength(JSON.stringify(body.messages)) + TEMPLATE_TOKENS;
    const worst = MARGIN * (prompt * price.prompt + MAX_TOKENS * price.completion + price.request);
    if (spent + worst > bound) throw new Untold('it could cost more than is left to spend');
    const response = send('chat/completions', {
      method: 'POST',
      headers: {
        ...authorization,
        'content-type': 'application/json',
        ...(metadata && { 'x-openrouter-metadata': 'enabled' }),
      },
      body: JSON.stringify({ max_tokens: MAX_TOKENS, temperature: 0, provider: { max_price: ceiling(price) }, ...body }),
    });
    // What says nothing of its cost is taken to have cost the most.
    spent += worst;
    const seen = await response.then(read).catch((error) => {
      throw untold(error);
    });
    const settle = (cost) => {
      if (Number.isFinite(cost)) spent += cost - worst;
    };
    settle(seen.status >= 400 ? 0 : seen.cost);
    return { ...seen, settle };
  };

  const lookup = async (id) => {
    const start = performance.now();
    for (;;) {
      const asked = performance.now() - start;
      const answer = await whole(await send(`generation?id=${encodeURIComponent(id)}`));
      if (answer.status !== 404 || asked > LOOKUP_MS) return { ...answer, after: asked };
      await sleep(LOOKUP_EVERY_MS);
    }
  };

  return {
    spent: () => spent,
    get: async (path) => whole(await send(path)),
    /** What a browser asks before a page may send a chat request. */
    preflight: async () => whole(await send('chat/completions', {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })),
    /** An answer in one piece. */
    complete: (models, body, options) => chat(models, body, { ...options, read: whole }),
    /** A stream, heard to its end. */
    stream: (models, body, options) => chat(models, { ...body, stream: true }, { ...options, read: heard }),
    /** A stream that is left at its first word. */
    leave: (models, body) => chat(models, { ...body, stream: true }, { read: left }),
    /** The record of a generation: asked for again while it is not there, which is so until `after` milliseconds. */
    lookup,
  };
}

const untold = (error) => {
  if (error instanceof Untold) return error;
  return new Untold(error.name === 'TimeoutError' ? 'no answer in time' : `no answer (${error.cause?.code ?? error.name})`);
};

/** The highest prices of `models`, USD per token and per request. */
function dearest(models) {
  const most = (name) => Math.max(...models.map(({ pricing }) => Number(pricing[name] ?? 0)));
  return { prompt: most('prompt'), completion: most('completion'), request: most('request') };
}

/** The same as the API wants a limit: USD per million tokens. */
const ceiling = (price) => ({ prompt: price.prompt * 1e6 * MARGIN, completion: price.completion * 1e6 * MARGIN });

const head = ({ status, headers }) => ({ status, headers });

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function whole(response) {
  const body = json(await response.text());
  return { ...head(response), body, cost: body?.usage?.cost };
}

async function heard(response) {
  if (response.status !== 200) return whole(response);
  const stream = read(await response.text());
  return { ...head(response), ...stream, cost: stream.chunks.findLast(({ usage }) => usage)?.usage.cost };
}

async function left(response) {
  if (response.status !== 200) return whole(response);
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const stream = read(text);
    // To return from this loop is to cancel the body, which closes the connection.
    if (stream.chunks.some(({ choices }) => choices?.[0]?.delta?.content)) return { ...head(response), ...stream };
  }
  throw new Untold('the stream ended before its first word');
}

/** The comments and the chunks of an event stream, and whether it says that it is done. */
function read(text) {
  const lines = text.split(/\r\n|\r|\n/);
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  return {
    comments: lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1).trim()),
    chunks: data.map(json).filter((chunk) => chunk !== null && typeof chunk === 'object'),
    done: data.at(-1) === '[DONE]',
  };
}
