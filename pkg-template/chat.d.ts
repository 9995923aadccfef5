import type { ChatError } from './error.js';
import type { Client } from './index.js';
import type { ContentPart } from './message.js';
import type { Options } from './options.js';
import type { Report } from './report.js';

/** A message of a conversation. */
export interface ChatMessage {
  /** Unique in the page. */
  id: string;
  role: 'system' | 'user' | 'assistant';
  content: string | readonly ContentPart[];
  /** The model that answered. */
  model?: string;
  /** True if an answer was stopped or broke off. */
  isIncomplete?: boolean;
}

/** A message without an id, which it then gets. */
export type NewMessage = Omit<ChatMessage, 'id'> & { id?: string };

/** What the user of your app can do about an error. */
export interface Advice {
  /** A sentence for the user, in English. */
  text: string;
  /** Whether the same call may work later. */
  canRetry: boolean;
  /** How long to wait before that, in milliseconds, if the failure says so. */
  retryAfter: number | undefined;
  /** The message of the error, for developers. */
  detail: string;
}

/** What a conversation is now. */
export interface ChatState {
  messages: readonly ChatMessage[];
  /** `submitted`: no text has come yet, and another model can take over. `streaming`: text comes. */
  status: 'ready' | 'submitted' | 'streaming' | 'error';
  /** The error of the last call, with advice. */
  error: (ChatError & { advice: Advice }) | undefined;
  /** The model that answers or answered last. */
  model: string | undefined;
  /** The report of the last call, when it is over. */
  report: Report | undefined;
}

/** What one can do in a conversation. The promises resolve at the end of an answer, also if the call fails. */
export interface ChatActions {
  /** Appends a message of the user, and asks for an answer. A running answer is stopped. */
  send(message: string | NewMessage): Promise<void>;
  /** Stops the running answer, and closes the connection. The text so far stays. */
  stop(): void;
  /** After an error, asks again. */
  retry(): Promise<void>;
  /** Replaces the last answer with another. */
  regenerate(): Promise<void>;
  /** Replaces the conversation. */
  setMessages(messages: readonly NewMessage[]): void;
}

/**
 * The options of a conversation: those of each call, and these.
 * @throws nothing: an error of a call is `error` of the state, with advice.
 */
export interface ChatOptions extends Omit<Options, 'signal'> {
  /** The client that answers. Create one, and keep it: it remembers which models fail. @example createClient({ edge: '/' }) */
  client: Client;
  /**
   * The conversation so far, for instance a message with the role `system`.
   * @default []
   * @example [{ role: 'system', content: 'Be brief.' }]
   */
  messages?: readonly NewMessage[];
  /**
   * Called when an answer is complete.
   * @default none
   * @example (message, report) => console.log(message.content, report?.cost)
   */
  onFinish?: (message: ChatMessage, report: Report | undefined) => void;
  /**
   * Called when a call has failed.
   * @default none
   * @example ({ advice }) => console.log(advice.text)
   */
  onError?: (error: ChatError & { advice: Advice }) => void;
}

/** A conversation, for any framework. */
export interface Chat extends ChatActions {
  readonly state: ChatState;
  /** Calls `listener` at once and after each change, until the function that it returns is called: the contract of a Svelte store. */
  subscribe(listener: (state: ChatState) => void): () => void;
  /** Replaces the options; the conversation stays. */
  setOptions(options: ChatOptions): void;
}

/**
 * Makes a conversation: its messages, its state, and what one can do in it.
 * @example
 * const chat = createChat({ client: createClient({ edge: '/' }), models: ['anthropic/claude-opus-4.7', 'openai/gpt-4o'] });
 * chat.subscribe(({ messages, status }) => render(messages, status));
 * await chat.send('Hello!');
 */
export function createChat(options: ChatOptions): Chat;
