// The edge with Durable Objects that a test can reset.

import { MODULES } from '../support/edge.mjs';

/** The option `modules` of an edge whose objects can be reset: see reset.worker.mjs. */
export const RESET_MODULES = ['(name = "main.mjs", esModule = embed "/edge/reset.worker.mjs")', ...MODULES];
