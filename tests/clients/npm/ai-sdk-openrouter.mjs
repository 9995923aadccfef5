import { createOpenRouter } from '@openrouter/ai-sdk-provider';

import { clientOf, ERRORS } from '../ai-sdk.mjs';

export default [{
  name: 'AI SDK, `@openrouter/ai-sdk-provider`', protocol: 'chat', errors: ERRORS,
  connect({ origin, apiKey }) {
    const provider = createOpenRouter({ baseURL: `${origin}/api/v1`, apiKey });
    return clientOf(provider, { thinking: { openrouter: { reasoning: { effort: 'low' } } } });
  },
}];
