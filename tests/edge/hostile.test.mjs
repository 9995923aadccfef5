// Input that was made to stop an isolate: the edge answers it soon and shortly, and answers others meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chat, send } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const MODEL = 'openai/gpt-4o-mini';
/** A body of this size is the largest that the edge takes by default. */
const BYTES = 990_000;
/** The work takes a fraction of a second. What was quadratic took many seconds, or did not end. */
const SOON_MS = 5_000;

const { edge } = useEdge({ failsoft: { models: ['*'] } });

const say = (text) => [{ role: 'user', content: `say:${text}` }];
const wants = (schema, answer = '1') => ({ model: MODEL, messages: say(answer), response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } });
/** As many pieces as fit into a body, each made of its number. */
const fill = (piece) => {
  const length = piece(0).length + 8;
  return Array.from({ length: Math.floor(BYTES / length) }, (_, number) => piece(number));
};
const nulls = (name) => `{"model":"${MODEL}","messages":[{"role":"user","content":"words:3"}],${fill((number) => `"${name}${number}":null`).join(',')}}`;
const any = (target) => ({ anyOf: [{ $ref: target }, { $ref: target }] });
const doubling = () => {
  const $defs = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`d${at}`, any(`#/$defs/d${at + 1}`)]));
  return { $defs: { ...$defs, d60: { const: 2 } }, $ref: '#/$defs/d0' };
};

const INPUTS = {
  'a schema whose two choices are the schema itself': () => wants(any('#')),
  'a schema whose references double': () => wants(doubling()),
  'a schema with a choice for each number': () => wants({ items: { anyOf: fill((number) => ({ const: number })) } }, JSON.stringify(Array(9_000).fill(-1))),
  'a schema with many properties': () => wants({ properties: Object.fromEntries(fill((number) => [`p${number}`, {}])) }, JSON.stringify(Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`f${at}`, 1])))),
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

for (const [name, input] of Object.entries(INPUTS)) {
  test(`${name}: the answer comes soon and is short, and others are answered meanwhile`, { timeout: 60_000 }, async () => {
    const body = input();
    await send(edge, '/healthz', { key: null });
    const began = performance.now();
    const hostile = chat(edge, body).then((answer) => ({ answer, took: performance.now() - began }));
    const waits = [];
    let isOver = false;
    hostile.finally(() => (isOver = true)).catch(() => {});
    do {
      const sent = performance.now();
      assert.equal((await send(edge, '/healthz', { key: null })).status, 200);
      waits.push(performance.now() - sent);
    } while (!isOver);
    const { answer, took } = await hostile;
    assert.ok(took < SOON_MS, `the answer took ${took} ms`);
    assert.ok(Math.max(...waits) < SOON_MS, `/healthz took ${Math.max(...waits)} ms`);
    assert.ok(answer.status < 500 || answer.json?.failsoft, `${answer.status} ${answer.text.slice(0, 300)}`);
    if (answer.status !== 200) assert.ok(answer.text.length < 4_000, `an error of ${answer.text.length} bytes`);
  });
}
