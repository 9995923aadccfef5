import { createClient } from 'failsoft';
import { createFaultyFetch } from 'failsoft/testing';

const models = ['anthropic/claude-opus-4.7', 'openai/gpt-4o'];
// Models for a try. With a key: createClient({ apiKey: process.env.OPENROUTER_API_KEY, models })
const fetch = createFaultyFetch({ faults: { [models[0]]: 'unavailable' }, delay: 40 });
const client = createClient({ baseURL: 'https://models.example/v1', fetch, models });

export async function POST(request) {
  const { messages } = await request.json();
  try {
    const stream = await client.chatStreaming(messages, { signal: request.signal });
    return stream.toResponse();
  } catch (error) {
    return Response.json({ error: { message: error.message } }, { status: error.status ?? 502 });
  }
}
