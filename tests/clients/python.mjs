// The clients of PyPI: one process of Python runs all of them, one call after the other.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts the process. Returns its clients, as those of npm, and a function that stops it. */
export async function startPython() {
  const python = process.env.FAILSOFT_PYTHON;
  assert.ok(python, 'FAILSOFT_PYTHON names a Python that has the clients of tests/interop/requirements.txt: `cargo xtask test interop` sets it');
  const child = spawn(python, [fileURLToPath(new URL('run.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error('the process of the clients of PyPI ended');
    return JSON.parse(value);
  };
  const clients = await read();
  /** Lets the client with this number act; throws what the client threw. */
  const act = async (client, server, name, asked) => {
    child.stdin.write(`${JSON.stringify({ client, ...server, act: name, asked: { ...asked, tools: Boolean(asked.tools) } })}\n`);
    const { seen, error } = await read();
    if (error) throw Object.assign(new Error(error.message), error);
    return seen;
  };
  return {
    clients: clients.map((client, at) => ({ ...client, registry: 'PyPI', errors: errorsOf(client.error), connect: (server) => {
      const does = (name) => (asked) => act(at, server, name, asked);
      return { ask: does('ask'), leave: does('leave'), ...(client.acts.includes('count') && { count: does('count') }) };
    } })),
    async stop() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const CLASSES = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };

/** The errors of a client that builds on the SDKs of OpenAI or Anthropic, or that has one class of its own for all of them. */
const errorsOf = (ownClass) => {
  const of = (status) => [ownClass ?? CLASSES[status] ?? 'InternalServerError', status];
  // Some clients derive classes from those of the SDK.
  return { of, read: ({ kinds, status }) => [kinds.find((kind) => kind === of(status)[0]) ?? kinds[0], status] };
};
