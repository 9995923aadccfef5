// The playground: what is asked of the edge, and what is shown of its answer.

import { ChainEditor } from './chain.js';
import { offerCopies, showCode } from './code.js';
import { byId } from './dom.js';
import { FaultPicker } from './fault.js';
import { Reply } from './reply.js';
import { Timeline } from './timeline.js';

const PREFERRED = ['openai/gpt-4o', 'openai/gpt-4o-mini'];
const TICK = 100;

const message = byId('message');
const send = byId('send');
const token = byId('token');
const reply = new Reply();
const timeline = new Timeline();
const faults = new FaultPicker(() => {
  chain.fault = faults.model;
  settingsChanged();
});
const chain = new ChainEditor(PREFERRED, settingsChanged, () => {
  faults.pick('');
  byId('fault').focus();
});

/** The abort of the call that runs; null between calls. */
let running = null;
let client = null;

function settings() {
  const { models } = chain;
  const isRoute = models.length === 1 && models[0].startsWith('route/');
  const { policy } = faults;
  return { ...(isRoute ? { model: models[0] } : { models }), ...(policy && { policy }) };
}

function settingsChanged() {
  showCode(location.origin, message.value.trim(), settings(), token.value);
}

function setRunning(abort) {
  running = abort;
  send.textContent = abort ? 'Stop' : 'Send';
  send.classList.toggle('stop', abort !== null);
}

async function ask() {
  const text = message.value.trim();
  if (!text) return message.focus();
  const abort = new AbortController();
  const began = performance.now();
  const age = () => performance.now() - began;
  const { models } = chain;
  setRunning(abort);
  reply.begin(models.length > 0 ? models : ['no model']);
  timeline.follow([], { models });
  reveal();
  const ticking = setInterval(() => timeline.tick(age()), TICK);
  try {
    client ??= await connect();
    const stream = await client.chatStreaming([{ role: 'user', content: text }], { ...settings(), signal: abort.signal });
    const firstToken = age();
    const soFar = { attempts: stream.attempts ?? [], fallback: fellBack(stream.model, models) };
    reply.committed(stream.model, soFar, firstToken);
    timeline.follow(soFar.attempts, { models: stream.model ? [stream.model] : models, firstToken });
    for await (const piece of stream.textStream) reply.append(piece);
    const report = await reportOf(stream);
    reply.answered(report, stream.usage, firstToken);
    timeline.show(report);
  } catch (error) {
    const report = { dropped: [], ...error.failsoft, attempts: error.attempts ?? [] };
    if (abort.signal.aborted) reply.stopped(age());
    else reply.failed(error, report, age());
    timeline.show(report);
  } finally {
    clearInterval(ticking);
    setRunning(null);
  }
}

/** Before the whole report is there: is the model that answers another than the first asked for? */
const fellBack = (model, [head]) => Boolean(model) && model !== head && !head?.startsWith('route/');

async function reportOf(stream) {
  const report = stream.failsoft ?? (await stream.finalCompletion()).failsoft;
  return { model: stream.model, attempts: stream.attempts ?? [], ...report };
}

async function connect() {
  const { createClient } = await import('./failsoft/index.js').catch((cause) => {
    const advice = 'Run cargo xtask dev: it builds the package and puts it beside this page.';
    throw Object.assign(new Error('the failsoft package could not be loaded', { cause }), { advice });
  });
  return createClient({ edge: location.origin, ...(token.value && { token: token.value }) });
}

/** On a narrow screen the answer may be out of sight. */
function reveal() {
  const { top, bottom } = byId('headline').getBoundingClientRect();
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (top < 0 || bottom > innerHeight * 0.7) byId('result').scrollIntoView({ behavior: calm ? 'instant' : 'smooth' });
}

async function load(path) {
  const headers = token.value ? { authorization: `Bearer ${token.value}` } : {};
  const response = await fetch(path, { headers }).catch(() => null);
  if (response?.status === 401) byId('key').hidden = false;
  return response?.ok ? response.json().catch(() => null) : null;
}

/** Learns what is behind the edge: which models, which faults, whose money. */
async function explore() {
  const [playground, listing] = await Promise.all([load('/v1/playground'), load('/v1/models')]);
  const listed = listing?.data?.map(({ id }) => id) ?? [];
  const known = [...new Set([...(playground?.models ?? []), ...listed])];
  const usual = PREFERRED.filter((id) => known.includes(id));
  const own = known.filter((id) => !id.startsWith('fault/'));
  chain.suggest(known, known.length === 0 ? [] : usual.length > 0 ? usual : own.slice(0, 2));
  faults.offer(playground?.emulator ? playground.faults ?? [] : []);
  if (!playground?.emulator) byId('lead').textContent = 'Send a message, and see which model answered it, what was tried before and what it cost.';
  if (playground) showUpstream(playground);
  settingsChanged();
}

function showUpstream({ emulator, upstream }) {
  const badge = byId('upstream');
  badge.hidden = false;
  badge.textContent = emulator ? 'Emulator: nothing is spent' : 'Real upstream';
  badge.classList.toggle('real', !emulator);
  byId('money').hidden = Boolean(emulator);
  byId('money').textContent = `Real upstream: this spends real money${upstream ? ` at ${upstream}` : ''}.`;
}

byId('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  if (running) running.abort();
  else ask();
});
message.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) ask();
});
message.addEventListener('input', settingsChanged);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
token.addEventListener('change', () => {
  client = null;
  explore();
});
offerCopies();
settingsChanged();
explore();
