// The cost of accounting in plain JavaScript: a Worker that makes the same calls for a request as the edge, to the same
// kinds of objects and the same database, with the same SQL. It has one key, no limits and no handling of failures, and
// reads only the fields of the answer that the ledger needs.
//
//     request ─▶ digest of the key ─▶ hold: a row in the account's object, before the request leaves ─▶ the upstream
//             ◀─ answer, and after it ─▶ settle: the periods, the hold, the outbox
//                    a second later, all rows together ─▶ the object's alarm ─▶ D1

import WRITE from 'write.sql';

/** As in the edge: the delay before rows are written together, the rows of one statement, the time limit of a call to an object,\nand the lease; in milliseconds. */
const TOGETHER = 1_000;
const AT_ONCE = 100;
const TIMEOUT = 5_000;
const LEASE = 630_000;
const UNBOUNDED = { requests: [null, null, null], tokens: [null, null, null], usd: [null, null, null], concurrent: null };

export default {
  async fetch(request, env, context) {
    if (request.method !== 'POST') return new Response('ready');
    const { url, key } = JSON.parse(env.FAILSOFT);
    const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? '';
    if ((await digest(token)) !== key.sha256) return new Response('{}', { status: 401 });
    const fields = await request.json();
    const account = `key:${key.name}`;
    const [id, began] = [crypto.randomUUID(), Date.now()];
    const row = { id, call: crypto.randomUUID(), revision: 0, at: began, account, client: key.name, route: null, feature: null, asked: [fields.model], model: null, provider: null, role: 'answer', outcome: '', prompt_tokens: null, completion_tokens: null, cost: 0, settled: '', generation: null, first_token: null, duration: null, ended: null };
    const object = env.ACCOUNTS.getByName(account);
    await notify(object, { hold: { id, limits: UNBOUNDED, asked: { amount: { requests: 1, tokens: 4_106, usd: 41_000_000_000 }, lease: LEASE, row } } });
    const headers = { authorization: `Bearer ${env.UPSTREAM_API_KEY}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ ...fields, max_tokens: 4_096 }) });
    const text = await answer.text();
    const { id: generation, model, usage } = JSON.parse(text);
    const charge = { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens, cost: Math.round(usage.cost * 1e12), settled: 'told' };
    const rows = [{ ...row, ...charge, id: `${id}/0`, model, generation, outcome: 'answered', ended: 'answered', duration: Date.now() - began }];
    const traces = [{ url, grounded: false, status: answer.status, generation: null }];
    context.waitUntil(notify(object, { settle: { id, ended: { rows, traces } } }));
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  },
};

async function digest(token) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function notify(object, message) {
  const answer = await object.fetch('https://accounts/', { method: 'POST', body: JSON.stringify(message), signal: AbortSignal.timeout(TIMEOUT) });
  if (JSON.parse(await answer.text()) !== 'done') throw new Error('the object refused');
}

export class Account {
  constructor({ storage }, env) {
    Object.assign(this, { storage, sql: storage.sql, env, used: { requests: 0, tokens: 0, usd: 0 }, holds: new Map(), armed: null });
    for (const table of ['windows', 'holds']) this.sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (name TEXT PRIMARY KEY, data TEXT)`);
    this.sql.exec('CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, revision INTEGER, row TEXT, refused INTEGER DEFAULT 0, due INTEGER DEFAULT 0)');
    this.sql.exec('CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due)');
    this.sql.exec('CREATE TABLE IF NOT EXISTS outbox_rest (one INTEGER PRIMARY KEY, rounds INTEGER, until INTEGER)');
  }

  async fetch(request) {
    const { hold, settle } = await request.json();
    if (hold) this.hold(hold);
    else this.settle(settle);
    await this.arm(Date.now() + (hold ? LEASE : TOGETHER));
    return new Response('"done"');
  }

  hold({ id, asked }) {
    const held = { began: Date.now(), lease: Date.now() + asked.lease, slots: 1, left: asked.amount, row: asked.row, traces: [], noted: 0, placed: 0, open: [] };
    this.holds.set(id, held);
    this.keep('holds', id, held);
  }

  settle({ id, ended: { rows } }) {
    if (!this.holds.delete(id)) return;
    this.used.requests += 1;
    for (const { prompt_tokens, completion_tokens, cost } of rows) {
      this.used.tokens += prompt_tokens + completion_tokens;
      this.used.usd += cost;
    }
    this.keep('windows', 'windows', [this.used, this.used, this.used]);
    this.sql.exec('DELETE FROM holds WHERE name = ?', id);
    for (const row of rows) {
      this.sql.exec(`INSERT INTO outbox (id, revision, row) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE
        SET revision = excluded.revision, row = excluded.row WHERE excluded.revision > revision`, row.id, row.revision, JSON.stringify(row));
    }
  }

  keep(table, name, data) {
    this.sql.exec(`INSERT OR REPLACE INTO ${table} (name, data) VALUES (?, ?)`, name, JSON.stringify(data));
  }

  async arm(due) {
    if (this.armed !== null && this.armed <= due) return;
    this.armed = due;
    await this.storage.setAlarm(due);
  }

  async alarm() {
    this.armed = null;
    this.sql.exec('SELECT rounds, until FROM outbox_rest').toArray();
    for (;;) {
      const query = 'SELECT id, revision, row, refused FROM outbox WHERE due <= ? ORDER BY due, rowid LIMIT ?';
      const waiting = this.sql.exec(query, Date.now(), AT_ONCE).toArray();
      if (waiting.length === 0) break;
      await this.env.LEDGER.prepare(WRITE).bind(`[${waiting.map(({ row }) => row).join(',')}]`).run();
      for (const { id, revision } of waiting) this.sql.exec('DELETE FROM outbox WHERE id = ? AND revision = ?', id, revision);
    }
    this.sql.exec('INSERT OR REPLACE INTO outbox_rest (one, rounds, until) VALUES (0, 0, 0)');
    this.sql.exec('SELECT rounds, until FROM outbox_rest').toArray();
    this.sql.exec('SELECT MIN(due) FROM outbox').toArray();
  }
}

// The configuration needs these classes; nothing here calls them.
export { Account as Breakers, Account as Keys };
