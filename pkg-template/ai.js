import { toMessages, uiToMessages } from './ai-messages.js';

export { adviceOf } from './chat-advice.js';
export { toMessages };

const REASONS = { stop: 'stop', length: 'length', content_filter: 'content-filter', tool_calls: 'tool-calls', function_call: 'tool-calls' };

export function createModel(client, { model, ...defaults } = {}) {
  const callOf = (options) => [toMessages(options.prompt), { ...(model && { model }), ...defaults, ...optionsOf(options) }];
  return {
    specificationVersion: 'v4',
    provider: 'failsoft',
    modelId: model ?? 'failsoft',
    // Files go to the upstream as addresses, if the caller has addresses.
    supportedUrls: { '*/*': [/^https?:/] },
    async doGenerate(options) {
      const completion = await client.chatWithFallback(...callOf(options));
      const { message, finish_reason } = completion.choices[0];
      const content = [
        ...(message.reasoning ? [{ type: 'reasoning', text: message.reasoning }] : []),
        ...(message.content ? [{ type: 'text', text: message.content }] : []),
        ...(message.tool_calls ?? []).map(toToolCall),
      ];
      const response = { id: completion.id, modelId: completion.model, timestamp: new Date(completion.created * 1000) };
      return { content, finishReason: reasonOf(finish_reason), usage: usageOf(completion.usage), response, providerMetadata: metadataOf(completion.failsoft), warnings: [] };
    },
    async doStream(options) {
      const stream = await client.chatStreaming(...callOf(options));
      return { stream: partsOf(stream, modelParts(stream)) };
    },
  };
}

export function createTransport(client, defaults = {}) {
  return {
    async sendMessages({ messages, abortSignal, body }) {
      const stream = await client.chatStreaming(uiToMessages(messages), { ...defaults, ...body, signal: abortSignal });
      return partsOf(stream, uiParts(stream));
    },
    async reconnectToStream() {
      return null;
    },
  };
}

/** Settings of a call of the AI SDK under the names of the chat request. */
function optionsOf({ maxOutputTokens, temperature, stopSequences, topP, topK, presencePenalty, frequencyPenalty, seed, responseFormat, tools, toolChoice, abortSignal, headers, reasoning, providerOptions }) {
  const format = responseFormat?.type === 'json' && (responseFormat.schema
    ? { type: 'json_schema', json_schema: { name: responseFormat.name ?? 'answer', description: responseFormat.description, schema: responseFormat.schema } }
    : { type: 'json_object' });
  const functions = (tools ?? []).filter(({ type }) => type === 'function').map(({ name, description, inputSchema, strict }) => ({ type: 'function', function: { name, description, parameters: inputSchema, ...(strict !== undefined && { strict }) } }));
  const choice = toolChoice && (toolChoice.type === 'tool' ? { type: 'function', function: { name: toolChoice.toolName } } : toolChoice.type);
  const given = {
    max_tokens: maxOutputTokens, temperature, stop: stopSequences, top_p: topP, top_k: topK, presence_penalty: presencePenalty, frequency_penalty: frequencyPenalty, seed,
    response_format: format || undefined, tools: functions.length > 0 ? functions : undefined, tool_choice: functions.length > 0 ? choice : undefined,
    reasoning_effort: reasoning === 'provider-default' ? undefined : reasoning, signal: abortSignal, ...providerOptions?.failsoft,
  };
  const sent = Object.entries(headers ?? {}).filter(([name, value]) => value !== undefined && name.toLowerCase() !== 'user-agent');
  if (sent.length > 0) given.headers = Object.fromEntries(sent);
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const reasonOf = (raw) => ({ unified: REASONS[raw] ?? 'other', raw });
const toToolCall = (call) => ({ type: 'tool-call', toolCallId: call.id, toolName: (call.function ?? call.custom).name, input: call.function ? call.function.arguments || '{}' : JSON.stringify(call.custom.input) });
const metadataOf = (report) => ({ failsoft: JSON.parse(JSON.stringify(report ?? {})) });

function usageOf(usage = {}) {
  const { prompt_tokens: total, completion_tokens: output, prompt_tokens_details: prompt, completion_tokens_details: details } = usage;
  const [cacheRead, reasoning] = [prompt?.cached_tokens, details?.reasoning_tokens];
  const less = (all, part) => (all === undefined ? undefined : all - (part ?? 0));
  return { inputTokens: { total, noCache: less(total, cacheRead), cacheRead, cacheWrite: undefined }, outputTokens: { total: output, text: less(output, reasoning), reasoning }, raw: usage };
}

/** The parts that `parts` gives, as a stream that is read as fast as its reader reads. */
function partsOf(stream, parts) {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => stream.cancel(),
  }, { highWaterMark: 0 });
}

/** What a stream brings: beginnings, pieces and ends of text and reasoning; at the end its tool calls and its reason. */
async function* eventsOf(stream) {
  const calls = [];
  let open, count = 0, reason;
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    if (!choice) continue;
    for (const [kind, text] of [['reasoning', choice.delta.reasoning], ['text', choice.delta.content]]) {
      if (!text) continue;
      if (open?.kind !== kind) {
        if (open) yield { ...open, at: 'end' };
        open = { kind, id: String((count += 1)) };
        yield { ...open, at: 'start' };
      }
      yield { ...open, at: 'delta', delta: text };
    }
    for (const { index, id, function: called, custom } of choice.delta.tool_calls ?? []) {
      calls[index] ??= { id, ...(custom ? { custom: { name: '', input: '' } } : { function: { name: '', arguments: '' } }) };
      const call = calls[index];
      call.id ||= id;
      const target = call.function ?? call.custom;
      target.name ||= (called ?? custom)?.name ?? '';
      if (call.function) target.arguments += called?.arguments ?? '';
      else target.input += custom?.input ?? '';
    }
    reason = choice.finish_reason ?? reason;
  }
  if (open) yield { ...open, at: 'end' };
  for (const call of calls.filter(Boolean)) yield { call: toToolCall(call) };
  yield { reason };
}

async function* modelParts(stream) {
  yield { type: 'stream-start', warnings: [] };
  yield { type: 'response-metadata', modelId: stream.model };
  try {
    for await (const { kind, at, id, delta, call, reason } of eventsOf(stream)) {
      if (call) yield call;
      else if (kind) yield { type: `${kind}-${at}`, id, ...(at === 'delta' && { delta }) };
      else yield { type: 'finish', finishReason: reasonOf(reason), usage: usageOf(stream.usage), providerMetadata: metadataOf(stream.failsoft) };
    }
  } catch (error) {
    yield { type: 'error', error };
  }
}

async function* uiParts(stream) {
  yield { type: 'start', messageMetadata: { model: stream.model } };
  yield { type: 'start-step' };
  for await (const { kind, at, id, delta, call, reason } of eventsOf(stream)) {
    if (call) yield { type: 'tool-input-available', toolCallId: call.toolCallId, toolName: call.toolName, input: JSON.parse(call.input) };
    else if (kind) yield { type: `${kind}-${at}`, id, ...(at === 'delta' && { delta }) };
    else {
      yield { type: 'finish-step' };
      yield { type: 'finish', finishReason: reasonOf(reason).unified, messageMetadata: { model: stream.model } };
    }
  }
}
