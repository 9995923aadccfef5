const RUN = Symbol('run');

export function tool({ name, description, input, parameters = input?.['~standard']?.jsonSchema?.input({ target: 'draft-2020-12' }), validator = input, strict, run }) {
  if (input && !parameters) throw new TypeError(`the schema of ${name} gives no JSON Schema; give \`parameters\` and \`validator\``);
  const definition = { type: 'function', function: { name, description, parameters, strict } };
  // What is sent must be JSON: the function is not a field of it.
  return Object.defineProperty(JSON.parse(JSON.stringify(definition)), RUN, { value: { run, validator } });
}

export async function runTools(client, messages, { tools, maxTurns = 8, onCall, ...options }) {
  const known = new Map(tools.map((each) => [each.function?.name, each[RUN]]));
  const all = [...messages];
  const calls = [];
  for (let turn = 1; ; turn += 1) {
    const isLast = turn >= maxTurns;
    const completion = await client.chatWithFallback(all, { ...options, tools, ...(isLast && { tool_choice: 'none' }) });
    const { message } = completion.choices[0];
    all.push(message);
    const wanted = message.tool_calls ?? [];
    // The caller makes the calls of tools that have no function.
    const isCallers = wanted.some(({ function: called, custom }) => custom || (known.has(called.name) && !known.get(called.name)));
    if (isLast || wanted.length === 0 || isCallers) return { completion, messages: all, calls };
    const results = await Promise.all(wanted.map((call) => perform(call, known.get(call.function.name), options.signal)));
    options.signal?.throwIfAborted?.();
    for (const [at, result] of results.entries()) {
      const call = { id: wanted[at].id, name: wanted[at].function.name, turn, ...result };
      calls.push(call);
      onCall?.(call);
      const answer = call.error === undefined ? call.output : { error: call.error.message };
      all.push({ role: 'tool', tool_call_id: call.id, content: typeof answer === 'string' ? answer : (JSON.stringify(answer) ?? 'null') });
    }
  }
}

/** Makes one call. The model gets the error of a call that fails, and may correct itself. */
async function perform({ id, function: { name, arguments: text } }, known, signal) {
  let input;
  try {
    if (!known) throw new Error(`there is no function ${name}`);
    input = JSON.parse(text || '{}');
    const { value, issues } = (await known.validator?.['~standard'].validate(input)) ?? { value: input };
    if (issues) throw new TypeError(issues.map(({ path, message }) => `${(path ?? []).map((key) => key.key ?? key).join('.') || 'arguments'}: ${message}`).join('; '));
    input = value;
    return { input, output: await known.run(value, { id, signal }) };
  } catch (error) {
    return { input, error: error instanceof Error ? error : new Error(String(error)) };
  }
}
