// The estimate of tokens, compared with two tokenizers: o200k of OpenAI's models, and the tokenizer of Llama 3.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Tiktoken } from 'js-tiktoken/lite';
import o200k from 'js-tiktoken/ranks/o200k_base';
import llama3 from 'llama3-tokenizer-js';

import { CORPORA } from '../support/corpora.mjs';
import { PACKAGE } from '../support/process.mjs';

const { estimateTokens } = await import(pathToFileURL(join(PACKAGE, 'index.js')));

/** The greatest mean error. */
const MEAN = 0.1;
/** The greatest amount by which the estimate of one sample may be too low. */
const UNDER = 0.15;

const openai = new Tiktoken(o200k);
const countOpenai = (text) => openai.encode(text, [], []).length;
const countLlama = (text) => llama3.encode(text, { bos: false, eos: false }).length;

const FAMILIES = [
  {
    tokenizer: 'o200k',
    model: 'openai/gpt-4o',
    count: countOpenai,
    // Three tokens a message beside role and text, and three that begin the answer (OpenAI's cookbook).
    countChat: (messages) => messages.reduce((sum, { role, content }) => sum + 3 + countOpenai(role) + countOpenai(content), 3),
  },
  {
    tokenizer: 'Llama 3',
    model: 'meta-llama/llama-3.3-70b-instruct',
    count: countLlama,
    // The chat template of Llama 3; each mark is one token.
    countChat: (messages) => {
      const rendered = messages.map(({ role, content }) => `<|start_header_id|>${role}<|end_header_id|>\n\n${content}<|eot_id|>`);
      return countLlama(`<|begin_of_text|>${rendered.join('')}<|start_header_id|>assistant<|end_header_id|>\n\n`);
    },
  },
];

const DECLARATIONS = CORPORA['the Universal Declaration in ten languages'];

const percent = (part) => `${(100 * part).toFixed(1)} %`;

async function checkSamples(context, samples, { model, count }) {
  const errors = [];
  for (const { name, text } of samples) errors.push({ name, error: (await estimateTokens(text, model)) / count(text) - 1 });
  errors.sort((a, b) => a.error - b.error);
  const mean = errors.reduce((sum, { error }) => sum + Math.abs(error), 0) / errors.length;
  const [lowest, highest] = [errors[0], errors.at(-1)];
  context.diagnostic(`mean error ${percent(mean)} of ${errors.length} samples`);
  context.diagnostic(`from ${percent(lowest.error)} (${lowest.name}) to ${percent(highest.error)} (${highest.name})`);
  assert.ok(mean <= MEAN, `mean error ${percent(mean)}`);
  assert.ok(lowest.error >= -UNDER, `${lowest.name} is ${percent(-lowest.error)} too low`);
}

for (const family of FAMILIES) {
  for (const [corpus, samples] of Object.entries(CORPORA)) {
    test(`${corpus}: within 10 % of ${family.tokenizer} on average, no sample more than 15 % too low`, (context) => checkSamples(context, samples, family));
  }

  for (const [language, samples] of Object.entries(Object.groupBy(DECLARATIONS, ({ name }) => name.split(',')[0]))) {
    test(`${language}: within 10 % of ${family.tokenizer} on average`, (context) => checkSamples(context, samples, family));
  }

  test(`the estimate of a chat with short messages is within 15 % of the count of ${family.tokenizer}, marks included`, async (context) => {
    const turn = [
      { role: 'user', content: 'My parcel has not arrived yet. The order number is 4711-0815, can you look it up?' },
      { role: 'assistant', content: 'Of course! It was shipped on Monday, and should be with you tomorrow before noon.' },
      { role: 'user', content: 'Thanks.' },
      { role: 'assistant', content: "You're welcome. Is there anything else that I can do for you?" },
    ];
    const messages = [{ role: 'system', content: 'You are a helpful assistant of a shop. Answer briefly.' }, ...Array(10).fill(turn).flat()];
    const [estimated, counted] = [await estimateTokens(messages, family.model), family.countChat(messages)];
    context.diagnostic(`${estimated} for ${counted}`);
    assert.ok(Math.abs(estimated / counted - 1) <= UNDER, `${estimated} for ${counted}`);
  });
}

test('without a model, the estimate is for the models of OpenAI', async () => {
  for (const { text } of DECLARATIONS) assert.equal(await estimateTokens(text), await estimateTokens(text, 'openai/gpt-4o'));
});
