// Tool calls reach the client byte for byte: whatever their arguments hold, however a stream cuts them, on every lane and in one piece.
// And what a client sends back reaches the upstream byte for byte.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { clientKey } from '../support/edge.mjs';
import { POLICY, chat, send } from './harness.mjs';
import { configure, setUp, useEdge } from './use-edge.mjs';

const MODEL = 'm/tools';
const HIDDEN = 'fs_hidden_report';

/** Arguments that a reader of JSON changes when it writes them again. */
const ARGUMENTS = {
  'odd white space': ' {\n\t"a" :1 ,\r\n "b":[ ]  }\n',
  'numbers that a double cannot hold': '{"id":12345678901234567890,"big":1e400,"small":5e-324,"one":1.0,"minus":-0,"exponent":1E+2,"digits":0.1000000000000000055511151231257827}',
  'escapes that could be shorter': '{"slash":"\\/","letter":"\\u0061","quote":"\\u0022","back":"\\\\","tab":"\\t\\u0009"}',
  'a surrogate pair as escapes': '{"crab":"\\ud83e\\udd80","upper":"\\uD83E\\uDD80"}',
  'characters beyond the first plane': '{"crab":"🦀","family":"👩‍👩‍👧‍👦","flag":"🇺🇳","zalgo":"Z̷̢a̸l̴g̷o̶"}',
  'control characters and separators': '{"nul":"\\u0000","line":"\u2028","paragraph":"\u2029","bom":"\ufeff","del":"\u007f","nel":"\u0085"}',
  'a name twice': '{"a":1,"a":2,"__proto__":{"x":1},"":3}',
  'fields in an order': '{"z":1,"a":2,"10":3,"9":4}',
  'HTML and SQL': `{"html":"</script><b>&amp;&lt;","sql":"'; DROP TABLE attempts; --"}`,
  'text of a stream': '{"text":"data: [DONE]\\n\\ndata: {\\"error\\":1}\\n\\n: comment"}',
  'deep nesting': `${'{"a":['.repeat(30)}${']}'.repeat(30)}`,
  'a long text': JSON.stringify({ text: 'ä🦀"\\\n'.repeat(8_000) }),
  'an array': '[1,2]',
  'an empty object': '{}',
};
const call = (index, args, more = {}) => ({ index, id: `call_${index}_ÄÖ/é`, type: 'function', function: { name: `f_${index}`, arguments: args }, ...more });
const NAMES = Object.keys(ARGUMENTS);
const CALLS = NAMES.map((name, index) => call(index, ARGUMENTS[name]));

/** Those that a stream can bring by the code unit. */
const SHORT = NAMES.map((name) => ARGUMENTS[name]).filter((text) => text.length < 1_000).map((text, index) => call(index, text));

/** Texts that together are `text`: cut in the middle of escapes, of numbers and of surrogate pairs, as `length` says. */
function cut(text, length) {
  const pieces = [];
  for (let at = 0; at < text.length; at += length) pieces.push(text.slice(at, at + length));
  return pieces;
}

/** The chunks of a stream with `calls`, whose arguments come in pieces of `length`. With `mixed`, the pieces of all calls take turns. */
function chunksOf(calls, { length = 1e9, mixed }) {
  const first = calls.map(({ index, id, type, function: { name } }) => [{ index, id, type, function: { name, arguments: '' } }]);
  const pieces = calls.map(({ index, function: { arguments: text } }) => cut(text, length).map((piece) => ({ index, function: { arguments: piece } })));
  const rest = mixed
    ? Array.from({ length: Math.max(...pieces.map((list) => list.length)) }, (_, at) => pieces.flatMap((list) => list.slice(at, at + 1))).map((list) => list)
    : pieces.flatMap((list) => list.map((piece) => [piece]));
  const deltas = [{ role: 'assistant', content: null }, ...first.map((list) => ({ tool_calls: list })), ...rest.map((list) => ({ tool_calls: list }))];
  return [...deltas.map((delta) => ({ delta, finish_reason: null })), { delta: {}, finish_reason: 'tool_calls' }];
}

/** JSON as some vendors write it: every character outside ASCII as an escape. */
const ascii = (text) => text.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const upstream = { how: {}, bodies: [] };
setUp(async () => {
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    if (request.method !== 'POST') return response.writeHead(404).end('{}');
    upstream.bodies.push(text);
    const { stream } = JSON.parse(text);
    const { calls = CALLS, spell = (json) => json, answerAsJson, answerAsStream } = upstream.how;
    const names = { id: 'gen-1', object: 'chat.completion.chunk', created: 7, model: MODEL };
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    if ((!stream && !answerAsStream) || answerAsJson) {
      const message = { role: 'assistant', content: null, tool_calls: calls.map(({ index, ...rest }) => rest) };
      upstream.sent = spell(JSON.stringify({ ...names, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage }));
      return response.writeHead(200, { 'content-type': 'application/json' }).end(upstream.sent);
    }
    const events = [...chunksOf(calls, upstream.how).map((choice) => ({ choices: [{ index: 0, ...choice }] })), { choices: [], usage }];
    upstream.sent = `${events.map((event) => `data: ${spell(JSON.stringify({ ...names, ...event }))}\n\n`).join('')}data: [DONE]\n\n`;
    return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(upstream.sent);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  upstream.url = `http://127.0.0.1:${server.address().port}/v1`;
});

const lane = (name) => ({ models: [MODEL], lane: name });
const { edge } = useEdge(() => ({
  failsoft: configure({ baseURL: upstream.url }, {
    keys: [clientKey(), clientKey({ name: 'hidden', report: false }, HIDDEN)],
    policy: { ...POLICY, retry: { same: 0 } },
    limits: { bodyBytes: 4_000_000 },
    routes: { gate: lane('gate'), relay: lane('relay'), lean: lane('lean'), assembled: { models: [MODEL], policy: { assemble: true } } },
  }),
}), { clear: async () => {} });

/** The tool calls of a stream, as a client joins them. */
function joined({ chunks }) {
  const calls = [];
  for (const { choices } of chunks) {
    for (const { index, id, type, function: { name, arguments: text } = {} } of choices?.[0]?.delta?.tool_calls ?? []) {
      const known = (calls[index] ??= { index, function: { arguments: '' } });
      if (id) known.id ??= id;
      if (type) known.type ??= type;
      if (name) known.function.name ??= name;
      known.function.arguments += text ?? '';
    }
  }
  return calls;
}

const plain = (calls) => calls.map(({ id, type, function: { name, arguments: text } }) => ({ id, type, name, text }));

function check(calls, expected, where) {
  for (const [at, { text }] of plain(expected).entries()) assert.equal(calls[at]?.function.arguments, text, `${where}: ${NAMES[at] ?? at}`);
  assert.deepEqual(plain(calls), plain(expected), where);
}

for (const [spelling, spell] of [['in UTF-8', undefined], ['in ASCII', ascii]]) {
  for (const [cutting, shape] of [['whole', { length: 1e9 }], ['in pieces of 7', { length: 7 }], ['in pieces of one code unit', { length: 1, calls: SHORT }], ['in pieces that take turns', { length: 11, mixed: true }]]) {
    test(`the arguments of a streamed tool call are what the upstream sent, on every lane: ${spelling}, ${cutting}`, async () => {
      for (const model of ['route/gate', 'route/relay', 'route/lean']) {
        for (const key of [undefined, HIDDEN]) {
          // A piece of one code unit has half of a surrogate pair, which UTF-8 cannot hold but an escape can.
          upstream.how = { ...shape, spell: shape.length === 1e9 ? spell : ascii };
          const answer = await chat(edge, { model, stream: true }, key ? { key } : {});
          assert.equal(answer.status, 200, answer.text);
          assert.ok(answer.events.done, answer.text.slice(-300));
          check(joined(answer.events), shape.calls ?? CALLS, `${model} ${key ?? ''}`);
          if (model !== 'route/gate' && !key) assert.ok(answer.text.endsWith(upstream.sent), 'the bytes pass as they are');
        }
      }
    });
  }

  test(`the arguments of a tool call in one piece are what the upstream sent: ${spelling}`, async () => {
    for (const model of ['route/gate', 'route/relay', 'route/lean', 'route/assembled']) {
      for (const key of [undefined, HIDDEN]) {
        for (const how of [{ spell }, { spell, length: 13, answerAsStream: true }, { spell: ascii, length: 1e9, mixed: true, answerAsStream: true }]) {
          upstream.how = how.answerAsStream ? { ...how, spell: ascii } : how;
          const answer = await chat(edge, { model }, key ? { key } : {});
          assert.equal(answer.status, 200, answer.text.slice(0, 500));
          check(answer.json.choices[0].message.tool_calls, CALLS, `${model} ${key ?? ''} ${JSON.stringify(how)}`);
          assert.equal(answer.json.choices[0].finish_reason, 'tool_calls');
        }
      }
    }
  });
}

/** The events of a stream of another protocol. */
const eventsOf = (text) => text.split('\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice('data: '.length)));

test('the arguments of a tool call are what the upstream sent, in Responses and in Messages', async () => {
  const objects = Object.values(ARGUMENTS).filter((text) => text.trim().startsWith('{')).map((text, index) => call(index, text));
  const texts = objects.map(({ function: { arguments: text } }) => text);
  const ask = async (path, body) => {
    const answer = await send(edge, path, { method: 'POST', body: JSON.stringify({ model: MODEL, ...body }), headers: { 'content-type': 'application/json' } });
    assert.equal(answer.status, 200, answer.text);
    return answer.text;
  };
  const messages = { max_tokens: 1_000, messages: [{ role: 'user', content: 'hi' }] };
  for (const [length, spell] of [[1e9, undefined], [9, ascii]]) {
    upstream.how = { calls: objects, length, spell };
    const response = JSON.parse(await ask('/v1/responses', { input: 'hi' }));
    assert.deepEqual(response.output.filter(({ type }) => type === 'function_call').map(({ arguments: text }) => text), texts);
    const events = eventsOf(await ask('/v1/responses', { input: 'hi', stream: true }));
    const deltas = {};
    for (const { type, output_index: at, delta } of events) if (type === 'response.function_call_arguments.delta') deltas[at] = (deltas[at] ?? '') + delta;
    assert.deepEqual(Object.values(deltas), texts);
    assert.deepEqual(events.filter(({ type }) => type === 'response.function_call_arguments.done').map(({ arguments: text }) => text), texts);
    const parts = {};
    for (const { index, delta } of eventsOf(await ask('/v1/messages', { ...messages, stream: true }))) if (delta?.type === 'input_json_delta') parts[index] = (parts[index] ?? '') + delta.partial_json;
    assert.deepEqual(Object.values(parts), texts);
    // In one piece the input is JSON, and keeps its text.
    const whole = await ask('/v1/messages', messages);
    for (const text of texts) assert.ok(whole.includes(`"input":${text.trim()}`), `${text.slice(0, 200)} in ${whole.slice(0, 500)}`);
  }
});

test('a tool call that comes as JSON to a client that asked for a stream keeps its arguments', async () => {
  for (const key of [undefined, HIDDEN]) {
    upstream.how = { answerAsJson: true };
    const answer = await chat(edge, { model: 'route/gate', stream: true }, key ? { key } : {});
    assert.equal(answer.status, 200, answer.text);
    const calls = answer.events ? joined(answer.events) : answer.json.choices[0].message.tool_calls;
    check(calls, CALLS, 'JSON in place of a stream');
  }
});

test('the tool calls that a client sends back reach the upstream byte for byte', async () => {
  for (const spell of [(json) => json, ascii]) {
    const list = CALLS.map(({ index, ...rest }) => rest);
    const messages = [{ role: 'user', content: 'hi' }, { role: 'assistant', content: null, tool_calls: list }, ...list.map(({ id, function: { arguments: text } }) => ({ role: 'tool', tool_call_id: id, content: text }))];
    const parameters = '{"type":"object","properties":{"z":{"type":"integer","maximum":12345678901234567890,"default":1.0},"a":{"enum":["\\u0061","\\/"]}}}';
    const written = spell(JSON.stringify(messages));
    const tools = `[ {"type":"function" ,"function":{"name":"f_0","parameters":${parameters}}}]`;
    upstream.how = {};
    upstream.bodies = [];
    const answer = await chat(edge, `{"model":"${MODEL}","messages":${written},"tools":${tools}}`);
    assert.equal(answer.status, 200, answer.text);
    const [body] = upstream.bodies;
    assert.ok(body.includes(`"messages":${written}`), body.slice(0, 500));
    assert.ok(body.includes(parameters), body.slice(-500));
  }
});
