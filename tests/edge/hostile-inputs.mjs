// Requests that were made to stop an isolate: each takes little to send, and took seconds or for ever.

import { requestOf } from './endpoints.mjs';

export const MODEL = 'openai/gpt-4o-mini';
/** A body of this size is the largest that the edge takes by default. */
export const BYTES = 990_000;

const say = (text) => [{ role: 'user', content: `say:${text}` }];
const wants = (schema, answer = '1') => ({ model: MODEL, messages: say(answer), response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } });
/** As many pieces as fit into a body beside `rest` bytes, each made of its number. */
const fill = (piece, rest = 1_000) => {
  const sample = piece(100_000);
  const length = (typeof sample === 'string' ? sample.length + 2 : JSON.stringify(sample).length) + 1;
  return Array.from({ length: Math.floor((BYTES - rest) / length) }, (_, number) => piece(number));
};
/** An object with a field for each number: as many as fit into a body beside `rest` bytes. */
const fields = (name, value, rest) => Object.fromEntries(fill((number) => [`${name}${number}`, value], rest));
const many = (count, value) => JSON.stringify(Array(count).fill(value));
const answered = (count) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, 1])));
const nulls = (name) => `{"model":"${MODEL}","messages":[{"role":"user","content":"words:3"}],${fill((number) => `"${name}${number}":null`).join(',')}}`;
const any = (target) => ({ anyOf: [{ $ref: target }, { $ref: target }] });
const doubling = () => {
  const $defs = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`d${at}`, any(`#/$defs/d${at + 1}`)]));
  return { $defs: { ...$defs, d60: { const: 2 } }, $ref: '#/$defs/d0' };
};

/** By name, a function that makes the body: a value, or JSON text. */
export const INPUTS = {
  'a schema whose two choices are the schema itself': () => wants(any('#')),
  'a schema whose references double': () => wants(doubling()),
  'a schema with a choice for each number': () => wants({ items: { anyOf: fill((number) => ({ const: number }), 50_000) } }, many(9_000, -1)),
  'a schema with many properties': () => wants({ additionalProperties: false, properties: fields('f', {}, 50_000) }, answered(2_000)),
  'a schema with many required names': () => wants({ required: fill((number) => `r${number}`, 50_000) }, answered(2_000)),
  'a schema with a long enumeration': () => wants({ items: { enum: fill((number) => `e${number}`, 50_000) } }, many(9_000, -1)),
  'a schema with a long list to compare': () => wants({ items: { const: fill((number) => `e${number}`, 50_000) } }, many(4_000, ['e0', 'e1'])),
  'a schema whose references are a chain': () => wants({ $defs: Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`d${at}`, { $ref: `#/$defs/d${at + 1}` }])), items: { $ref: '#/$defs/d0' } }, many(9_000, -1)),
  'many parts of a message': () => ({ model: MODEL, messages: [{ role: 'user', content: fill((number) => ({ type: 'text', text: `t${number}` })) }] }),
  'many calls of tools': () => ({ model: MODEL, messages: [{ role: 'assistant', content: null, tool_calls: fill((number) => ({ id: `c${number}`, type: 'function', function: { name: 'f', arguments: '{}' } })) }, { role: 'user', content: 'words:3' }] }),
  'many tools': () => ({ model: MODEL, messages: say('1'), tools: fill((number) => ({ type: 'function', function: { name: `f${number}` } })) }),
  'many names in a field that is passed on': () => ({ model: MODEL, messages: say('1'), metadata: fields('m', 'x') }),
  'a name twice behind many names': () => `{"model":"${MODEL}","messages":[{"role":"user","content":"words:3"}],"metadata":{${fill((number) => `"m${number}":1`).join(',')},"m1":2}}`,
  'a number with many digits': () => `{"model":"${MODEL}","messages":[{"role":"user","content":"words:3"}],"max_tokens":1e${'9'.repeat(BYTES - 200)}}`,
  'a text of escapes': () => `{"model":"${MODEL}","messages":[{"role":"user","content":"words:3 ${'\\ud83e\\udd80'.repeat(BYTES / 12 - 50)}"}]}`,
  'unknown fields that are null': () => nulls('f'),
  'unknown fields that are null, with escapes': () => nulls('\\u0066\\u0066'),
  'a long name of an unknown field': () => ({ model: MODEL, ['f'.repeat(BYTES)]: 1 }),
  'a long name of an unknown field that is null': () => ({ model: MODEL, ['f'.repeat(BYTES)]: null }),
  'a long name in a message': () => ({ model: MODEL, messages: [{ role: 'user', content: 'words:3', ['temperatur'.repeat(BYTES / 10)]: 1 }] }),
  'a long id of a model': () => ({ model: `anthropic/${'claude-'.repeat(BYTES / 7)}` }),
  'many ids of models': () => ({ models: fill((number) => `anthropic/claude-opus-${number}`) }),
  'many literals': () => ({ model: MODEL, messages: say('a'.repeat(20_000)), failsoft: { pattern: { literals: fill((number) => `aaaaaaaaaaaa${number}`) } } }),
  'long literals': () => ({ model: MODEL, messages: say('a'.repeat(20_000)), failsoft: { pattern: { literals: Array(90).fill('a'.repeat(9_000)) } } }),
  'the most literals': () => ({ model: MODEL, messages: say('a'.repeat(20_000)), failsoft: { pattern: { literals: Array(100).fill(`${'a'.repeat(999)}b`) } } }),
  'many phrases': () => ({ model: MODEL, stream: true, messages: say('word '.repeat(500)), failsoft: { refusal: { phrases: fill((number) => `word ${number}`) } } }),
  'a string of quotes that is broken at its end': () => `{"model":"${'\\"'.repeat(BYTES / 2)}\\x`,
};

/** A part of a prompt of `endpoint` with the text `text`. */
const part = ({ path }, text) => (path === '/v1/embeddings' ? text : { type: path === '/v1/responses' ? 'input_text' : 'text', text });
/** A request to `endpoint` as JSON text, with `more` in front of its fields. */
const raw = (endpoint, more) => JSON.stringify(requestOf(endpoint, MODEL)).replace('{', `{${more},`);

/** The inputs that every endpoint can get, in its own spelling. */
export const inputsOf = (endpoint) => ({
  'unknown fields that are null': () => raw(endpoint, fill((number) => `"f${number}":null`).join(',')),
  'a long name of an unknown field': () => requestOf(endpoint, MODEL, { ['f'.repeat(BYTES)]: 1 }),
  'a name twice behind many names': () => raw(endpoint, `"metadata":{${fill((number) => `"m${number}":1`).join(',')},"m1":2}`),
  'a text of escapes': () => JSON.stringify(requestOf(endpoint, MODEL, endpoint.prompt('words:3 TEXT'))).replace('TEXT', '\\ud83e\\udd80'.repeat(BYTES / 12 - 50)),
  'many parts of a prompt': () => requestOf(endpoint, MODEL, endpoint.parts(fill((number) => part(endpoint, `t${number}`)))),
  'a long id of a model': () => ({ ...requestOf(endpoint, MODEL), model: `anthropic/${'claude-'.repeat(BYTES / 7)}` }),
  ...(endpoint.fn && { 'many tools': () => requestOf(endpoint, MODEL, { tools: fill(() => endpoint.fn.tools[0]) }) }),
});
