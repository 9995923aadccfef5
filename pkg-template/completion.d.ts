import type { CustomToolCall, ToolCall } from './message.js';
import type { Report } from './report.js';

/** Why a model stopped. Words of other providers are translated to these; `native_finish_reason` keeps the original word. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

/**
 * OpenAI's completion object, with a report. It can be used where the openai package's `ChatCompletion` is expected. Fields
 * that are not declared here, and that an upstream adds, are in the object all the same.
 *
 * `Parsed` is the type of what the validator in `response_format` made of the answer: `never` without one, `unknown` if the
 * format is not known.
 * @example
 * const data = await chatWithFallback(messages, { models });
 * console.log(data.model, data.choices[0].message.content, data.failsoft.cost);
 */
export interface ChatCompletion<Parsed = unknown> {
  /** The upstream's id of the answer. Empty if it sent none. */
  id: string;
  object: 'chat.completion';
  /** When the completion was made, in seconds of the UNIX epoch. */
  created: number;
  /** The model that answered. */
  model: string;
  /** The provider behind the model, as OpenRouter names it. */
  provider?: string;
  choices: Choice<Parsed>[];
  usage?: Usage;
  /** The upstream's name for the state of its machines. */
  system_fingerprint?: string;
  /** What happened in the call. */
  failsoft: Report;
}

/** One answer of a completion. There are several only if the request has `n`. */
export interface Choice<Parsed = unknown> {
  index: number;
  message: AnswerMessage<Parsed>;
  finish_reason: FinishReason;
  /** The upstream's own word, if it was translated. */
  native_finish_reason?: string | null;
  /** The probabilities of tokens, if the request asks for `logprobs`. */
  logprobs: Logprobs | null;
}

/** The message of an answer. It can be appended to the messages of the next request. */
export interface AnswerMessage<Parsed = unknown> {
  role: 'assistant';
  /** `null` if the answer has no text, for instance if it is a call of a function. */
  content: string | null;
  /** Why the model declined, if the upstream says that in a field of its own. */
  refusal: string | null;
  /** What the validator in `response_format` made of `content`. Absent if `content` is `null`. */
  parsed?: Parsed;
  /** The reasoning before the answer, as text. */
  reasoning?: string | null;
  /** The reasoning as the model needs it back in the next request. */
  reasoning_details?: unknown[];
  tool_calls?: (ToolCall | CustomToolCall)[];
  /** The predecessor of `tool_calls`, in the answer to a request with `functions`. */
  function_call?: { name: string; arguments: string } | null;
  annotations?: Annotation[];
  images?: { type: 'image_url'; image_url: { url: string } }[];
  audio?: { id: string; data: string; expires_at: number; transcript: string } | null;
}

/** A source on the web that the answer cites. */
export interface Annotation {
  type: 'url_citation';
  /** `start_index` and `end_index` are places in the text. */
  url_citation: { url: string; title: string; start_index: number; end_index: number };
}

/** The probabilities of the tokens of an answer. */
export interface Logprobs {
  content: TokenLogprob[] | null;
  refusal: TokenLogprob[] | null;
}

/** A token, the logarithm of its probability, and the most likely tokens in its place. */
export interface TokenLogprob {
  token: string;
  bytes: number[] | null;
  logprob: number;
  top_logprobs: { token: string; bytes: number[] | null; logprob: number }[];
}

/** OpenAI's chunk object. Fields that are not declared here are in the object all the same. */
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
      role?: 'assistant';
      content?: string | null;
      refusal?: string | null;
      reasoning?: string | null;
      reasoning_details?: unknown[];
      tool_calls?: {
        index: number;
        id?: string;
        type?: 'function' | 'custom';
        function?: { name?: string; arguments?: string };
        custom?: { name?: string; input?: string };
      }[];
      images?: { type: 'image_url'; image_url: { url: string } }[];
      annotations?: Annotation[];
    };
    finish_reason?: FinishReason | 'error' | null;
    native_finish_reason?: string | null;
    logprobs?: Logprobs | null;
  }[];
  usage?: Usage | null;
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
  /** Parts of `prompt_tokens`. */
  prompt_tokens_details?: { cached_tokens?: number; audio_tokens?: number };
  /** Parts of `completion_tokens`. */
  completion_tokens_details?: { reasoning_tokens?: number; audio_tokens?: number; accepted_prediction_tokens?: number; rejected_prediction_tokens?: number };
}
