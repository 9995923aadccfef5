import { ChatError, misuse } from './error.js';

/** A copy of `options` for the WebAssembly, and the validator that their `response_format` has. The caller may change its options while the WebAssembly loads. */
export function readOptions(options) {
  if (!options || typeof options !== 'object' || Array.isArray(options)) return [options];
  const { response_format: format } = options;
  if (!format || typeof format !== 'object') return [{ ...options }];
  const schema = (format.validator ?? format)['~standard'];
  const validate = schema
    ? (text) => schema.validate(JSON.parse(text))
    : format.$parseRaw && ((text) => ({ value: format.$parseRaw(text) }));
  const { validator, ...plain } = format;
  return [{ ...options, response_format: format['~standard'] ? formatOf(schema) : plain }, validate];
}

/** OpenAI's format for a schema that can be written as JSON Schema: strict, if the schema requires every field. */
function formatOf({ jsonSchema, vendor }) {
  if (!jsonSchema) throw misuse(`\`response_format\`: ${vendor} gives no JSON Schema; use { type: 'json_schema', json_schema, validator }`);
  let strict = true;
  const schema = JSON.parse(JSON.stringify(jsonSchema.input({ target: 'draft-2020-12' })), (_, value) => {
    if (value?.type === 'object' && value.properties) {
      value.additionalProperties ??= false;
      strict &&= !value.additionalProperties && Object.keys(value.properties).length === value.required?.length;
    }
    return value;
  });
  return { type: 'json_schema', json_schema: { name: 'answer', strict, schema } };
}

/** Adds what OpenAI's completion always has and an upstream left out, and what `validate` makes of the answer. */
export async function finish(completion, validate, caller = new ChatError()) {
  completion.id ??= '';
  completion.created ??= Math.floor(Date.now() / 1000);
  for (const choice of completion.choices) {
    const { message } = choice;
    choice.logprobs ??= null;
    message.refusal ??= null;
    if (validate && message.content) message.parsed = await parsed(message.content, validate, completion, caller);
  }
  return completion;
}

async function parsed(partial, validate, { failsoft }, caller) {
  let reason, issue;
  try {
    const { value, issues } = await validate(partial);
    if (!issues) return value;
    [issue] = issues;
  } catch (error) {
    reason = error;
  }
  const path = issue?.path?.map((key) => key.key ?? key).join('.');
  const message = `the validator refuses the answer: ${path ? `${path}: ` : ''}${(reason ?? issue).message}`;
  throw caller.fill({ kind: 'schemaMismatch', message, partial, failsoft }, reason);
}
