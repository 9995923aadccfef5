/** Messages of the AI SDK as those of a chat request. */
export const toMessages = (messages) => messages.flatMap(({ role, content }) => {
  if (role === 'tool') return content.filter(({ type }) => type === 'tool-result').map(resultOf);
  if (typeof content === 'string') return [{ role, content }];
  return role === 'assistant' ? answerOf(content) : [{ role, content: content.map(partOf) }];
});

/** Messages of the AI SDK's user interface as those of a chat request. */
export const uiToMessages = (messages) => messages.flatMap(({ role, parts }) => {
  if (role !== 'assistant') {
    const content = parts.filter(({ type }) => type === 'text' || type === 'file').map((part) => partOf(part.type === 'file' ? { ...part, data: part.url } : part));
    const isText = content.every(({ type }) => type === 'text');
    return [{ role, content: isText ? content.map(({ text }) => text).join('') : content }];
  }
  return stepsOf(parts).flatMap(stepOf);
});

/** The parts of each step of an answer: what the model said at once. */
function stepsOf(parts) {
  const steps = [[]];
  for (const part of parts) {
    if (part.type === 'step-start') steps.push([]);
    else steps.at(-1).push(part);
  }
  return steps;
}

/** What the model said in one step, and the results of its calls. */
function stepOf(parts) {
  const calls = parts.filter((part) => part.toolCallId && part.input !== undefined);
  const over = calls.filter(({ state }) => state === 'output-available' || state === 'output-error');
  const named = over.map(({ type, toolName = type.replace(/^tool-/, ''), ...call }) => ({ type: 'tool-call', toolName, ...call }));
  const results = over.map(({ toolCallId, output, errorText }) => resultOf({ toolCallId, output: errorText === undefined ? { type: 'json', value: output } : { type: 'error-text', value: errorText } }));
  return [...answerOf([...parts.filter(({ type }) => type === 'text'), ...named]), ...results];
}

/** What an assistant said: its text, and its calls of functions. Its reasoning is left out. */
function answerOf(parts) {
  const text = parts.filter(({ type }) => type === 'text').map((part) => part.text).join('');
  const calls = parts.filter(({ type }) => type === 'tool-call').map(({ toolCallId, toolName, input }) => ({ id: toolCallId, type: 'function', function: { name: toolName, arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}) } }));
  if (!text && calls.length === 0) return [];
  return [{ role: 'assistant', content: text || null, ...(calls.length > 0 && { tool_calls: calls }) }];
}

const resultOf = ({ toolCallId, output }) => ({ role: 'tool', tool_call_id: toolCallId, content: textOf(output) });

/** The result of a function as text. */
function textOf({ type, value, reason }) {
  if (type === 'content') return value.map((part) => part.text ?? `[${part.mediaType ?? part.type}]`).join('\n');
  if (type === 'execution-denied') return reason ?? 'The user did not allow this call.';
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function partOf({ type, text, image, data = image, mediaType, filename }) {
  if (type === 'text') return { type, text };
  const kind = mediaType ?? (type === 'image' ? 'image/*' : 'application/octet-stream');
  const url = addressOf(data, kind);
  if (kind.startsWith('image/') || kind === 'image') return { type: 'image_url', image_url: { url } };
  if (kind.startsWith('audio/')) return { type: 'input_audio', input_audio: { data: url.slice(url.indexOf(',') + 1), format: /wav/.test(kind) ? 'wav' : 'mp3' } };
  return { type: 'file', file: { filename: filename ?? 'file', file_data: url } };
}

/** An address, or a `data:` URL, of what the AI SDK knows as an address, base64 or bytes. */
function addressOf(data, mediaType) {
  if (data instanceof URL) return data.href;
  if (typeof data === 'string') return /^(https?|data):/.test(data) ? data : `data:${mediaType};base64,${data}`;
  if (data?.type === 'url') return addressOf(data.url, mediaType);
  if (data?.type === 'data') return addressOf(data.data, mediaType);
  const bytes = new Uint8Array(data);
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return `data:${mediaType};base64,${btoa(binary)}`;
}
