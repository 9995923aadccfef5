import { useEffect, useState, useSyncExternalStore } from 'react';

import { createChat } from './chat.js';

export function useChat(options) {
  const [chat] = useState(() => createChat(options));
  const state = useSyncExternalStore(chat.subscribe, () => chat.state, () => chat.state);
  // Options may be made anew in each rendering, as callbacks are.
  useEffect(() => chat.setOptions(options));
  // In StrictMode, React unmounts and mounts once more; nothing runs then, so nothing is stopped.
  useEffect(() => () => chat.stop(), [chat]);
  const { send, stop, retry, regenerate, setMessages } = chat;
  return { ...state, send, stop, retry, regenerate, setMessages };
}
