// The picker for the faults of the emulator: common faults as buttons, all faults in a list with groups.

import { byId, element } from './dom.js';

const SHORTCUTS = {
  'rate-limited': 'Rate-limited',
  'server-error': 'Server error',
  'reset-mid-body': 'Connection lost',
  'comments-only': 'Never answers',
  'empty': 'Empty answer',
  'refusal-text': 'Refusal',
  'cut': 'Cut in the middle',
  'unknown-model': 'No such model',
};

const SILENCE = ['slow-headers', 'slow-first-token', 'comments-only', 'stall', 'stall-comments', 'never-ending'];

const GROUPS = [
  ['Too busy', ['rate-limited', 'rate-limited-once', 'rate-limited-legacy', 'rate-limited-date', 'in-flight-budget',
    'unavailable', 'unavailable-not-retryable', 'overloaded', 'quoted-not-loaded']],
  ['The server fails', ['server-error', 'server-error-once', 'string-code', 'bad-gateway', 'bad-gateway-page', 'gateway-timeout',
    'timeout-408', 'cloudflare-524', 'challenge-page', 'quoted-broken-call', 'error-first', 'error-in-200', 'malformed-body']],
  ['The connection breaks', ['reset', 'reset-after-headers', 'reset-mid-body', 'cut', 'cut-hard', 'cut-mid-event',
    'cut-mid-character', 'error-mid-stream', 'error-mid-stream-empty-choices', 'error-in-choice']],
  ['Silence', SILENCE],
  ['A bad answer', ['empty', 'empty-once', 'whitespace', 'reasoning-only', 'refusal', 'refusal-text',
    'content-filter', 'length', 'bad-json']],
  ['The wrong model', ['unknown-model', 'deprecated', 'not-found', 'context-length', 'quoted-model-asks']],
  ['The account', ['no-credits', 'key-limit', 'unauthorized', 'quoted-no-money', 'quoted-bad-key']],
  ['The request', ['bad-request', 'precondition', 'too-large', 'unprocessable', 'guardrail', 'moderation',
    'content-policy', 'quoted-safety']],
];

/** Calls `changed` when the visitor chooses another fault. */
export class FaultPicker {
  #select = byId('fault');
  #none = this.#select.options[0];
  #shortcuts = byId('shortcuts');
  #faults = new Map();

  constructor(changed) {
    this.#select.addEventListener('change', () => {
      this.#show();
      changed();
    });
  }

  /** Shows these faults; without any, hides the picker. */
  offer(faults) {
    byId('faults').hidden = faults.length === 0;
    this.#faults = new Map(faults.map((fault) => [fault.name, fault]));
    const remaining = new Set(this.#faults.keys());
    const groups = GROUPS.map(([label, names]) => this.#group(label, names.filter((name) => remaining.delete(name))));
    this.#select.replaceChildren(this.#none, ...groups, this.#group('Unusual, but harmless', [...remaining]));
    const offered = Object.entries(SHORTCUTS).filter(([name]) => this.#faults.has(name));
    this.#shortcuts.replaceChildren(...[['', 'No fault'], ...offered].map(([name, label]) => this.#shortcut(name, label)));
    this.#show();
  }

  /** The model that has the chosen fault, or null. */
  get model() {
    return this.#select.value ? `fault/${this.#select.value}` : null;
  }

  /** A policy for the chosen fault, or null. By default the edge waits up to a minute for a silent model: too long to watch. */
  get policy() {
    const silent = SILENCE.includes(this.#select.value);
    return silent ? { timeouts: { headers: 3000, firstToken: 3000, idle: 3000 } } : null;
  }

  pick(name) {
    this.#select.value = name;
    this.#select.dispatchEvent(new Event('change'));
  }

  #group(label, names) {
    const options = names.map((name) => element('option', { value: name }, sentence(this.#faults.get(name).title ?? name)));
    return options.length > 0 ? element('optgroup', { label }, options) : '';
  }

  #shortcut(name, label) {
    return element('button', { type: 'button', class: 'chip', 'data-fault': name, click: () => this.pick(name) }, label);
  }

  #show() {
    const picked = this.#select.value;
    for (const chip of this.#shortcuts.children) chip.setAttribute('aria-pressed', String(chip.dataset.fault === picked));
    const hint = this.#faults.get(picked)?.description;
    byId('fault-hint').textContent = hint ? `What the API sends: ${hint}.` : 'The first model answers normally.';
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
