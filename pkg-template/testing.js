import { KNOWN, answer } from './testing-faults.js';

export const FAULTS = Object.keys(KNOWN);

/** Fails before the body: OpenRouter then asks the next model of a batch by itself. */
const isRefusal = (fault) => KNOWN[fault]?.status >= 400;

export function createFaultyFetch({ faults = {}, reply = (prompt, model) => `${model} says: ${prompt}`, delay = 0 } = {}) {
  for (const fault of Object.values(faults).flat()) {
    if (!KNOWN[fault] && fault !== 'none') throw new TypeError(`there is no fault ${JSON.stringify(fault)}; there are ${FAULTS.join(', ')} and none`);
  }
  const rest = Object.fromEntries(Object.entries(faults).map(([model, fault]) => [model, Array.isArray(fault) ? [...fault] : fault]));
  const take = (model) => (Array.isArray(rest[model]) ? rest[model].shift() : rest[model]) ?? 'none';
  const requests = [];
  const fetch = async (input, init = {}) => {
    const url = String(input?.url ?? input);
    const signal = init.signal ?? input?.signal;
    if (signal?.aborted) throw signal.reason;
    const text = init.body ?? (typeof input?.text === 'function' ? await input.text() : undefined);
    if (!text) return Response.json({ object: 'list', data: [] });
    const body = JSON.parse(text);
    requests.push({ url, headers: Object.fromEntries(new Headers(init.headers ?? input?.headers)), body });
    let model, fault;
    for (model of body.models ?? [body.model]) {
      fault = take(model);
      if (!isRefusal(fault)) break;
    }
    return answer({ body, model, fault, text: reply(promptOf(body), model), delay, signal });
  };
  return Object.assign(fetch, { requests });
}

/** The text of the last message of the user. */
function promptOf({ messages = [] }) {
  const content = messages.filter(({ role }) => role === 'user').at(-1)?.content ?? '';
  return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
}
