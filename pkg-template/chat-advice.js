/** What the user of an app can do, by the kind of a failure. */
const ADVICE = {
  rateLimited: 'Too many requests. Wait a moment, then try again.',
  inFlightBudget: 'Other answers are still being written. Wait a moment, then try again.',
  network: 'There is no connection. Check your network, then try again.',
  contextLength: 'The conversation is too long. Start a new one, or shorten your message.',
  contentFilter: 'The message was refused. Say it in another way.',
  refusal: 'The model declined to answer. Say it in another way.',
  unauthorized: 'You are not signed in, or your session has ended. Sign in again.',
  paymentRequired: 'The credit is used up. Try again later.',
  tooExpensive: 'The question is too long for the budget. Shorten it.',
  forbidden: 'You may not do this.',
  invalidRequest: 'The app sent a request that is wrong. Reload the page.',
  wasmUnavailable: 'This browser cannot run the chat. Use another browser.',
  cut: 'The answer broke off. Try again.',
  stalled: 'The answer broke off. Try again.',
  length: 'The answer is too long. Ask for less.',
  aborted: 'The answer was stopped.',
};
const FINAL = ['contextLength', 'contentFilter', 'refusal', 'unauthorized', 'paymentRequired', 'tooExpensive', 'forbidden', 'invalidRequest', 'wasmUnavailable', 'length'];

/** Advice for the user of an app: a sentence, whether the same call may work later, and after which time. */
export function adviceOf(error) {
  const { kind, code, retryAfter, message } = error ?? {};
  // The edge's other limits, such as those of a minute, pass soon.
  const isBudget = code === 'budget_exceeded';
  const text = isBudget ? 'Your budget is used up. Try again later.' : (ADVICE[kind] ?? 'The answer did not come. Try again.');
  return { text, canRetry: !isBudget && !FINAL.includes(kind), retryAfter, detail: message };
}
