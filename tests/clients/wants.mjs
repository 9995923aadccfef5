// What the scenarios use: tools, a schema, a picture.

/** The words that a tool gives back for its input. */
const found = ({ query }) => `found ${query}`;

export const INPUT = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'], additionalProperties: false };
export const ANSWER = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false };
export const IMAGE = { type: 'image/png', data: 'iVBORw0KGgo=' };
export const IMAGE_URL = `data:${IMAGE.type};base64,${IMAGE.data}`;

/** Two tools, and the list of the calls that they got, as `[name, query]`. */
export function makeTools() {
  const called = [];
  const tools = ['search', 'weigh'].map((name) => ({
    name,
    description: `${name} for the words`,
    run(input) {
      called.push([name, input.query]);
      return found(input);
    },
  }));
  return { tools, called };
}

/** Sends the results of `tools` back until the answer has no call: `step` gets them and returns the answer's calls as `{ id, name, input }`. */
export async function runTools(tools = [], step) {
  for (let results = []; ;) {
    const calls = await step(results);
    if (calls.length === 0) return;
    results = calls.map(({ id, name, input }) => ({ id, output: tools.find((tool) => tool.name === name).run(input) }));
  }
}
