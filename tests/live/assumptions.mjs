// The assumptions of this project that no documentation guarantees. Each check returns a verdict on the results of
// experiments.

import { ORIGIN, Unknown } from './api.mjs';

const holds = (how) => ({ verdict: 'holds', text: how ? `holds (${how})` : 'holds' });
const differs = (seen) => ({ verdict: 'differs', text: `DIFFERS: ${seen}` });
const unknown = (why) => ({ verdict: 'unknown', text: `unknown: ${why}` });

export const ASSUMPTIONS = [
  ['a list of more than 3 models is refused with a 400 that says so', (see) => {
    const answer = see('longList');
    if (isBusy(answer)) return unknown(`answered with ${answer.status}`);
    const isNamed = /models/i.test(message(answer)) && /\b(3|three)\b/.test(message(answer));
    return answer.status === 400 && isNamed ? holds() : differs(describe(answer));
  }],
  ['an unknown id is refused with a 400 or 404 that says "not a valid model"', (see) => {
    const answer = see('unknownModel');
    if (isBusy(answer)) return unknown(`answered with ${answer.status}`);
    const availability = answer.body?.error?.availability;
    const how = availability ? `with availability ${quoted(availability.code)}` : 'without availability';
    const isNamed = [400, 404].includes(answer.status) && /not a valid model/i.test(message(answer));
    return isNamed ? holds(how) : differs(`${describe(answer)} ${how}`);
  }],
  ['an error may name the account, in user_id beside it', (see) => {
    const errors = [see('longList'), see('unknownModel')].filter(({ body }) => body?.error);
    return errors.some(({ body }) => 'user_id' in body) ? holds() : unknown(`none of ${errors.length} errors did`);
  }],
  ['a page of any origin may call', (see) => {
    const { status, headers } = see('preflight');
    const isOpen = ({ headers: from }) => ['*', ORIGIN].includes(from.get('access-control-allow-origin'));
    // The Fetch standard requires this header by name: an asterisk does not cover it.
    const takesKey = listed(headers, 'access-control-allow-headers').includes('authorization');
    if (status >= 300) return differs(`the preflight was answered with ${status}`);
    if (!takesKey) return differs('the preflight does not allow the header Authorization');
    if (!isOpen({ headers })) return differs('the preflight does not allow the origin');
    return isOpen(see('longList')) ? holds() : differs('the answer does not allow the origin');
  }],
  ['a page can read neither Retry-After nor X-Generation-Id', (see) => {
    const heads = [see('longList'), see('completion'), see('stream')];
    const exposed = new Set(heads.flatMap(({ headers }) => listed(headers, 'access-control-expose-headers')));
    const readable = ['retry-after', 'x-generation-id', '*'].filter((name) => exposed.has(name));
    return readable.length === 0 ? holds() : differs(`exposed: ${readable.join(', ')}`);
  }],
  ['a completion names its provider', (see) => {
    const { body } = see('completion');
    return typeof body?.provider === 'string' ? holds() : differs('no field provider');
  }],
  ['openrouter_metadata comes with a completion if X-OpenRouter-Metadata is enabled, and only then', (see) => {
    const { body } = see('completion');
    if (!body?.openrouter_metadata) return differs('it is missing');
    return see('plainCompletion').body?.openrouter_metadata ? differs('it came without the header') : holds();
  }],
  ['openrouter_metadata comes with the last chunk of a stream', (see) => {
    const { chunks } = see('stream');
    const at = chunks.findIndex((chunk) => chunk.openrouter_metadata);
    if (at < 0) return differs('it is missing');
    return at === chunks.length - 1 ? holds() : differs(`it came with chunk ${at + 1} of ${chunks.length}`);
  }],
  ['model beside models is tried first', (see, { answering, continuing }) => {
    const { body } = see('modelBesideModels');
    const first = body?.openrouter_metadata?.attempts?.[0]?.model ?? body?.model;
    if (is(answering, first)) return holds();
    return is(continuing, first) ? differs('the first of models was') : unknown('the answer names neither');
  }],
  ["a stream's head has the chunks' id in X-Generation-Id", (see) => {
    const { headers, chunks } = see('stream');
    const id = headers.get('x-generation-id');
    if (!id) return differs('no such header');
    const others = chunks.filter((chunk) => chunk.id && chunk.id !== id).length;
    return others === 0 ? holds() : differs(`${others} of ${chunks.length} chunks have another id`);
  }],
  ['a stream has comments that say OPENROUTER PROCESSING', (see) => {
    const { comments } = see('stream');
    if (comments.includes('OPENROUTER PROCESSING')) return holds();
    return comments.length > 0 ? differs(`a comment said ${quoted(comments[0])}`) : unknown('there was no comment');
  }],
  ['usage comes once, in the last chunk, with its cost and without choices', (see) => {
    const { chunks, done } = see('stream');
    const at = chunks.flatMap((chunk, index) => (chunk.usage ? [index] : []));
    if (at.length === 0) return differs('no chunk has usage');
    const { usage, choices } = chunks[at[0]];
    const wrong = [];
    if (at.length > 1) wrong.push(`${at.length} chunks have usage`);
    if (at[0] !== chunks.length - 1) wrong.push(`it came with chunk ${at[0] + 1} of ${chunks.length}`);
    if (typeof usage.cost !== 'number') wrong.push('it has no cost');
    if (choices?.length !== 0) wrong.push('it came with choices');
    if (!done) wrong.push('[DONE] did not follow');
    return wrong.length === 0 ? holds() : differs(wrong.join(', '));
  }],
  ['a generation can be looked up when its stream has ended', (see) => {
    const { status, body, after } = see('record');
    const time = after < 1 ? 'at once' : `after ${(after / 1000).toFixed(1)} s`;
    if (status === 404) return differs(`not there ${time}`);
    if (status !== 200) return unknown(`the lookup was answered with ${status}`);
    return typeof body?.data?.total_cost === 'number' ? holds(time) : differs('it has no total_cost');
  }],
  ['a stream that was left can be looked up as cancelled, with its cost', (see) => {
    const { status, body, after } = see('leftRecord');
    if (status === 404) return differs(`not there after ${(after / 1000).toFixed(1)} s`);
    if (status !== 200) return unknown(`the lookup was answered with ${status}`);
    const { cancelled, finish_reason: finish, total_cost: cost } = body?.data ?? {};
    if (typeof cost !== 'number') return differs('it has no total_cost');
    if (cancelled === true) return holds();
    return finish ? unknown('it had ended before it was left') : differs(`cancelled is ${quoted(cancelled)}`);
  }],
  ['a Llama or Mistral model goes on from a trailing assistant message', (see) => {
    const { status, body, first, next } = see('continuation');
    if (isBusy({ status })) return unknown(`answered with ${status}`);
    if (status !== 200) return differs(describe({ status, body }));
    const content = letters(body?.choices?.[0]?.message?.content);
    if (content.startsWith(letters(next))) return holds();
    return content.startsWith(letters(first)) ? differs('it started over') : unknown('it neither went on nor started over');
  }],
];

/** The verdict of a check on what `models` showed. */
export function verdictOf(check, see, models) {
  try {
    return check(see, models);
  } catch (error) {
    if (error instanceof Unknown) return unknown(error.message);
    throw error;
  }
}

/** The error has nothing to do with the request. */
const isBusy = ({ status }) => [401, 402, 403, 408, 429].includes(status) || status >= 500;

const message = ({ body }) => String(body?.error?.message ?? '');
const describe = (answer) => (answer.status === 200 ? 'the request was answered' : `${answer.status} ${quoted(message(answer))}`);

/** Quotes foreign text for a screen: short, on one line, and without control characters. */
const quoted = (value) => `"${String(value).replace(/\p{C}+/gu, ' ').slice(0, 100)}"`;

const listed = (headers, name) => (headers.get(name) ?? '').toLowerCase().split(',').map((word) => word.trim());
const is = ({ id, canonical_slug: slug }, name) => name === id || name === slug;
const letters = (text) => String(text).toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
