// npm run worker, then open http://127.0.0.1:8788/?q=Hello

import { isChatError } from 'failsoft';

import { client } from '../client.js';

export default {
  async fetch(request) {
    const prompt = new URL(request.url).searchParams.get('q');
    if (!prompt) return new Response('Add ?q= and a question.', { status: 400 });
    try {
      const stream = await client.chatStreaming([{ role: 'user', content: prompt }], { signal: request.signal });
      const text = ReadableStream.from(stream.textStream).pipeThrough(new TextEncoderStream());
      return new Response(text, { headers: { 'content-type': 'text/plain; charset=utf-8', 'x-model': stream.model } });
    } catch (error) {
      if (isChatError(error)) return new Response(`No model answered: ${error.message}`, { status: 502 });
      throw error;
    }
  },
};
