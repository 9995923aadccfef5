// The dashboard: which page is shown, and when it is loaded again. Each page is a module in pages/, with
// - `title`: its heading, or a function of the filters that returns it;
// - `parent`: the page of the navigation that leads to this one, which then is not in the navigation itself; optional;
// - `controls(context)`: what stays when figures change, such as forms; optional;
// - `load(context)`: fetches the data, with the number of attempts that their figures may lack (`missing`), if the edge gives it;
// - `view(data, context)`: the element that shows the data.

import { byId, element } from '../dom.js';
import { api, onSignedOut, session } from './api.js';
import { rememberFocus } from './focus.js';
import { missing } from './missing.js';
import { rangeControls, rangeOf } from './range-controls.js';
import { address, current, go } from './state.js';
import * as alerts from './pages/alerts.js';
import * as audit from './pages/audit.js';
import * as breakers from './pages/breakers.js';
import * as budgets from './pages/budgets.js';
import * as cache from './pages/cache.js';
import * as calls from './pages/calls.js';
import { features, models, upstreams } from './pages/breakdowns.js';
import * as cheaper from './pages/cheaper.js';
import * as keys from './pages/keys.js';
import * as overview from './pages/overview.js';
import * as route from './pages/route.js';
import * as routes from './pages/routes.js';
import * as signIn from './pages/sign-in.js';
import * as start from './pages/start.js';
import * as users from './pages/users.js';

const PAGES = { overview, calls, features, models, routes, route, cheaper, cache, upstreams, users, keys, budgets, breakers, alerts, audit, start };

/** How often figures are fetched again while somebody looks at them, in milliseconds. */
const REFRESH = 10_000;

const content = byId('content');
/** The page that is shown, and the text of the data that it shows. */
let shown = null;
let refreshing;

function navigation(name) {
  const link = ([key, page]) => element('li', {}, element('a', { href: address(key, current().filters), 'aria-current': key === name && 'page' }, page.title));
  byId('pages').replaceChildren(element('ol', {}, Object.entries(PAGES).filter(([, page]) => !page.parent).map(link)));
  byId('pages').hidden = false;
  // On a phone the list is wider than the screen.
  byId('pages').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function account() {
  const { admin, csrf } = session();
  const out = element('button', { type: 'button', class: 'quiet', click: () => api('DELETE', '/admin/session').finally(() => location.reload()) }, 'Sign out');
  byId('account').replaceChildren(element('span', {}, admin), csrf ? out : '');
  byId('account').hidden = false;
}

/** Shows what the address names. */
async function show() {
  clearTimeout(refreshing);
  const { name, filters } = current();
  const page = PAGES[name] ?? overview;
  if (!session() && page !== start) return showSignIn();
  const title = typeof page.title === 'function' ? page.title(filters) : page.title;
  document.title = `${title} · failsoft`;
  navigation(page.parent ?? (PAGES[name] ? name : 'overview'));
  if (session()) account();
  const region = element('div', { class: 'region', 'aria-busy': 'true' }, element('p', { class: 'hint' }, 'Loading …'));
  const context = { ...current(), reload: () => refresh(true) };
  const range = page.ranged ? rangeControls(context.filters) : null;
  shown = { page, region, text: '' };
  content.replaceChildren(element('div', { class: 'heading' }, element('h1', {}, title), range), page.controls?.(context) ?? '', region);
  await refresh(true);
}

/** Fetches the data of the page, and shows them if they have changed. */
async function refresh(always) {
  clearTimeout(refreshing);
  const mine = shown;
  const { page, region } = mine;
  const context = { ...current(), range: rangeOf(current().filters), reload: () => refresh(true) };
  try {
    const data = await page.load(context);
    const text = JSON.stringify(data);
    if (mine !== shown) return;
    // A new view would take back the first press of a button that asks.
    if (always || (text !== mine.text && !region.querySelector('[data-asks]'))) {
      replace(region, [missing(data.missing), page.view(data, context)].filter(Boolean));
      mine.text = text;
    }
  } catch (error) {
    if (mine !== shown || error.status === 401) return;
    if (always) region.replaceChildren(element('p', { class: 'notice', role: 'alert' }, error.message));
  }
  region.removeAttribute('aria-busy');
  if (page.live !== false) refreshing = setTimeout(() => (document.hidden ? wait() : refresh(false)), REFRESH);
}

/** Waits until somebody looks at the page. */
function wait() {
  document.addEventListener('visibilitychange', () => refresh(false), { once: true });
}

/** Shows new `views`. What was open or had the focus, by its `data-part`, stays so. */
function replace(region, views) {
  const restoreFocus = rememberFocus(region);
  const open = [...region.querySelectorAll('details[open][data-part]')].map(({ dataset }) => dataset.part);
  region.replaceChildren(...views);
  for (const details of region.querySelectorAll('details[data-part]')) details.open ||= open.includes(details.dataset.part);
  restoreFocus();
}

function showSignIn() {
  clearTimeout(refreshing);
  shown = null;
  document.title = `${signIn.title} · failsoft`;
  byId('pages').hidden = true;
  byId('account').hidden = true;
  content.replaceChildren(signIn.view(show));
}

onSignedOut(showSignIn);
addEventListener('hashchange', async () => {
  if (location.hash === '#content') return;
  await show();
  content.focus({ preventScroll: true });
});
if (!location.hash) go('overview', {}, true);
const found = await session.read();
// An edge that is not set up has nobody to sign in.
if (found === 'not set up' && current().name !== 'start') location.hash = address('start', {});
else show();
