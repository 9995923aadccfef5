import type { ChatActions, ChatOptions, ChatState } from './chat.js';

export type { Advice, ChatActions, ChatMessage, ChatOptions, ChatState, NewMessage } from './chat.js';

/**
 * A conversation in a component. The component's unmounting stops a running answer; StrictMode changes nothing.
 *
 * `client`, callbacks and other options may change with each rendering; `messages` count at the first.
 * @example
 * const client = createClient({ edge: '/', models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'] });
 * function Chat() {
 *   const { messages, status, error, send, stop, retry } = useChat({ client });
 *   …
 * }
 */
export function useChat(options: ChatOptions): ChatState & ChatActions;
