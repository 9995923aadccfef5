// The stream that the readers read: OpenAI's chunks, cut as networks cut them.

import { generator } from '../support/random.mjs';

/** The ways to cut a body: a name, and the size of the next piece in bytes; 0 means one event. */
export const CUTS = {
  'one event per chunk': () => 0,
  '16 KiB chunks': () => 16_384,
  '1 to 64 bytes at random': (random) => 1 + Math.floor(random() * 64),
};

/** The lines of a stream with `events` events of about 300 bytes each, and its text. */
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

/** The pieces of a body; every reader gets the same pieces. */
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

/** A stream that yields one piece for each pull. */
export function toStream(pieces) {
  let at = 0;
  const pull = (controller) => (at < pieces.length ? controller.enqueue(pieces[at++]) : controller.close());
  return new ReadableStream({ pull }, { highWaterMark: 1 });
}
