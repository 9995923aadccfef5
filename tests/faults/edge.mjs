// The cells of the edge: the built Worker in workerd.

import { events } from '../edge/harness.mjs';
import { CLIENT_KEY, clientKey, startEdge } from '../support/edge.mjs';
import { startEmulator } from '../support/process.mjs';
import { GIVE_UP_MS } from './rows.mjs';

/** Sends a request to the edge, and returns what its client sees. */
async function observe(edge, cell) {
  const began = performance.now();
  const elapsed = () => Math.round(performance.now() - began);
  const seen = await send(edge, cell, elapsed).catch((error) => ({ error: { kind: error.name, message: error.message } }));
  return { ...seen, ms: elapsed() };
}

async function send(edge, { isStreamed, request }, elapsed) {
  const response = await fetch(`${edge.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, stream: isStreamed }),
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  if (!response.headers.get('content-type').startsWith('text/event-stream')) return readJson(response.status, await response.json());
  let text = '';
  let firstMs;
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (firstMs === undefined && hasBegun(events(text))) firstMs = elapsed();
  }
  return { ...readStream(events(text)), firstMs };
}

const deltas = ({ chunks }) => chunks.map(({ choices }) => choices?.[0]?.delta ?? {});
const hasBegun = (stream) => deltas(stream).some(({ content, tool_calls: calls }) => content || calls);

function readJson(status, { error, failsoft, choices }) {
  if (error) return { error: { kind: error.kind, status, code: error.code, message: error.message }, attempts: failsoft?.attempts };
  const [{ message }] = choices;
  return { text: message.content, calls: message.tool_calls?.map((call) => call.function), attempts: failsoft.attempts };
}

function readStream(stream) {
  const { attempts } = stream.error?.failsoft ?? stream.reports.at(-1);
  const pieces = deltas(stream).flatMap(({ tool_calls: calls }) => calls ?? []);
  const calls = [];
  for (const { index, function: { name, arguments: more = '' } } of pieces) {
    calls[index] ??= { name, arguments: '' };
    calls[index].arguments += more;
  }
  const failed = stream.error?.error ?? (stream.done ? undefined : { message: 'the stream ended without [DONE]' });
  const error = failed && { kind: failed.kind, code: failed.code, message: failed.message };
  return { text: stream.text, calls, attempts, error, isReading: hasBegun(stream) };
}

/** Runs cells of one dialect and one form at the same time. */
async function run(cells, emulator) {
  const [{ dialect }] = cells;
  const edge = await startEdge({ failsoft: { upstream: { url: emulator.baseURL, dialect }, keys: [clientKey()], models: ['*'] } });
  try {
    return await Promise.all(cells.map((cell) => observe(edge, cell)));
  } finally {
    await edge.stop();
  }
}

/** Runs all cells at the same time. Returns what was seen, in their order. */
export async function runAtEdge(cells) {
  const emulator = await startEmulator();
  try {
    // Each dialect and form has an edge of its own, so that the failures of the ones do not open breakers for the others.
    const groups = Object.values(Object.groupBy(cells, ({ dialect, isStreamed }) => `${dialect} ${isStreamed}`));
    const seen = new Map();
    await Promise.all(groups.map(async (group) => {
      for (const [at, one] of (await run(group, emulator)).entries()) seen.set(group[at], one);
    }));
    return cells.map((cell) => seen.get(cell));
  } finally {
    await emulator.stop();
  }
}
