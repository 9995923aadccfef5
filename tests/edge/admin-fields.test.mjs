// What an admin may change of a key is a list. Every other field is refused by name, and a request that is refused changes nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256 } from '../support/edge.mjs';
import { SECOND, send } from './harness.mjs';
import { useEdge } from './use-edge.mjs';

const ADMIN = 'admin-0123456789-0123456789-0123456789';

const { edge } = useEdge({ secrets: { ADMIN_TOKEN: ADMIN }, failsoft: { keys: undefined, models: [SECOND], routes: { support: { models: [SECOND] } } } });

async function admin(method, path, body) {
  const answer = await send(edge, `/admin/keys${path}`, { method, key: ADMIN, body: typeof body === 'string' ? body : body && JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.text) };
}

const TERMS = { name: 'web', expiresAt: 9_000_000_000, origins: ['https://app.example'], addresses: ['203.0.113.0/24'], routes: ['support'], models: [SECOND], budget: { usd: { day: 1 } }, report: false };

/** Fields that the record of a key has, that decide who may do what, or that a program could take for such a field. */
const PRIVILEGED = {
  id: '0'.repeat(16), key: `fs_${'0'.repeat(16)}_x`, sha256: sha256('x'), secret: 'x', secrets: [{ sha256: sha256('x'), until: null }], digest: sha256('x'), hash: sha256('x'), created: 1, createdAt: 1, rotated: 1, rotatedAt: 1,
  revoked: null, revokedAt: null, graceUntil: 9_000_000_000, until: null, terms: { models: ['*'] }, account: 'key:other', accountName: 'key:other', owner: 'admin', admin: true, is_admin: true, role: 'admin', scope: 'keys',
  scopes: ['read', 'keys', 'routes'], permissions: ['*'], session: 'x', hides_report: false, hidesReport: false, token: 'ADMIN_TOKEN', upstream: 'https://evil.example', provider: { data_collection: 'allow' }, policy: { attempts: 32 },
  lane: 'lean', limits: { outputTokens: 1e9 }, fields: ['audio'], __proto: {}, constructor: { prototype: { admin: true } }, prototype: {}, 'budget.usd': 1, 'models[]': '*', Name: 'x', NAME: 'x', 'name ': 'x', ' models': ['*'], 'mоdels': ['*'], expires_at: null, rotate: true,
};

/** What is wrong with a known field. */
const WRONG = {
  name: ['', 'x'.repeat(101), 1, ['a'], 'a\nb'], expiresAt: ['soon', -1, 1.5, 1e12, {}], origins: ['https://a.example', ['*'], ['nonsense'], [1]], addresses: ['203.0.113.7', ['nonsense'], ['203.0.113.7/33']], routes: ['support', ['nope'], [1]],
  models: ['*', [1], ['a*b'], ['']], budget: [1, { usd: 1 }, { usd: { day: -1 } }, { usd: { week: 1 } }, { euros: {} }, { requests: { day: 1.5 } }], report: ['yes', 0, {}],
};

async function make() {
  const made = await admin('POST', '', TERMS);
  assert.equal(made.status, 201, made.text);
  return made.json;
}

const shown = async (id) => (await admin('GET', `/${id}`)).json;
const list = async () => (await admin('GET', '')).json.data;

test('a field that is not on the list is refused by name, and the fields beside it change nothing', async () => {
  const { id, key } = await make();
  const [before, listed] = [await shown(id), await list()];
  for (const [name, value] of [...Object.entries(PRIVILEGED), ['__proto__', { admin: true }], ['', 1], ['n\u0061me ', 'x']]) {
    const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    for (const body of [`{${field}}`, `{"name":"changed","models":["*"],${field}}`, `{${field},"budget":null,"report":true}`]) {
      const answer = await admin('PATCH', `/${id}`, body);
      assert.equal(answer.status, 400, `${body}: ${answer.text}`);
      assert.equal(answer.json.error.param, name);
    }
    assert.equal((await admin('POST', '', `{"name":"made",${field}}`)).status, 400, name);
    assert.equal((await admin('POST', `/${id}/rotate`, `{"grace":1,${field}}`)).status, 400, name);
  }
  assert.deepEqual([await shown(id), await list()], [before, listed]);
  assert.equal((await send(edge, '/v1/models', { key, headers: { origin: 'https://app.example', 'cf-connecting-ip': '203.0.113.7' } })).status, 200, 'the key was not rotated');
});

test('a wrong value beside right ones changes nothing, in any order and in any spelling', async () => {
  const { id } = await make();
  const before = await shown(id);
  for (const [name, values] of Object.entries(WRONG)) {
    for (const value of values) {
      const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      const other = name === 'name' ? '"report":true' : '"name":"changed"';
      for (const body of [`{${other},${field}}`, `{${field},${other}}`, `{"${[...name].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}":${JSON.stringify(value)},${other}}`]) {
        const answer = await admin('PATCH', `/${id}`, body);
        assert.equal(answer.status, 400, `${body}: ${answer.text}`);
        assert.ok(answer.json.error.param.startsWith(name), answer.text);
      }
    }
  }
  for (const body of ['[]', '"x"', '1', 'null', 'true', '{', '{"name":"changed"', '{"name":"changed"} {"admin":true}', `{"name":"changed",}`, `${'['.repeat(20_000)}`, '\u0000']) {
    assert.ok([400, 413].includes((await admin('PATCH', `/${id}`, body)).status), body.slice(0, 50));
  }
  assert.deepEqual(await shown(id), before);
});

test('what is on the list changes alone, and what is stored is what was checked', async () => {
  const { id } = await make();
  const { createdAt } = await shown(id);
  for (const [name, value] of [['name', 'other'], ['expiresAt', 9_000_000_001], ['origins', ['https://b.example']], ['addresses', ['198.51.100.7']], ['routes', []], ['models', ['a/*']], ['budget', { concurrent: 3 }], ['report', true]]) {
    const before = await shown(id);
    const changed = await admin('PATCH', `/${id}`, { [name]: value });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(await shown(id), { ...before, [name]: value });
  }
  // Of two fields with one name, one is checked and stored; no reader takes the other.
  const twice = await admin('PATCH', `/${id}`, '{"models":["*"],"models":["b/b"],"budget":{"usd":{"day":5}},"budg\\u0065t":{"concurrent":1}}');
  if (twice.status === 200) assert.deepEqual([twice.json.models, twice.json.budget], [['b/b'], { concurrent: 1 }]);
  const removed = await admin('PATCH', `/${id}`, { origins: null, budget: null, expiresAt: null });
  assert.deepEqual([removed.json.origins, removed.json.budget, removed.json.expiresAt, removed.json.createdAt], [undefined, undefined, undefined, createdAt]);
});
