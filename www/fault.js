// The faults of the emulator: those worth one click, and all of them in groups.

import { byId, element } from './dom.js';

const SHORTCUTS = {
  'rate-limited': 'Rate-limited',
  'server-error': 'Server error',
  'reset': 'Connection lost',
  'comments-only': 'Never starts',
  'empty': 'Says nothing',
  'refusal-text': 'Refuses',
  'cut': 'Cut mid-answer',
  'unknown-model': 'No such model',
};

const SILENCE = ['slow-headers', 'slow-first-token', 'comments-only', 'stall', 'stall-comments', 'never-ending'];

const GROUPS = [
  ['Too busy to answer', ['rate-limited', 'rate-limited-once', 'rate-limited-legacy', 'rate-limited-date', 'in-flight-budget',
    'unavailable', 'unavailable-not-retryable', 'overloaded']],
  ['Its servers fail', ['server-error', 'server-error-once', 'string-code', 'bad-gateway', 'gateway-timeout', 'timeout-408',
    'cloudflare-524', 'error-first', 'error-in-200', 'malformed-body']],
  ['The connection breaks', ['reset', 'reset-after-headers', 'reset-mid-body', 'cut', 'cut-hard', 'cut-mid-event',
    'cut-mid-character', 'error-mid-stream', 'error-mid-stream-empty-choices', 'error-in-choice']],
  ['It goes silent', SILENCE],
  ['It answers, and not well', ['empty', 'empty-once', 'whitespace', 'reasoning-only', 'refusal', 'refusal-text',
    'content-filter', 'length', 'bad-json']],
  ['It is the wrong model', ['unknown-model', 'deprecated', 'not-found', 'context-length']],
  ['The account is at fault', ['no-credits', 'key-limit', 'unauthorized']],
  ['The request is at fault', ['bad-request', 'precondition', 'too-large', 'unprocessable', 'guardrail', 'moderation',
    'content-policy']],
];

/** The fault picker. Calls `changed` when another fault is picked. */
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

  /** Offers these faults, or none. */
  offer(faults) {
    byId('faults').hidden = faults.length === 0;
    this.#faults = new Map(faults.map((fault) => [fault.name, fault]));
    const rest = new Set(this.#faults.keys());
    const groups = GROUPS.map(([label, names]) => this.#group(label, names.filter((name) => rest.delete(name))));
    this.#select.replaceChildren(this.#none, ...groups, this.#group('Odd, and harmless', [...rest]));
    const offered = Object.entries(SHORTCUTS).filter(([name]) => this.#faults.has(name));
    this.#shortcuts.replaceChildren(...[['', 'Healthy'], ...offered].map(([name, label]) => this.#shortcut(name, label)));
    this.#show();
  }

  /** The model to ask for, or null if the primary is healthy. */
  get model() {
    return this.#select.value ? `fault/${this.#select.value}` : null;
  }

  /** What the edge should do otherwise: by default it waits a minute for a silent model, too long to watch. */
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
    byId('fault-hint').textContent = hint ? `On the wire: ${hint}.` : 'The primary answers as it should.';
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
