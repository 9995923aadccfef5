// The table of clients and of what each of them can do over the edge.

import assert from 'node:assert/strict';

import { Grid } from './grid.mjs';
import { countTokens, leaveStream, readAnswer, readError } from './run.mjs';
import { ANSWERS, BROKEN, ERRORS } from './scenarios.mjs';

const FORMS = { 'in one piece': false, streamed: true };

/** The runs of all clients over `server`, an emulator and an edge. */
export function abilities(server, clients) {
  const grid = new Grid(['client', 'protocol', ...Object.keys(ANSWERS), 'errors', 'cut', 'leave', 'count'], 2);
  for (const client of clients) {
    const { name, how, registry, protocol } = client;
    const add = grid.addRow(`${name} (${registry})${how && `: ${how}`}`, protocol);
    const who = `${name} ${how} (${registry}, ${protocol})`;
    for (const [form, stream] of Object.entries(FORMS)) {
      for (const what of Object.keys(ANSWERS)) {
        add(what, `${who}: ${what}, ${form}`, async () => {
          await readAnswer(server, client, what, stream);
          return client.lacks[what] ? 'no' : 'yes';
        });
      }
      add('errors', `${who}: errors, ${form}`, () => checkErrors(server, client, stream));
      add('cut', `${who}: an answer that is cut is an error, ${form}`, async () => {
        await readError(server, client, stream, BROKEN.cut);
        return 'yes';
      });
    }
    add('leave', `${who}: a client that leaves a stream stops the upstream`, () => leaveStream(server, client).then(() => 'yes'));
    if (client.connect({ origin: server.edge.origin ?? 'http://127.0.0.1', apiKey: 'none' }).count) {
      add('count', `${who}: tokens are counted`, () => countTokens(server, client).then(() => 'yes'));
    }
  }
  return grid;
}

async function checkErrors(server, client, stream) {
  for (const [status, fields] of Object.entries(ERRORS)) {
    const error = await readError(server, client, stream, fields);
    assert.deepEqual(client.errors.read(error), client.errors.of(Number(status)), error.stack);
  }
  return 'yes';
}

/** What clients lack, as a list in Markdown. */
export const listLacking = (clients) => clients.flatMap(({ name, how, registry, lacks }) => (
  Object.entries(lacks).map(([what, why]) => `- ${name} (${registry})${how && `: ${how}`}: no ${what}; it ${why}.`)
)).join('\n');
