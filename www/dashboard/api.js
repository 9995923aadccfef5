// Requests to the edge. The browser sends the cookie of the session; scripts cannot read it.

import { queryOf } from './state.js';

/** How often the session gets a new id, in milliseconds. */
const RENEW = 15 * 60_000;

/** Who is signed in: the answer of GET /admin/session; null before. */
let known = null;
let signedOut = () => {};

/** The session, if there is one. */
export const session = () => known;

/** Calls `act` when the session is over. */
export function onSignedOut(act) {
  signedOut = act;
}

/** The error of a request, with the `status`, the `code` and the `param` of the answer. */
async function failure(response) {
  const { error } = await response.json().catch(() => ({}));
  return Object.assign(new Error(error?.message ?? `The edge answered with status ${response.status}.`), { status: response.status, code: error?.code, param: error?.param });
}

async function send(method, path, body, headers = {}) {
  const csrf = known?.csrf && method !== 'GET' ? { 'x-failsoft-csrf': known.csrf } : {};
  const init = { method, headers: { ...csrf, ...headers }, ...(body && { body: JSON.stringify(body) }) };
  return fetch(path, init).catch(() => {
    throw new Error('The edge does not answer.');
  });
}

/** Sends a request, and returns the JSON of the answer. */
export async function api(method, path, body, headers) {
  const response = await send(method, path, body, headers);
  if (response.ok) return response.json();
  if (response.status === 401) {
    known = null;
    signedOut();
  }
  throw await failure(response);
}

/** GET, with the fields of `query`; those that are `undefined` or `null` are left out. */
export function get(path, query = {}) {
  const fields = queryOf(query);
  return api('GET', fields ? `${path}?${fields}` : path);
}

/** Signs in with an admin token. */
export async function signIn(token) {
  known = null;
  const response = await send('POST', '/admin/session', undefined, { authorization: `Bearer ${token}` });
  if (!response.ok) throw await failure(response);
  known = await response.json();
}

/** Asks who is signed in. Returns `not set up` if nobody can be. */
session.read = async () => {
  const response = await send('GET', '/admin/session').catch(() => null);
  known = response?.ok ? await response.json() : null;
  if (response?.ok) return 'signed in';
  return [404, 503].includes(response?.status) ? 'not set up' : 'signed out';
};

setInterval(async () => {
  if (!known?.csrf || document.hidden) return;
  const response = await send('POST', '/admin/session').catch(() => null);
  if (response?.ok) known = await response.json();
}, RENEW);
