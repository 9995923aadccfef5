import type { Report } from './report.js';

/** A message of a chat request, as OpenAI defines it. A message of the openai package's types fits, too. */
export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | (string & {});
  content?: string | ContentPart[] | null;
  name?: string;
  tool_calls?: (ToolCall | CustomToolCall)[];
  tool_call_id?: string;
  // With `unknown`, TypeScript would refuse the interfaces of other packages, which have no index signature.
  [field: string]: any;
}

/** A part of a message: text, an image, a file or audio. */
export interface ContentPart {
  type: string;
  text?: string;
  [field: string]: any;
}

/** A call of a function that the request offers in `tools`. */
export interface ToolCall {
  id: string;
  type: 'function';
  /** `arguments` is JSON text. A model may write JSON that is not valid. */
  function: { name: string; arguments: string };
}

/** A call of one of OpenAI's custom tools. */
export interface CustomToolCall {
  id: string;
  type: 'custom';
  custom: { name: string; input: string };
}

/** Why a model stopped. Words of other providers are translated to these; `native_finish_reason` keeps the original word. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' | 'error';

/** OpenAI's completion object, with a report. */
export interface ChatCompletion {
  id?: string;
  object: 'chat.completion';
  /** When the completion was made, in seconds of the UNIX epoch. */
  created?: number;
  /** The model that answered. */
  model: string;
  /** The provider behind the model, as OpenRouter names it. */
  provider?: string;
  choices: {
    index: number;
    message: {
      role: 'assistant';
      content: string | null;
      refusal?: string | null;
      reasoning?: string;
      reasoning_details?: unknown[];
      tool_calls?: ToolCall[];
      /** The predecessor of `tool_calls`, in the answer to a request with `functions`. */
      function_call?: { name: string; arguments: string };
      annotations?: unknown[];
      images?: unknown[];
      audio?: unknown;
      /** Every field that the upstream adds. */
      [field: string]: unknown;
    };
    finish_reason: FinishReason | null;
    native_finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: Usage;
  /** What happened in the call. */
  failsoft: Report;
  [field: string]: unknown;
}

/** OpenAI's chunk object. */
export interface ChatCompletionChunk {
  id?: string;
  /** `failsoft.restart` only with `policy.restartEvent`: the reader must forget the text so far. */
  object?: 'chat.completion.chunk' | 'failsoft.restart';
  /** When the completion was made, in seconds of the UNIX epoch. */
  created?: number;
  model?: string;
  /** The provider behind the model, as OpenRouter names it. */
  provider?: string;
  /** Empty in the chunk with the usage, so read `choices[0]?.delta.content`. */
  choices: {
    index: number;
    delta: {
      role?: string;
      content?: string | null;
      refusal?: string | null;
      reasoning?: string | null;
      reasoning_details?: unknown[];
      tool_calls?: { index: number; id?: string; type?: 'function'; function?: { name?: string; arguments?: string } }[];
      [field: string]: unknown;
    };
    finish_reason?: FinishReason | null;
    native_finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: Usage | null;
  [field: string]: unknown;
}

/** The token counts of an answer. */
export interface Usage {
  /** The tokens of the prompt. */
  prompt_tokens: number;
  /** The tokens of the answer, with its reasoning. */
  completion_tokens: number;
  /** The sum of both. */
  total_tokens: number;
  /** The cost in USD, if the upstream reports it. */
  cost?: number;
  [field: string]: unknown;
}
