import { createClient } from 'failsoft';
import { createFaultyFetch } from 'failsoft/testing';

export const models = ['anthropic/claude-opus-4.7', 'openai/gpt-4o'];

// Models for a try, without a key: they repeat what you say, and the first one fails. In your app:
// createClient({ edge: 'https://edge.example.com', token: 'fs_web_example', models })
const fetch = createFaultyFetch({ faults: { [models[0]]: 'unavailable' }, delay: 40 });
export const client = createClient({ baseURL: 'https://models.example/v1', fetch, models });
