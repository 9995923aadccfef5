// Chooses the models for the requests: the cheapest ones, from makers whose models chat.

/** Makers whose models continue a trailing assistant message. */
const CONTINUING = ['meta-llama/', 'mistralai/'];
const OTHERS = ['openai/', 'google/'];

/** Chooses from the price list: one model that answers, one that continues a prefill, and four for a list that is too long. */
export function choose(rows) {
  const cheapest = rows.filter(isUsable).sort((a, b) => isReasoning(a) - isReasoning(b) || price(a) - price(b));
  const of = (makers) => cheapest.filter(({ id }) => makers.some((maker) => id.startsWith(maker)));
  const [answering] = of(OTHERS);
  const [continuing] = of(CONTINUING);
  const four = of([...OTHERS, ...CONTINUING]).slice(0, 4);
  return answering && continuing && four.length === 4 ? { answering, continuing, four } : null;
}

const price = ({ pricing }) => Number(pricing.prompt) + Number(pricing.completion);

/** A reasoning model would spend its few tokens on reasoning. */
const isReasoning = ({ supported_parameters: parameters }) => Number(parameters.includes('reasoning'));

function isUsable(row) {
  const { id, architecture, pricing, supported_parameters: parameters, expiration_date: expires } = row;
  if (!architecture || !pricing || !parameters?.includes('max_tokens')) return false;
  // Free models are limited to a few calls a day. A guard model classifies and does not chat.
  const chats = !id.includes(':') && !id.includes('guard') && String(architecture.output_modalities) === 'text';
  return chats && price(row) > 0 && !(Date.parse(expires) < Date.now());
}
