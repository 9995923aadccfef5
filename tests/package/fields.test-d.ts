// The package's declarations and openai's, compared with the registry of request fields (src/request/fields.rs).

import type { RequestFields } from 'failsoft';
import type { ChatCompletionCreateParamsNonStreaming as OpenAiFields } from 'openai/resources/chat/completions';

// tests/fields.rs compares this interface with the registry.
interface Registry {
  audio: object;
  cache_control: object;
  debug: object;
  failsoft: object;
  frequency_penalty: number;
  function_call: string | object;
  functions: readonly unknown[];
  image_config: object;
  include_reasoning: boolean;
  logit_bias: object;
  logprobs: boolean;
  max_completion_tokens: number;
  max_tokens: number;
  messages: readonly unknown[];
  metadata: object;
  min_p: number;
  modalities: readonly unknown[];
  model: string;
  models: readonly unknown[];
  moderation: object;
  n: number;
  parallel_tool_calls: boolean;
  plugins: readonly unknown[];
  prediction: object;
  presence_penalty: number;
  preset: string;
  prompt_cache_key: string;
  prompt_cache_options: object;
  prompt_cache_retention: string;
  provider: object;
  reasoning: object;
  reasoning_effort: string;
  repetition_penalty: number;
  response_format: object;
  route: string;
  safety_identifier: string;
  seed: number;
  service_tier: string;
  session_id: string;
  stop: string | readonly unknown[];
  stop_server_tools_when: readonly unknown[];
  store: boolean;
  stream: boolean;
  stream_options: object;
  temperature: number;
  tool_choice: string | object;
  tools: readonly unknown[];
  top_a: number;
  top_k: number;
  top_logprobs: number;
  top_p: number;
  trace: object;
  transforms: readonly unknown[];
  usage: object;
  user: string;
  verbosity: string;
  web_search_options: object;
}

/** The names of `Given` whose values the registry does not allow. */
type Misfits<Given> = {
  [Name in keyof Given & keyof Registry]-?: NonNullable<Given[Name]> extends Registry[Name] ? never : Name;
}[keyof Given & keyof Registry];

/** The messages are an argument, the function decides about `stream`, and the policy is an option of its own. */
type Apart = 'messages' | 'stream' | 'failsoft';

const none = <Name extends never>(): Name | undefined => undefined;

none<Exclude<keyof OpenAiFields, keyof Registry>>();
none<Misfits<OpenAiFields>>();
none<Exclude<keyof RequestFields, keyof Registry>>();
none<Exclude<keyof Registry, keyof RequestFields | Apart>>();
none<Misfits<RequestFields>>();

// What is typed for openai can be handed to this package.
declare const params: Omit<OpenAiFields, Apart>;
const fields: RequestFields = params;
void fields;
