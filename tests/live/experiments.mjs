// What is sent to find out what comes back. Context share what an experiment shows.

import { Untold } from './api.mjs';

const PROMPT = 'Count from one to twelve in words, separated by commas.';
const LONGER = 'Count from one to a hundred in words, separated by commas.';
const user = (content) => ({ role: 'user', content });

/**
 * Makes every experiment, in the order in which they stand here. `see(name)` is what one has shown; it throws `Untold`
 * where that is nothing.
 */
export async function experiment(api, { answering, continuing, four }) {
  const ask = { model: answering.id, messages: [user(PROMPT)] };
  const experiments = {
    preflight: () => api.preflight(),
    longList: () => api.complete(four, { models: four.map(({ id }) => id), messages: [user(PROMPT)] }),
    unknownModel: () => api.complete([answering], { ...ask, model: 'failsoft/no-such-model' }),
    completion: () => api.complete([answering], ask, { metadata: true }).then(answered),
    plainCompletion: () => api.complete([continuing], { ...ask, model: continuing.id }).then(answered),
    modelBesideModels: async () => {
      const both = { ...ask, models: [continuing.id] };
      return answered(await api.complete([answering, continuing], both, { metadata: true }));
    },
    stream: () => api.stream([answering], ask, { metadata: true }).then(answered),
    // The next after the stream: it tells how late the books are.
    record: async () => api.lookup(generation(see('stream'))),
    leftRecord: async () => {
      const left = answered(await api.leave([answering], { ...ask, messages: [user(LONGER)] }));
      const record = await api.lookup(generation(left));
      left.settle(record.body?.data?.total_cost);
      return record;
    },
    continuation: async () => {
      const said = see('plainCompletion').body?.choices?.[0]?.message?.content;
      const words = String(said).trim().split(/\s+/);
      if (words.length < 4) throw new Untold('the model said too little to leave half of it out');
      const middle = Math.floor(words.length / 2);
      const prefill = { role: 'assistant', content: words.slice(0, middle).join(' ') };
      const answer = await api.complete([continuing], { model: continuing.id, messages: [user(PROMPT), prefill] });
      return { ...answer, first: words[0], next: words[middle] };
    },
  };
  const shown = new Map();
  const see = (name) => {
    const what = shown.get(name);
    if (what instanceof Untold) throw what;
    return what;
  };
  for (const [name, make] of Object.entries(experiments)) {
    shown.set(name, await make().catch((error) => {
      if (error instanceof Untold) return error;
      throw error;
    }));
  }
  return see;
}

function answered(answer) {
  if (answer.status !== 200) throw new Untold(`the request was answered with ${answer.status}`);
  if (answer.body?.error || answer.chunks?.some(({ error }) => error)) throw new Untold('the answer is an error');
  return answer;
}

/** The id of a stream's generation, from wherever it is. */
function generation({ headers, chunks }) {
  const id = headers.get('x-generation-id') ?? chunks.find((chunk) => chunk.id)?.id;
  if (!id) throw new Untold('the stream has no id');
  return id;
}
