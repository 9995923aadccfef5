// What the readers read: a stream of OpenAI's chunks, cut as networks cut it.

import { generator } from './statistics.mjs';

/** How a body comes: name, and the sizes of its pieces in bytes; 0 is one event. */
export const CUTS = {
  'one event per chunk': () => 0,
  '16 KiB chunks': () => 16_384,
  '1 to 64 bytes at random': (random) => 1 + Math.floor(random() * 64),
};

/** The bytes of a stream of so many events, about 300 bytes each, and the text it says. */
export function body(events) {
  const lines = [];
  let text = '';
  for (let at = 0; at < events; at++) {
    const word = `word ${at} of the answer, `;
    text += word;
    lines.push(`data: ${JSON.stringify(chunk({ content: word }, null))}\n\n`);
  }
  lines.push(`data: ${JSON.stringify(chunk({}, 'stop'))}\n\n`, 'data: [DONE]\n\n');
  return { lines, text };
}

const chunk = (delta, finish_reason) => ({
  id: 'gen-1763800000-Qk3mC1vT9hXo5bWzR7yA',
  object: 'chat.completion.chunk',
  created: 1_763_800_000,
  model: 'openai/gpt-4o-mini',
  provider: 'OpenAI',
  system_fingerprint: 'fp_0123456789',
  choices: [{ index: 0, delta: { role: 'assistant', ...delta }, finish_reason, native_finish_reason: finish_reason, logprobs: null }],
});

/** The pieces of a body; every reader is given the same. */
export function pieces({ lines }, size) {
  const encoder = new TextEncoder();
  const random = generator(7);
  if (size(random) === 0) return lines.map((line) => encoder.encode(line));
  const bytes = encoder.encode(lines.join(''));
  const cut = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + size(random);
    cut.push(bytes.slice(at, end));
    at = end;
  }
  return cut;
}

/** A stream that gives a piece for each time it is asked. */
export function streamed(pieces) {
  let at = 0;
  const pull = (controller) => (at < pieces.length ? controller.enqueue(pieces[at++]) : controller.close());
  return new ReadableStream({ pull }, { highWaterMark: 1 });
}
