// failsoft/chat: a conversation, its state and its actions, without a framework.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { PACKAGE } from '../support/process.mjs';

const load = (name) => import(pathToFileURL(join(PACKAGE, name)));
const { createClient } = await load('index.js');
const { createChat } = await load('chat.js');
const { createFaultyFetch } = await load('testing.js');

/** A conversation with the models a/a and b/b and their faults; `statuses` has the statuses in order. */
function converse(faults = {}, options = {}) {
  const fetch = createFaultyFetch({ faults, delay: options.delay });
  const client = createClient({ baseURL: 'https://models.example/v1', fetch, models: ['a/a', 'b/b'], policy: { retry: { base: 1 }, recover: 'error' } });
  const chat = createChat({ client, ...options });
  const statuses = [];
  chat.subscribe(({ status }) => status !== statuses.at(-1) && statuses.push(status));
  return { chat, fetch, statuses };
}

const texts = ({ state }) => state.messages.map(({ role, content }) => `${role}: ${content}`);

test('an answer comes from the next model, which the state names', async () => {
  const finished = [];
  const { chat, statuses } = converse({ 'a/a': 'unavailable' }, { onFinish: (message, report) => finished.push([message.content, report.fallback]) });
  await chat.send('Hello there!');
  assert.deepEqual(statuses, ['ready', 'submitted', 'streaming', 'ready']);
  assert.deepEqual(texts(chat), ['user: Hello there!', 'assistant: b/b says: Hello there!']);
  assert.deepEqual([chat.state.model, chat.state.messages[1].model, chat.state.report.fallback], ['b/b', 'b/b', true]);
  assert.deepEqual(finished, [['b/b says: Hello there!', true]]);
  assert.equal(new Set(chat.state.messages.map(({ id }) => id)).size, 2);
});

test('the conversation so far is sent, without what only the page needs', async () => {
  const { chat, fetch } = converse({}, { messages: [{ role: 'system', content: 'Be kind.' }] });
  await chat.send('One');
  await chat.send({ role: 'user', content: [{ type: 'text', text: 'Two' }] });
  assert.deepEqual(fetch.requests[1].body.messages, [
    { role: 'system', content: 'Be kind.' }, { role: 'user', content: 'One' }, { role: 'assistant', content: 'a/a says: One' },
    { role: 'user', content: [{ type: 'text', text: 'Two' }] },
  ]);
});

test('an error has advice; retry asks again', async () => {
  const failed = [];
  const { chat, statuses } = converse({ 'a/a': ['network', 'network'], 'b/b': ['network', 'network'] }, { onError: ({ advice }) => failed.push(advice.text) });
  await chat.send('Hello!');
  assert.equal(chat.state.error.kind, 'network');
  assert.equal(chat.state.error.advice.canRetry, true);
  assert.deepEqual(failed, ['There is no connection. Check your network, then try again.']);
  await chat.retry();
  assert.deepEqual(statuses, ['ready', 'submitted', 'error', 'submitted', 'streaming', 'ready']);
  assert.deepEqual(texts(chat), ['user: Hello!', 'assistant: a/a says: Hello!']);
  assert.equal(chat.state.error, undefined);
});

test('an answer that breaks off keeps its text and is marked; retry replaces it', async () => {
  const { chat } = converse({ 'a/a': ['cut'], 'b/b': 'unavailable' });
  await chat.send('one two three four');
  assert.equal(chat.state.status, 'error');
  assert.equal(chat.state.error.kind, 'cut');
  const broken = chat.state.messages[1];
  assert.equal(broken.isIncomplete, true);
  assert.ok('a/a says: one two three four'.startsWith(broken.content) && broken.content.length > 5);
  await chat.retry();
  assert.deepEqual(texts(chat), ['user: one two three four', 'assistant: a/a says: one two three four']);
});

test('stop keeps the text so far, and what comes later changes nothing', async () => {
  const { chat } = converse({ 'a/a': 'stalled' });
  const sent = chat.send('one two three four');
  await new Promise((resolve) => chat.subscribe(({ messages }) => messages[1]?.content && resolve()));
  chat.stop();
  await sent;
  assert.equal(chat.state.status, 'ready');
  assert.equal(chat.state.messages[1].isIncomplete, true);
  const before = chat.state;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(chat.state, before);
});

test('regenerate replaces the last answer, and a second message stops the first answer', async () => {
  const { chat, fetch } = converse({ 'a/a': ['none', 'unavailable', 'stalled'] });
  await chat.send('Hello!');
  await chat.regenerate();
  assert.deepEqual(texts(chat), ['user: Hello!', 'assistant: b/b says: Hello!']);
  const first = chat.send('one two three');
  await new Promise((resolve) => chat.subscribe(({ status }) => status === 'streaming' && resolve()));
  await chat.send('again');
  await first;
  assert.equal(chat.state.status, 'ready');
  assert.equal(texts(chat).at(-1), 'assistant: a/a says: again');
  assert.equal(fetch.requests.length, 5);
});

test('without a message of the user, another answer is none, and the conversation stays', async () => {
  const { chat, fetch } = converse({}, { messages: [{ role: 'system', content: 'Be brief.' }] });
  await chat.regenerate();
  assert.deepEqual(texts(chat), ['system: Be brief.']);
  assert.equal(fetch.requests.length, 0);
});

test('every message has an id of its own, also beside those of an earlier page', () => {
  const first = converse({}).chat;
  first.setMessages([{ id: undefined, role: 'user', content: 'a' }, { role: 'user', content: 'b' }]);
  const kept = first.state.messages;
  const { chat } = converse({}, { messages: [...kept, { role: 'user', content: 'c' }, { id: 'message-1', role: 'user', content: 'd' }] });
  const ids = chat.state.messages.map(({ id }) => id);
  assert.ok(ids.every(Boolean));
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual(ids.slice(0, 2), kept.map(({ id }) => id));
});

test('an error of the app in onFinish or onError reaches the app', async () => {
  const fail = () => {
    throw new Error('the app is wrong');
  };
  await assert.rejects(converse({}, { onFinish: fail }).chat.send('Hello!'), /the app is wrong/);
  await assert.rejects(converse({ 'a/a': 'unavailable', 'b/b': 'unavailable' }, { onError: fail }).chat.send('Hello!'), /the app is wrong/);
});

test('only a budget that is used up says so; a limit of a minute passes', async () => {
  const adviceOf = async (error) => {
    const chat = createChat({ client: { chatStreaming: () => Promise.reject(Object.assign(new Error('no'), error)) } });
    await chat.send('Hello!');
    return chat.state.error.advice;
  };
  assert.equal((await adviceOf({ kind: 'paymentRequired', code: 'budget_exceeded' })).canRetry, false);
  for (const [kind, code] of [['rateLimited', 'rate_limit_exceeded'], ['unavailable', 'budget_unavailable']]) {
    const advice = await adviceOf({ kind, code, retryAfter: 3_000 });
    assert.deepEqual([advice.canRetry, advice.retryAfter], [true, 3_000], code);
    assert.doesNotMatch(advice.text, /budget/);
  }
});

test('what a user cannot mend by trying again is said so', async () => {
  const { chat } = converse({ 'a/a': 'unauthorized' });
  await chat.send('Hello!');
  assert.deepEqual(chat.state.error.advice, {
    text: 'You are not signed in, or your session has ended. Sign in again.', canRetry: false, retryAfter: undefined, detail: 'Invalid API key',
  });
});

test('a subscriber gets the state at once, and nothing after it has left', async () => {
  const { chat } = converse();
  const seen = [];
  const leave = chat.subscribe(({ status }) => seen.push(status));
  leave();
  await chat.send('Hello!');
  assert.deepEqual(seen, ['ready']);
});
