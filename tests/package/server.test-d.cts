// A program of CommonJS that knows neither the DOM nor Node.js.

import failsoft = require('failsoft');

async function answer(models: readonly string[]): Promise<string | null> {
  const client = failsoft.createClient({ models, fetch: async (url, { method, headers, body }) => send(url, method, headers, body) });
  const stream: failsoft.ChatStream = await client.chatStreaming([{ role: 'user', content: 'Hello?' }]);
  for await (const text of stream.textStream) text.toUpperCase();
  const data = await stream.finalCompletion();
  return data.choices[0]!.message.content;
}

declare function send(...given: unknown[]): Promise<Response>;

export { answer };
