// Stands between the edge and its database (Miniflare's D1, on a Durable Object's SQLite), for tests. It can fail, or execute
// a statement and lose the reply. Only the test uses its own socket.

import { WorkerEntrypoint } from 'cloudflare:workers';

/** What happens to statements: `down` rejects all of them, and `lose` is the number of replies that get lost. */
const state = { down: false, lose: 0, statements: 0 };

/** The database, with D1's HTTP interface. */
export default class Database extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/test/')) return this.test(pathname.slice('/test/'.length), await request.json());
    return this.pass(() => this.env.ENTRY.fetch(request), async (answer) => answer.text());
  }

  query(request) {
    return this.pass(() => this.env.ENTRY.query(request), async () => {});
  }

  async pass(send, drain) {
    state.statements += 1;
    if (state.down) throw new Error('the database is down');
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
