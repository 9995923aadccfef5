// Compares what a case of tests/fixtures/wire expects with what was seen.

import { isDeepStrictEqual } from 'node:util';

const isOneOf = (wanted, got) => [wanted].flat().includes(got);
const isWithin = (wanted, got) => (Array.isArray(wanted) ? got >= wanted[0] && got <= wanted[1] : got === wanted);
const contains = (text, words) => text.toLowerCase().includes(words.toLowerCase());
const jsonOf = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return `not JSON: ${text}`;
  }
};
const hasFields = ({ has = [], lacks = [] }, body = {}) => has.every((name) => name in body) && !lacks.some((name) => name in body);
const callOf = ({ name, arguments: text }) => ({ name, arguments: jsonOf(text) });
const areDistinct = (ids) => ids.length > 0 && ids.every((id) => typeof id === 'string' && id) && new Set(ids).size === ids.length;

/** The fields of a failure: is this value as wanted? */
const OF_FAILURE = {
  kind: (wanted, { kind }) => isOneOf(wanted, kind),
  kind_not: (wanted, { kind }) => !isOneOf(wanted, kind),
  status: (wanted, { status }) => isOneOf(wanted, status),
  code: (wanted, { code }) => wanted === code,
  retryAfter: (wanted, { retryAfter }) => wanted === retryAfter,
  partial: (wanted, { partial }) => wanted === partial,
  message: (wanted, { message }) => [wanted].flat().every((words) => contains(message, words)),
  message_any: (wanted, { message }) => wanted.some((words) => contains(message, words)),
  message_lacks: (wanted, { message }) => ![wanted].flat().some((words) => contains(message, words)),
};

const isFailure = (wanted, got) => wanted === got || (wanted !== null && got != null
  && Object.entries(wanted).every(([field, value]) => OF_FAILURE[field](value, got)));

/** The fields of `expect`: is what was seen as wanted? */
const CHECKS = {
  first: (wanted, { first }) => isFailure(wanted, first),
  error: (wanted, { error }) => wanted === 'allowed' || isFailure(wanted, error),
  requests: (wanted, { requests }) => isWithin(wanted, requests),
  asked: (wanted, { asked }) => isDeepStrictEqual(wanted, asked),
  answered_by: (wanted, seen) => wanted === seen.answered_by,
  gap_ms: (wanted, seen) => isWithin(wanted, seen.gap_ms),
  first_text_ms: (wanted, seen) => isWithin(wanted, seen.first_text_ms),
  ended_ms: (wanted, seen) => isWithin(wanted, seen.ended_ms),
  text: (wanted, { text, content, error }) => wanted === text && (error !== undefined || wanted === content),
  json: (wanted, { content }) => isDeepStrictEqual(wanted, jsonOf(content)),
  finish_reason: (wanted, seen) => isOneOf(wanted, seen.finish_reason),
  native_finish_reason: (wanted, seen) => wanted === seen.native_finish_reason,
  tool_calls: (wanted, { message }) => isDeepStrictEqual(wanted, (message?.tool_calls ?? []).map((call) => callOf(call.function))),
  ids: (_, { message }) => areDistinct((message?.tool_calls ?? []).map(({ id }) => id)),
  function_call: (wanted, { message }) => message?.function_call && isDeepStrictEqual(wanted, callOf(message.function_call)),
  reasoning: (wanted, { message }) => wanted === (message?.reasoning ?? message?.reasoning_content),
  annotations: (wanted, { message }) => isDeepStrictEqual(wanted, message?.annotations),
  citations: (wanted, { completion }) => isDeepStrictEqual(wanted, completion?.citations),
  image_length: (wanted, { message }) => wanted === message?.images?.[0]?.image_url?.url?.length,
  usage: (wanted, { usage }) => Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(value, usage?.[name])),
  cost: (wanted, { cost }) => Math.abs(cost - wanted) < 1e-12,
  accepted: (wanted, { accepted }) => wanted === accepted,
  warnings: (wanted, { warnings = [] }) => [wanted].flat().every((words) => warnings.some((warning) => warning.includes(words))),
  first_request: (wanted, seen) => hasFields(wanted, seen.first_request),
  last_request: (wanted, seen) => hasFields(wanted, seen.last_request),
};

/** What of `expect` does not hold: the names of the fields. */
export function mismatches(expect, seen) {
  const { either, ...fields } = expect;
  if (either) {
    const each = either.map((alternative) => mismatches({ ...fields, ...alternative }, seen));
    return each.some((wrong) => wrong.length === 0) ? [] : each.flat();
  }
  const wrong = Object.entries(fields).filter(([name, wanted]) => !CHECKS[name](wanted, seen)).map(([name]) => name);
  // An error that the case does not mention must not happen.
  return seen.error && fields.error === undefined ? ['error', ...wrong] : wrong;
}
