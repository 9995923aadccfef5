import { createOpenAI } from '@ai-sdk/openai';

import { clientOf, ERRORS } from '../ai-sdk.mjs';

// The provider decides by the name of a model whether it reasons, and knows no routes.
const thinking = { openai: { reasoningEffort: 'low', reasoningSummary: 'auto', forceReasoning: true, store: false } };
const providerOf = ({ origin, apiKey }) => createOpenAI({ baseURL: `${origin}/v1`, apiKey });

export default [
  {
    name: 'AI SDK, `@ai-sdk/openai`', how: '`openai(…)`', protocol: 'responses', errors: ERRORS,
    connect: (server) => clientOf(providerOf(server), { thinking, options: { openai: { store: false } } }),
  },
  { name: 'AI SDK, `@ai-sdk/openai`', how: '`openai.chat(…)`', protocol: 'chat', errors: ERRORS, lacks: { reasoning: 'reads no reasoning of chat completions' }, connect: (server) => clientOf(providerOf(server).chat, { thinking }) },
];
