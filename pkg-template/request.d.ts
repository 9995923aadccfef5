import type { ResponseFormat } from './format.js';
import type { Tool, ToolChoice } from './tool.js';

/**
 * The fields of OpenAI's and OpenRouter's chat request, under the names that they have there. Ranges and defaults are those of
 * OpenAI and OpenRouter, whose APIs check them.
 *
 * Parameters that are typed for the openai package fit.
 * @throws {ChatError} `invalidRequest`: for an unknown name at once, for a wrong value from the upstream.
 */
export interface RequestFields<Format = ResponseFormat | undefined> {
  /**
   * One model. A call without `models` asks it first, and then the client's `models`; beside `models`, it is ignored.
   * @default the first of `models`
   * @example 'openai/gpt-4o'
   */
  model?: string;
  /**
   * The chain: the ids of the models, in order of preference. From 1 to 32.
   * @default `model` alone, or the client's `models`
   * @example ['anthropic/claude-opus-4.7', 'openai/gpt-4o']
   */
  models?: readonly string[];
  /**
   * The voice and the format of a spoken answer, if `modalities` has `'audio'`.
   * @default no audio
   * @example { voice: 'alloy', format: 'mp3' }
   */
  audio?: { voice: string | object; format: string } | null;
  /**
   * OpenRouter: caches the prompt at the provider, as Anthropic defines it.
   * @default no mark
   * @example { type: 'ephemeral' }
   */
  cache_control?: object | null;
  /**
   * OpenRouter: adds what was sent to the provider to a stream.
   * @default no echo
   * @example { echo_upstream_body: true }
   */
  debug?: object | null;
  /**
   * Lowers the probability of tokens that are frequent so far. From -2 to 2.
   * @default 0
   * @example 0.5
   */
  frequency_penalty?: number | null;
  /**
   * The predecessor of `tool_choice`, for `functions`.
   * @default 'auto' with functions, else 'none'
   * @example 'auto'
   */
  function_call?: 'none' | 'auto' | { name: string } | null;
  /**
   * The predecessor of `tools`. At most 128.
   * @default none
   * @example [{ name: 'weather', parameters: { type: 'object', properties: {} } }]
   */
  functions?: readonly { name: string; description?: string; parameters?: object }[] | null;
  /**
   * OpenRouter: the form of the images of an answer.
   * @default the model's own
   * @example { aspect_ratio: '16:9' }
   */
  image_config?: object | null;
  /**
   * OpenRouter: whether the answer has its reasoning. `reasoning` replaces it.
   * @default the model's own
   * @example true
   */
  include_reasoning?: boolean | null;
  /**
   * What is added to the logit of a token, by its number. From -100 to 100.
   * @default none
   * @example { '50256': -100 }
   */
  logit_bias?: Record<string, number> | null;
  /**
   * Whether the answer has the probabilities of its tokens.
   * @default false
   * @example true
   */
  logprobs?: boolean | null;
  /**
   * The most tokens of the answer, with its reasoning. From 1.
   * @default the model's own
   * @example 1000
   */
  max_completion_tokens?: number | null;
  /**
   * The older name of `max_completion_tokens`. Each upstream gets the name that it knows. From 1.
   * @default the model's own
   * @example 1000
   */
  max_tokens?: number | null;
  /**
   * Your notes about the request, for the upstream's logs. At most 16.
   * @default none
   * @example { page: 'help' }
   */
  metadata?: Record<string, string> | null;
  /**
   * Leaves out tokens that are less probable than this part of the most probable one. From 0 to 1.
   * @default 0
   * @example 0.05
   */
  min_p?: number | null;
  /**
   * What the answer may have beside text.
   * @default ['text']
   * @example ['text', 'image']
   */
  modalities?: readonly string[] | null;
  /**
   * OpenAI: checks the request and the answer, and adds the results.
   * @default no check
   * @example { model: 'omni-moderation-latest' }
   */
  moderation?: object | null;
  /**
   * How many answers the completion has. A stream joins only the first. From 1 to 128.
   * @default 1
   * @example 2
   */
  n?: number | null;
  /**
   * Whether one answer may call several tools.
   * @default true
   * @example false
   */
  parallel_tool_calls?: boolean | null;
  /**
   * OpenRouter: its plugins.
   * @default none
   * @example [{ id: 'web' }]
   */
  plugins?: readonly object[] | null;
  /**
   * The text that most of the answer is known to have, which makes the answer faster.
   * @default none
   * @example { type: 'content', content: 'const a = 1;' }
   */
  prediction?: object | null;
  /**
   * Lowers the probability of tokens that were there already. From -2 to 2.
   * @default 0
   * @example 0.5
   */
  presence_penalty?: number | null;
  /**
   * OpenRouter: a preset of your account.
   * @default none
   * @example 'support'
   */
  preset?: string | null;
  /**
   * Brings similar prompts to the same cache.
   * @default none
   * @example 'help-page'
   */
  prompt_cache_key?: string | null;
  /**
   * OpenAI: how the prompt is cached.
   * @default the upstream's own
   * @example { mode: 'auto' }
   */
  prompt_cache_options?: object | null;
  /**
   * OpenAI: how long the prompt stays in the cache.
   * @default the upstream's own
   * @example '24h'
   */
  prompt_cache_retention?: string | null;
  /**
   * OpenRouter: which providers may answer, in which order, and what they may keep.
   * @default any provider
   * @example { only: ['anthropic'], data_collection: 'deny' }
   */
  provider?: object | null;
  /**
   * OpenRouter: how much the model reasons, and whether the answer has the reasoning.
   * @default the model's own
   * @example { effort: 'low' }
   */
  reasoning?: object | null;
  /**
   * How much the model reasons.
   * @default the model's own
   * @example 'low'
   */
  reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | (string & {}) | null;
  /**
   * Lowers the probability of tokens that were there already. From 0 to 2.
   * @default 1
   * @example 1.1
   */
  repetition_penalty?: number | null;
  /**
   * What form the answer must have. See {@link ResponseFormat}.
   * @default any text
   * @example { type: 'json_object' }
   */
  response_format?: Format;
  /**
   * OpenRouter: the older switch of its own fallback.
   * @default the upstream's own
   * @example 'fallback'
   */
  route?: string | null;
  /**
   * A name for your user that does not tell who the user is, for the upstream's rules of use.
   * @default none
   * @example 'f3a91c'
   */
  safety_identifier?: string | null;
  /**
   * Equal requests with an equal seed get equal answers where the model can do that. A whole number.
   * @default random
   * @example 7
   */
  seed?: number | null;
  /**
   * How fast and at which price the upstream works.
   * @default 'auto'
   * @example 'flex'
   */
  service_tier?: string | null;
  /**
   * OpenRouter: joins requests in its logs. At most 128 characters.
   * @default none
   * @example 'chat-17'
   */
  session_id?: string | null;
  /**
   * Texts at which the answer ends. At most 4.
   * @default none
   * @example ['\n\n']
   */
  stop?: string | readonly string[] | null;
  /**
   * OpenRouter: when its own tools stop.
   * @default the upstream's own
   * @example [{ type: 'step_count', count: 3 }]
   */
  stop_server_tools_when?: readonly object[] | null;
  /**
   * OpenAI: whether the answer is kept for its dashboard.
   * @default false
   * @example false
   */
  store?: boolean | null;
  /**
   * What a stream has beside the answer. The package asks for the usage by itself.
   * @default with usage
   * @example { include_usage: true }
   */
  stream_options?: object | null;
  /**
   * How varied the answer is. From 0 to 2.
   * @default the model's own, mostly 1
   * @example 0.2
   */
  temperature?: number | null;
  /**
   * Whether the model must call a tool.
   * @default 'auto' with tools, else 'none'
   * @example 'required'
   */
  tool_choice?: ToolChoice | null;
  /**
   * What the model may call. At most 128.
   * @default none
   * @example [{ type: 'function', function: { name: 'now' } }]
   */
  tools?: readonly Tool[] | null;
  /**
   * Leaves out tokens that are improbable beside the most probable one. From 0 to 1.
   * @default 0
   * @example 0.1
   */
  top_a?: number | null;
  /**
   * Chooses among this number of tokens. 0 stands for all. From 0.
   * @default 0
   * @example 40
   */
  top_k?: number | null;
  /**
   * How many alternatives `logprobs` has for each token. From 0 to 20.
   * @default 0
   * @example 3
   */
  top_logprobs?: number | null;
  /**
   * Chooses among the most probable tokens, whose probabilities add up to this. From 0 to 1.
   * @default 1
   * @example 0.9
   */
  top_p?: number | null;
  /**
   * OpenRouter: where the call belongs in its traces.
   * @default none
   * @example { trace_name: 'support' }
   */
  trace?: object | null;
  /**
   * OpenRouter: how a prompt that is too long is shortened.
   * @default no change
   * @example ['middle-out']
   */
  transforms?: readonly string[] | null;
  /**
   * OpenRouter: the older switch for the cost. The package asks for it by itself.
   * @default with the cost
   * @example { include: true }
   */
  usage?: object | null;
  /**
   * A name for your user that does not tell who the user is.
   * @default none
   * @example 'f3a91c'
   */
  user?: string | null;
  /**
   * How long the answer is.
   * @default 'medium'
   * @example 'low'
   */
  verbosity?: 'low' | 'medium' | 'high' | (string & {}) | null;
  /**
   * OpenAI: how its search models search the web.
   * @default no search
   * @example { search_context_size: 'low' }
   */
  web_search_options?: object | null;
}
