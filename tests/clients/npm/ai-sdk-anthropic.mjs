import { createAnthropic } from '@ai-sdk/anthropic';

import { clientOf, ERRORS } from '../ai-sdk.mjs';

export default [{
  name: 'AI SDK, `@ai-sdk/anthropic`', protocol: 'messages', errors: ERRORS,
  connect({ origin, apiKey }) {
    const provider = createAnthropic({ baseURL: `${origin}/v1`, apiKey });
    return clientOf(provider, { thinking: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1_024 } } } });
  },
}];
