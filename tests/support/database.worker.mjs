// Stands between the edge and its database (Miniflare's D1, on a Durable Object's SQLite), for tests. It can fail, refuse rows,
// or execute a statement and lose the reply. Only the test uses its own socket.

import { WorkerEntrypoint } from 'cloudflare:workers';

/** A row of the ledger that was refused this often is refused no more: the edge waits twice as long after each refusal. */
const REFUSALS = 5;

/**
 * What happens to statements: `down` rejects all of them, and `lose` is the number of replies that get lost. `refuse` has a
 * boolean for each row that is written: whether the database refuses it. Behind the last one, the first one follows.
 */
const state = { down: false, lose: 0, refuse: [], statements: 0 };
/** How many rows were written or refused while `state.refuse` had values, and how often each row was refused. */
const drawn = { rows: 0, refusals: new Map() };

/** The database, with D1's HTTP interface. */
export default class Database extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/test/')) return this.test(pathname.slice('/test/'.length), await request.json());
    const queries = [await request.clone().json()].flat();
    return this.pass(queries, () => this.env.ENTRY.fetch(request), async (answer) => answer.text());
  }

  query(request) {
    return this.pass(request.queries, () => this.env.ENTRY.query(request), async () => {});
  }

  async pass(queries, send, drain) {
    state.statements += 1;
    if (state.down) throw new Error('the database is down');
    if (queries.some(isRefused)) throw new Error('the database refuses a row');
    const answer = await send();
    if (state.lose === 0) return answer;
    state.lose -= 1;
    // The statement is committed by now.
    await drain(answer);
    throw new Error('the connection was lost');
  }

  async test(what, given) {
    if (what === 'sql') {
      const init = { method: 'POST', body: JSON.stringify(given) };
      return this.env.ENTRY.fetch('http://d1/query?resultsFormat=ARRAY_OF_OBJECTS', init);
    }
    if (what === 'cron') return Response.json(await this.env.EDGE.scheduled({ cron: '*/5 * * * *', scheduledTime: new Date() }));
    return Response.json(Object.assign(state, given));
  }
}

/** Whether the database refuses a row of this query: it stops at the first such row. */
function isRefused({ sql, params }) {
  if (state.refuse.length === 0 || !sql.startsWith('INSERT INTO attempts')) return false;
  return JSON.parse(params[0]).some(({ id }) => {
    const refusals = drawn.refusals.get(id) ?? 0;
    const refuses = state.refuse[drawn.rows++ % state.refuse.length] && refusals < REFUSALS;
    if (refuses) drawn.refusals.set(id, refusals + 1);
    return refuses;
  });
}
