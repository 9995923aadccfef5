import type { Advice, Chat, ChatMessage, ChatOptions } from './chat.js';
import type { ChatError } from './error.js';
import type { Client } from './index.js';
import type { Report } from './report.js';

/** The element of this program's types; an empty object without those of a browser. */
type BaseElement = typeof globalThis extends { HTMLElement: { prototype: infer Found } } ? Found : {};

/** What the element says, for other languages. What is left out stays English. */
export interface ChatWords {
  /** The name of the element, which only screen readers read. @default 'Chat' @example 'Chat mit dem Laden' */
  label?: string;
  /** What stands in the empty input. @default none @example 'Ask about your order' */
  placeholder?: string;
  /** The label of the input. @default 'Your message' */
  input?: string;
  /** @default 'Send' */
  send?: string;
  /** @default 'Stop' */
  stop?: string;
  /** The button after an error. @default 'Try again' */
  retry?: string;
  /** The button after an answer. @default 'Another answer' */
  regenerate?: string;
  /** The author of a question. @default 'You' */
  user?: string;
  /** The author of an answer; the model follows. @default 'Assistant' */
  assistant?: string;
  /** What stands there before the first word of an answer. @default 'Waiting for an answer …' */
  waiting?: string;
  /** What stands below an answer that was stopped or broke off. @default 'This answer is incomplete.' */
  incomplete?: string;
  /**
   * What the user reads after an error.
   * @default the advice of `failsoft/chat`, in English
   * @example ({ kind }) => (kind === 'network' ? 'Keine Verbindung.' : 'Bitte versuchen Sie es noch einmal.')
   */
  advice?: (error: ChatError & { advice: Advice }) => string;
}

/** What `<failsoft-chat>` has beside the members of every element. */
export interface FailsoftChatMembers {
  /** The conversation: `chat.send('Hello!')`, `chat.stop()`, `chat.state.messages`. */
  readonly chat: Chat;
  /**
   * The client that answers, in place of one for the attributes.
   * @default a client for the attributes `edge`, `token` and `models`, which is loaded with the first message
   * @example createClient({ edge: '/', token, models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'] })
   */
  client: Client | undefined;
  /** Options of each call. @default none @example { temperature: 0.2, feature: 'support' } */
  options: Omit<ChatOptions, 'client' | 'messages' | 'onFinish' | 'onError'>;
  /** What the element says. @default English words */
  words: ChatWords;
}

/**
 * A conversation as an element. Importing `failsoft/element` defines it.
 *
 * - Attributes: `edge`, `token` and `models` (with commas between them) are those of `createClient`; `system` is the message with
 *   this role, read when the element is connected; `label` and `placeholder` are those of {@link ChatWords}.
 * - Events, which bubble: `failsoft-answer` with `detail: { message, report }`, `failsoft-error` with the error and its advice.
 * - Parts for `::part`: `chat`, `messages`, `message` with `user` or `assistant`, `author`, `text`, `note`, `error`, `advice`,
 *   `status`, `form`, `label`, `input`, `button` with `send`, `retry` or `regenerate`.
 * - Custom properties: `--failsoft-ink`, `--failsoft-paper`, `--failsoft-line`, `--failsoft-accent`, `--failsoft-accent-ink`,
 *   `--failsoft-trouble`, `--failsoft-round`, `--failsoft-font`.
 * - Keys: Enter sends, Shift and Enter begin a line, Escape stops an answer.
 * @example
 * <failsoft-chat edge="/" token="fs_web_example" models="anthropic/claude-opus-4.7, openai/gpt-4o"></failsoft-chat>
 */
export type FailsoftChat = BaseElement & FailsoftChatMembers;
export const FailsoftChat: { new (): FailsoftChat; readonly prototype: FailsoftChat };

declare global {
  interface HTMLElementTagNameMap {
    'failsoft-chat': FailsoftChat;
  }
  interface HTMLElementEventMap {
    'failsoft-answer': { readonly detail: { readonly message: ChatMessage; readonly report: Report | undefined } } & CustomEvent;
    'failsoft-error': { readonly detail: ChatError & { advice: Advice } } & CustomEvent;
  }
  interface CustomEvent<T = any> {}
}
