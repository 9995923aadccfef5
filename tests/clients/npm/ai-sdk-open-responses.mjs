import { createOpenResponses } from '@ai-sdk/open-responses';

import { clientOf, ERRORS } from '../ai-sdk.mjs';

export default [{
  name: 'AI SDK, `@ai-sdk/open-responses`', protocol: 'responses', errors: ERRORS,
  connect({ origin, apiKey }) {
    const provider = createOpenResponses({ name: 'failsoft', url: `${origin}/v1/responses`, apiKey });
    return clientOf(provider, { thinking: { failsoft: { reasoningEffort: 'low', reasoningSummary: 'auto' } } });
  },
}];
