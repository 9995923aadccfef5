// The words of the API for people.

/** What a variant changes. */
export const KINDS = { models: 'another chain', outputTokens: 'fewer output tokens', route: 'another route', writer: 'a shorter prompt' };
const REASONS = { admin: 'by an admin', budget: 'the budget is used up', judge: 'the judge does not find answers that are worse for certain', verdicts: 'the judge gave too few verdicts' };

/** The state of an experiment, in words. */
export const stateOf = (state, reason) => (state === 'stopped' ? `stopped: ${REASONS[reason] ?? reason}` : { writing: 'writes a shorter prompt', control: 'tests the judge', running: 'compares answers', done: 'done' }[state]);
