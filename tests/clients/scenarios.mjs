// What a client is asked for, and what must be seen, by the client and by the upstream.

import assert from 'node:assert/strict';

import { IMAGE } from './wants.mjs';

/** The second model of the route. It answers. */
export const SECOND = 'openai/gpt-4o';
/** A second model that thinks. */
export const THINKER = 'openai/o4-mini';
/** The key of a client that may call one model only. */
export const NARROW = 'fs_narrow';

const words = (text) => text.split(' ').length;

/**
 * What is answered, by name:
 *
 * - `ask`: what the client is asked for;
 * - `turns`: how many answers it needs, 1 unless this says more. It gets each from the second model, and sends nothing else;
 * - `check`: asserts what it saw, and `body`, the last request to the upstream;
 * - `checkLacking`: the same for a client that lacks what is asked for.
 */
export const ANSWERS = {
  text: {
    ask: { prompt: 'words:12' },
    check({ text, pieces }, { stream }) {
      assert.equal(words(text), 12);
      if (stream) assert.ok(pieces > 1, 'the text came in one piece');
    },
  },
  tools: {
    ask: { prompt: 'use the tools', tools: true },
    turns: 2,
    check({ text, called }) {
      assert.deepEqual(called.toSorted(), [['search', 'what was asked for'], ['weigh', 'what weigh finds']]);
      assert.match(text, / says: /);
      for (const [, query] of called) assert.ok(text.includes(`found ${query}`), text);
    },
  },
  structured: {
    ask: { prompt: 'words:2', structured: true },
    check: ({ parsed }) => assert.deepEqual(parsed, { answer: 'word1 word2' }),
  },
  reasoning: {
    ask: { prompt: 'words:3', thinks: true },
    check: ({ text, thought }) => assert.deepEqual([words(text), thought], [3, 'Let me think about this.']),
    checkLacking: ({ text, thought }) => assert.deepEqual([words(text), Boolean(thought)], [3, false]),
  },
  image: {
    ask: { prompt: 'words:3', image: true },
    check({ text }, { body }) {
      assert.equal(words(text), 3);
      assert.ok(JSON.stringify(body).includes(IMAGE.data));
    },
  },
};

/** The errors of one status each: what differs from a plain request. */
export const ERRORS = {
  400: { model: 'fault/bad-request' },
  401: { model: SECOND, apiKey: 'fs_unknown' },
  403: { model: 'other/model', apiKey: NARROW },
  404: { model: 'route/none' },
  429: { model: 'fault/rate-limited-30' },
  503: { model: 'fault/unavailable' },
};
/** Streams that break behind their first words. */
export const BROKEN = { 'error mid-stream': { model: 'fault/error-mid-stream', prompt: 'words:40' }, cut: { model: 'fault/cut-1500', prompt: 'words:40' } };
