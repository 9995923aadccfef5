// The requests whose responses show how the API behaves. Several checks share one experiment.

import { Unknown } from './api.mjs';

const PROMPT = 'Count from one to twelve in words, separated by commas.';
const LONGER = 'Count from one to a hundred in words, separated by commas.';
const user = (content) => ({ role: 'user', content });

/**
 * Makes all experiments in this order. Returns a function: `see(name)` is the result of an experiment, and throws `Unknown` if
 * there is none.
 */
export async function experiment(api, { answering, continuing, four }) {
  const request = { model: answering.id, messages: [user(PROMPT)] };
  const experiments = {
    preflight: () => api.preflight(),
    longList: () => api.complete(four, { models: four.map(({ id }) => id), messages: [user(PROMPT)] }),
    unknownModel: () => api.complete([answering], { ...request, model: 'failsoft/no-such-model' }),
    completion: () => api.complete([answering], request, { metadata: true }).then(requireAnswer),
    plainCompletion: () => api.complete([continuing], { ...request, model: continuing.id }).then(requireAnswer),
    modelBesideModels: async () => {
      const both = { ...request, models: [continuing.id] };
      return requireAnswer(await api.complete([answering, continuing], both, { metadata: true }));
    },
    stream: () => api.stream([answering], request, { metadata: true }).then(requireAnswer),
    // This comes directly after the stream, because it measures how late the record appears.
    record: async () => api.lookup(generation(see('stream'))),
    leftRecord: async () => {
      const left = requireAnswer(await api.leave([answering], { ...request, messages: [user(LONGER)] }));
      const record = await api.lookup(generation(left));
      left.settle(record.body?.data?.total_cost);
      return record;
    },
    continuation: async () => {
      const content = see('plainCompletion').body?.choices?.[0]?.message?.content;
      const words = String(content).trim().split(/\s+/);
      if (words.length < 4) throw new Unknown('the model said too little to leave half of it out');
      const middle = Math.floor(words.length / 2);
      const prefill = { role: 'assistant', content: words.slice(0, middle).join(' ') };
      const answer = await api.complete([continuing], { model: continuing.id, messages: [user(PROMPT), prefill] });
      return { ...answer, first: words[0], next: words[middle] };
    },
  };
  const results = new Map();
  const see = (name) => {
    const what = results.get(name);
    if (what instanceof Unknown) throw what;
    return what;
  };
  for (const [name, make] of Object.entries(experiments)) {
    results.set(name, await make().catch((error) => {
      if (error instanceof Unknown) return error;
      throw error;
    }));
  }
  return see;
}

function requireAnswer(answer) {
  if (answer.status !== 200) throw new Unknown(`the request was answered with ${answer.status}`);
  if (answer.body?.error || answer.chunks?.some(({ error }) => error)) throw new Unknown('the answer is an error');
  return answer;
}

/** The id of a stream's generation, from the head or from a chunk. */
function generation({ headers, chunks }) {
  const id = headers.get('x-generation-id') ?? chunks.find((chunk) => chunk.id)?.id;
  if (!id) throw new Unknown('the stream has no id');
  return id;
}
