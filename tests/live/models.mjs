// The models that are asked: as cheap as there are, of makers whose models chat.

/** Makers whose models go on from a trailing assistant message. */
const CONTINUING = ['meta-llama/', 'mistralai/'];
const OTHERS = ['openai/', 'google/'];

/** Of the price list's `rows`: one that answers, one that goes on from what was said, and four for a list too long. */
export function choose(rows) {
  const cheapest = rows.filter(isUsable).sort((a, b) => thinks(a) - thinks(b) || price(a) - price(b));
  const of = (makers) => cheapest.filter(({ id }) => makers.some((maker) => id.startsWith(maker)));
  const [answering] = of(OTHERS);
  const [continuing] = of(CONTINUING);
  const four = of([...OTHERS, ...CONTINUING]).slice(0, 4);
  return answering && continuing && four.length === 4 ? { answering, continuing, four } : null;
}

const price = ({ pricing }) => Number(pricing.prompt) + Number(pricing.completion);

/** A model that thinks first would spend its few tokens on that. */
const thinks = ({ supported_parameters: parameters }) => Number(parameters.includes('reasoning'));

function isUsable(row) {
  const { id, architecture, pricing, supported_parameters: parameters, expiration_date: expires } = row;
  if (!architecture || !pricing || !parameters?.includes('max_tokens')) return false;
  // What is free is so few times a day. A guard model judges, and does not chat.
  const chats = !id.includes(':') && !id.includes('guard') && String(architecture.output_modalities) === 'text';
  return chats && price(row) > 0 && !(Date.parse(expires) < Date.now());
}
