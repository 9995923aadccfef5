import { styleSheet } from './element-style.js';

/** Makes an element with the part `part`, with these properties. */
const make = (name, part, properties = {}, ...children) => {
  const node = document.createElement(name);
  if (part) node.setAttribute('part', part);
  const { role, ...rest } = properties;
  if (role) node.setAttribute('role', role);
  Object.assign(node, rest);
  node.append(...children);
  return node;
};

/** Shows `chat` in `root`; what a model says is only ever text. */
export function createView(root, chat) {
  const messages = make('div', 'messages', { role: 'log', tabIndex: 0 });
  const error = make('div', 'error', { role: 'alert' });
  const status = make('p', 'status', { role: 'status' });
  const label = make('label', 'label', { htmlFor: 'input' });
  const input = make('textarea', 'input', { id: 'input', rows: 2, dir: 'auto' });
  const [button, regenerate] = [make('button', 'button send'), make('button', 'button regenerate', { type: 'button', hidden: true })];
  const form = make('form', 'form', {}, label, input, button);
  const section = make('section', 'chat', {}, messages, regenerate, error, status, form);
  const view = { chat, words: {}, shown: new Map(), messages, error, status, input, button, regenerate };
  root.adoptedStyleSheets = [styleSheet()];
  root.append(section);
  listen(view, form);
  let state;
  const render = () => state && view.words.send && show(view, state);
  chat.subscribe((next) => {
    state = next;
    render();
  });
  return {
    setWords(words) {
      view.words = words;
      section.setAttribute('aria-label', words.label);
      messages.setAttribute('aria-label', words.label);
      [label.textContent, input.placeholder, regenerate.textContent] = [words.input, words.placeholder, words.regenerate];
      for (const message of view.shown.values()) message.name(words);
      render();
    },
  };
}

const isRunning = ({ status }) => status === 'submitted' || status === 'streaming';

function listen({ chat, input, button, regenerate }, form) {
  const send = () => {
    const text = input.value.trim();
    if (!text || isRunning(chat.state)) return;
    input.value = '';
    chat.send(text);
  };
  input.addEventListener('keydown', (event) => {
    // Enter may end the input of a word in Japanese or Chinese.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (isRunning(chat.state)) chat.stop();
    else send();
    input.focus();
  });
  form.parentNode.addEventListener('keydown', ({ key }) => key === 'Escape' && chat.stop());
  button.type = 'submit';
  regenerate.addEventListener('click', () => {
    // The button goes while the answer comes.
    input.focus();
    chat.regenerate();
  });
}

function show(view, state) {
  const { words, messages, status, button, regenerate } = view;
  const isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40;
  // Screen readers wait for the end, and do not read each word.
  messages.setAttribute('aria-busy', String(isRunning(state)));
  showMessages(view, state.messages.filter(({ role }) => role !== 'system'));
  setText(status, state.status === 'submitted' ? words.waiting : '');
  setText(button, isRunning(state) ? words.stop : words.send);
  regenerate.hidden = state.status !== 'ready' || state.messages.at(-1)?.role !== 'assistant';
  showError(view, state.error);
  if (isAtEnd) messages.scrollTop = messages.scrollHeight;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showMessages({ shown, words, messages }, list) {
  const ids = new Set(list.map(({ id }) => id));
  for (const [id, { node }] of shown) {
    if (ids.has(id)) continue;
    node.remove();
    shown.delete(id);
  }
  let place = messages.firstChild;
  for (const message of list) {
    if (!shown.has(message.id)) shown.set(message.id, messageView(message, words));
    const { node, update } = shown.get(message.id);
    update(message);
    // A node that is in its place stays there, because a move would be read out again.
    if (node === place) place = place.nextSibling;
    else messages.insertBefore(node, place);
  }
}

function messageView({ role, model }, words) {
  const [author, note, text] = [make('div', 'author'), make('div', 'note', { hidden: true }), document.createTextNode('')];
  const node = make('div', `message ${role}`, {}, author, make('div', 'text', { dir: 'auto' }, text), note);
  const name = (words) => {
    setText(author, role === 'user' ? words.user : [words.assistant, model].filter(Boolean).join(' · '));
    setText(note, words.incomplete);
  };
  name(words);
  const update = ({ content, isIncomplete }) => {
    const whole = typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
    // Most changes append a piece.
    if (whole.startsWith(text.data)) text.appendData(whole.slice(text.length));
    else text.data = whole;
    note.hidden = !isIncomplete;
  };
  return { node, name, update };
}

function showError(view, failure) {
  const { error, words, chat, input } = view;
  if (view.failure === failure && view.failureWords === words) return;
  [view.failure, view.failureWords] = [failure, words];
  error.replaceChildren();
  if (!failure) return;
  error.append(make('span', 'advice', { textContent: words.advice(failure) }));
  if (!failure.advice.canRetry) return;
  const retry = make('button', 'button retry', { type: 'button', textContent: words.retry });
  retry.addEventListener('click', () => {
    input.focus();
    chat.retry();
  });
  error.append(retry);
}
