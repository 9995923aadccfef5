import { ChatError } from './error.js';

/** Runs `work`. A ChatError gets the stack of the caller, who has left the stack when the error is made. */
export async function withCaller(work) {
  const caller = new ChatError({});
  try {
    return await work();
  } catch (error) {
    throw error;
  }
}
