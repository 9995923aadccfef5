import { createChat } from './chat.js';
import { createView } from './element-view.js';
import { WORDS } from './element-words.js';

const NAME = 'failsoft-chat';
/** What an app may set before the browser knows the element. */
const PROPERTIES = ['client', 'options', 'words'];

// A server that renders the page has no elements.
export class FailsoftChat extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ['edge', 'token', 'models', 'label', 'placeholder'];

  #client;
  #options = {};
  #words = {};
  #made;
  #chat = createChat({ client: this.#ownClient() });
  #view;

  constructor() {
    super();
    this.#view = createView(this.attachShadow({ mode: 'open', delegatesFocus: true }), this.#chat);
    this.#configure();
  }

  connectedCallback() {
    for (const name of PROPERTIES.filter((name) => Object.hasOwn(this, name))) {
      const { [name]: value } = this;
      delete this[name];
      this[name] = value;
    }
    const system = this.getAttribute('system');
    if (system && this.#chat.state.messages.length === 0) this.#chat.setMessages([{ role: 'system', content: system }]);
  }

  disconnectedCallback() {
    // An element that only moves is connected again at once.
    queueMicrotask(() => this.isConnected || this.#chat.stop());
  }

  attributeChangedCallback() {
    this.#made = undefined;
    this.#configure();
  }

  get chat() {
    return this.#chat;
  }

  get client() {
    return this.#client;
  }

  set client(client) {
    this.#client = client;
    this.#configure();
  }

  get options() {
    return this.#options;
  }

  set options(options) {
    this.#options = options ?? {};
    this.#configure();
  }

  get words() {
    return this.#words;
  }

  set words(words) {
    this.#words = words ?? {};
    this.#configure();
  }

  #configure() {
    const send = (type, detail) => this.dispatchEvent(new CustomEvent(`failsoft-${type}`, { detail, bubbles: true, composed: true }));
    this.#chat.setOptions({
      ...this.#options,
      client: this.#client ?? this.#ownClient(),
      onFinish: (message, report) => send('answer', { message, report }),
      onError: (error) => send('error', error),
    });
    const attributes = ['label', 'placeholder'].filter((name) => this.hasAttribute(name)).map((name) => [name, this.getAttribute(name)]);
    this.#view.setWords({ ...WORDS, ...Object.fromEntries(attributes), ...this.#words });
  }

  /** A client for the attributes. What it needs is loaded with the first message. */
  #ownClient() {
    return { chatStreaming: async (...given) => (await (this.#made ??= this.#make())).chatStreaming(...given) };
  }

  async #make() {
    try {
      const [edge, token, models] = ['edge', 'token', 'models'].map((name) => this.getAttribute(name) ?? undefined);
      if (edge === undefined) throw Object.assign(new Error(`<${NAME}> needs the attribute edge or the property client`), { kind: 'invalidRequest' });
      const { createClient } = await import('./index.js');
      return createClient({ edge, ...(token && { token }), ...(models && { models: models.split(',').map((model) => model.trim()).filter(Boolean) }) });
    } catch (error) {
      this.#made = undefined;
      throw error;
    }
  }
}

if (globalThis.customElements && !customElements.get(NAME)) customElements.define(NAME, FailsoftChat);
