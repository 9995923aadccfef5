// The playground: sends a message to the edge and shows the answer, with everything that happened on the way.

import { ChainEditor } from './chain.js';
import { enableCode, showCode } from './code.js';
import { byId } from './dom.js';
import { FaultPicker } from './fault.js';
import { Reply } from './reply.js';
import { Timeline } from './timeline.js';

/** The chain at the start. The second model can continue the text of another one, as a cut answer needs. */
const PREFERRED = ['openai/gpt-4o', 'anthropic/claude-3.5-haiku'];
/** How often the timeline moves while a call runs, in milliseconds. */
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

/** The abort controller of the call that runs; null between calls. */
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

async function sendMessage() {
  const text = message.value.trim();
  if (!text) return message.focus();
  const abort = new AbortController();
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const { models } = chain;
  setRunning(abort);
  reply.begin(models.length > 0 ? models : ['no model']);
  timeline.follow([], { models });
  scrollToResult();
  const ticking = setInterval(() => timeline.tick(elapsed()), TICK);
  try {
    client ??= await connect();
    const stream = await client.chatStreaming([{ role: 'user', content: text }], { ...settings(), signal: abort.signal });
    const firstToken = elapsed();
    const report = { attempts: stream.attempts ?? [], fallback: isFallback(stream.model, models) };
    reply.showModel(stream.model, report, firstToken);
    timeline.follow(report.attempts, { models: stream.model ? [stream.model] : models, firstToken });
    for await (const piece of stream.textStream) reply.append(piece);
    const whole = await finalReport(stream);
    reply.finish(whole, stream.usage, firstToken);
    timeline.show(whole);
  } catch (error) {
    const report = { dropped: [], ...error.failsoft, attempts: error.attempts ?? [] };
    if (abort.signal.aborted) reply.stop(elapsed());
    else reply.fail(error, report, elapsed());
    timeline.show(report);
  } finally {
    clearInterval(ticking);
    setRunning(null);
  }
}

/** Before the report is complete: does another model than the first of the chain answer? */
const isFallback = (model, [head]) => Boolean(model) && model !== head && !head?.startsWith('route/');

async function finalReport(stream) {
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

/** Scrolls to the answer, which may be out of sight on a narrow screen. */
function scrollToResult() {
  const { top, bottom } = byId('headline').getBoundingClientRect();
  const reduceMotion = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (top < 0 || bottom > innerHeight * 0.7) byId('result').scrollIntoView({ behavior: reduceMotion ? 'instant' : 'smooth' });
}

async function load(path) {
  const headers = token.value ? { authorization: `Bearer ${token.value}` } : {};
  const response = await fetch(path, { headers }).catch(() => null);
  if (response?.status === 401) byId('key').hidden = false;
  return response?.ok ? response.json().catch(() => null) : null;
}

/** Asks the edge for its models, for the faults of an emulator, and whether calls cost money. */
async function loadSettings() {
  const [playground, listing] = await Promise.all([load('/v1/playground'), load('/v1/models')]);
  const listed = listing?.data?.map(({ id }) => id) ?? [];
  const known = [...new Set([...(playground?.models ?? []), ...listed])];
  const preferred = PREFERRED.filter((id) => known.includes(id));
  const others = known.filter((id) => !id.startsWith('fault/')).slice(0, 2);
  chain.suggest(known, preferred.length > 0 ? preferred : others);
  faults.offer(playground?.emulator ? playground.faults ?? [] : []);
  if (!playground?.emulator) byId('lead').textContent = 'Send a message, and see which model answered, which models failed before, and what it cost.';
  if (playground) showUpstream(playground);
  settingsChanged();
}

function showUpstream({ emulator, upstream }) {
  const badge = byId('upstream');
  badge.hidden = false;
  badge.textContent = emulator ? 'Emulator: no cost' : 'Real API';
  badge.classList.toggle('real', !emulator);
  byId('money').hidden = Boolean(emulator);
  byId('money').textContent = `This is a real API${upstream ? ` (${upstream})` : ''}: every message costs real money.`;
}

byId('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  if (running) running.abort();
  else sendMessage();
});
message.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) sendMessage();
});
message.addEventListener('input', settingsChanged);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
token.addEventListener('change', () => {
  client = null;
  loadSettings();
});
enableCode();
settingsChanged();
loadSettings();
