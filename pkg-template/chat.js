import { adviceOf } from './chat-advice.js';

const idle = { status: 'ready', error: undefined };

export function createChat({ client, messages = [], onFinish, onError, ...options }) {
  const listeners = new Set();
  let state = { messages: messages.map(withId), model: undefined, report: undefined, ...idle };
  /** The running call. A call that is no longer this one changes nothing. */
  let running;

  const set = (changes) => {
    state = { ...state, ...changes };
    for (const listener of listeners) listener(state);
  };
  const setLast = (changes) => set({ messages: [...state.messages.slice(0, -1), { ...state.messages.at(-1), ...changes }] });

  async function answer() {
    stop();
    const call = (running = new AbortController());
    const isCurrent = () => running === call;
    set({ status: 'submitted', error: undefined, model: undefined, report: undefined });
    let stream, began = false;
    let over;
    try {
      stream = await client.chatStreaming(state.messages.map(({ role, content }) => ({ role, content })), { ...options, signal: call.signal });
      if (!isCurrent()) return await stream.cancel();
      began = true;
      set({ status: 'streaming', model: stream.model, messages: [...state.messages, withId({ role: 'assistant', content: '', model: stream.model })] });
      for await (const text of stream.textStream) {
        if (!isCurrent()) return undefined;
        setLast({ content: state.messages.at(-1).content + text });
      }
      over = { ...idle, report: stream.failsoft };
    } catch (error) {
      if (isCurrent() && began) setLast({ isIncomplete: true });
      over = { status: 'error', error: Object.assign(error, { advice: adviceOf(error) }), report: error.failsoft };
    }
    // Outside of `try`, so that an error of the app's own functions reaches the app.
    if (isCurrent()) end(over);
    return undefined;
  }

  function end(changes) {
    running = undefined;
    set(changes);
    if (state.error) onError?.(state.error);
    else onFinish?.(state.messages.at(-1), state.report);
  }

  /** Stops the running call. What was said so far stays. */
  function stop() {
    const call = running;
    running = undefined;
    call?.abort();
    if (!call) return;
    if (state.status === 'streaming') setLast({ isIncomplete: true });
    set(idle);
  }

  /** Asks again for the answer to the last message of the user. */
  function regenerate() {
    stop();
    const last = state.messages.map(({ role }) => role).lastIndexOf('user');
    if (last < 0) return Promise.resolve();
    set({ messages: state.messages.slice(0, last + 1) });
    return answer();
  }

  return {
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => void listeners.delete(listener);
    },
    send(message) {
      stop();
      set({ messages: [...state.messages, withId(typeof message === 'string' ? { role: 'user', content: message } : message)] });
      return answer();
    },
    stop,
    regenerate,
    retry: () => (state.status === 'error' ? regenerate() : Promise.resolve()),
    setMessages(next) {
      stop();
      set({ ...idle, messages: next.map(withId) });
    },
    /** Options of the next calls. */
    setOptions({ client: nextClient, messages: _, onFinish: finish, onError: fail, ...next }) {
      [client, options, onFinish, onError] = [nextClient, next, finish, fail];
    },
  };
}

/** What ids begin with: another page, whose messages may come back, has another beginning. */
const START = `message-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
let count = 0;
const withId = (message) => (message.id ? message : { ...message, id: `${START}-${(count += 1)}` });
