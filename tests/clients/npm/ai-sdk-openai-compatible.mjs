import { createOpenAICompatible } from '@ai-sdk/openai-compatible';

import { clientOf, ERRORS } from '../ai-sdk.mjs';

export default [{
  name: 'AI SDK, `@ai-sdk/openai-compatible`', protocol: 'chat', errors: ERRORS,
  connect({ origin, apiKey }) {
    const provider = createOpenAICompatible({ name: 'failsoft', baseURL: `${origin}/v1`, apiKey, supportsStructuredOutputs: true });
    return clientOf(provider, { thinking: { failsoft: { reasoningEffort: 'low' } } });
  },
}];
