/**
 * What the model may call.
 * @example
 * const weather: Tool = {
 *   type: 'function',
 *   function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
 * };
 */
export type Tool = FunctionTool | CustomTool | ServerTool;

/** A function of your app. The answer asks for a call in `tool_calls`; `runTools` of `failsoft/tools` makes the calls. */
export interface FunctionTool {
  type: 'function';
  function: {
    /** Letters, digits, `_` and `-`. At most 64. */
    name: string;
    /** What the function does, for the model. */
    description?: string;
    /** The JSON Schema of the arguments. @default no arguments */
    parameters?: { [keyword: string]: unknown };
    /** Whether the arguments must follow the schema exactly. @default the upstream's own, false at OpenAI */
    strict?: boolean | null;
  };
  /** Anthropic's mark for the prompt cache. */
  cache_control?: object;
}

/** OpenAI's tool whose input is text of any form. */
export interface CustomTool {
  type: 'custom';
  custom: { name: string; description?: string; format?: object };
}

/** A tool that OpenRouter runs itself, such as `openrouter:web_search`. */
export interface ServerTool {
  type: `openrouter:${string}`;
  parameters?: object;
}

/** Whether the model must call a tool, and which one. */
export type ToolChoice =
  | 'none' | 'auto' | 'required'
  | { type: 'function'; function: { name: string } }
  | { type: 'custom'; custom: { name: string } }
  | { type: 'allowed_tools'; allowed_tools: { mode: 'auto' | 'required'; tools: { [field: string]: unknown }[] } };
