// The endpoints that take a text, in one table: how each spells a request, and how its answer is read. What holds for one of them
// holds for all, so a test that attacks one attacks each row.

import { CLIENT_KEY } from '../support/edge.mjs';
import { send } from './harness.mjs';

const PICTURE = 'AAAA';
const DATA = `data:image/png;base64,${PICTURE}`;
const user = (content) => ({ messages: [{ role: 'user', content }] });

/** The model of the vectors. */
export const VECTORS = 'openai/text-embedding-3-small';

/**
 * Of each endpoint: `path`; `limit`, the field with the output limit, `null` if nothing is written; `asks`, whether it sends a request
 * to a model, and `writes`, whether the model writes a text; `model`, if only this one can answer; and the spellings of
 *
 * - `prompt(text)`, the fields of a prompt; `parts(list)`, a prompt of such parts,
 * - `picture`, `file`: an attachment as a part,
 * - `hosted`, a tool that the upstream runs; `fn`, a tool of the caller, `null` if there are no tools,
 * - `text(answer)`: the text of an answer in one piece.
 */
export const ENDPOINTS = [
  {
    path: '/v1/chat/completions',
    limit: 'max_tokens',
    asks: true,
    writes: true,
    prompt: (text) => user(text),
    parts: (list) => user(list),
    picture: { type: 'image_url', image_url: { url: DATA } },
    file: { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
    hosted: { tools: [{ type: 'web_search' }] },
    fn: { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }] },
    text: ({ choices }) => choices[0].message.content,
  },
  {
    path: '/v1/responses',
    limit: 'max_output_tokens',
    asks: true,
    writes: true,
    prompt: (text) => ({ input: text }),
    parts: (list) => ({ input: [{ role: 'user', content: list }] }),
    picture: { type: 'input_image', image_url: DATA },
    file: { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' },
    hosted: { tools: [{ type: 'web_search' }] },
    fn: { tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }] },
    text: ({ output }) => output.flatMap(({ content }) => content ?? []).map(({ text }) => text).join(''),
  },
  ...['/v1/messages', '/v1/messages/count_tokens'].map((path) => ({
    path,
    limit: path === '/v1/messages' ? 'max_tokens' : null,
    asks: path === '/v1/messages',
    writes: path === '/v1/messages',
    prompt: (text) => user(text),
    parts: (list) => user(list),
    picture: { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PICTURE } },
    file: { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PICTURE } },
    hosted: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    fn: { tools: [{ name: 'f', input_schema: { type: 'object' } }] },
    text: ({ content }) => content.map(({ text }) => text).join(''),
  })),
  {
    path: '/v1/embeddings',
    limit: null,
    asks: true,
    writes: false,
    model: VECTORS,
    prompt: (text) => ({ input: text }),
    parts: (list) => ({ input: list }),
    picture: { type: 'image_url', image_url: { url: DATA } },
    file: { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' },
    hosted: { tools: [{ type: 'web_search' }] },
    fn: null,
  },
];

/** A whole request of `endpoint` for `model`. */
export const requestOf = (endpoint, model, fields = {}) => ({ model: endpoint.model ?? model, ...(endpoint.limit ? { [endpoint.limit]: 40 } : {}), ...endpoint.prompt('words:5'), ...fields });

/** Sends `body`, an object or a text, to `endpoint`. The result has `json` for an answer in one piece. */
export async function ask(edge, endpoint, body, { key = CLIENT_KEY, headers = {} } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await send(edge, endpoint.path, { method: 'POST', key, body: text, headers: { 'content-type': 'application/json', ...headers } });
  const isJson = answer.headers['content-type']?.startsWith('application/json');
  return { ...answer, json: isJson ? JSON.parse(answer.text) : null };
}
