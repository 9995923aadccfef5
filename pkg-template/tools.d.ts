import type { ChatCompletion } from './completion.js';
import type { JsonSchemaOf, ParsedOf, ResponseFormat, StandardSchema } from './format.js';
import type { Client } from './index.js';
import type { Message } from './message.js';
import type { Options } from './options.js';
import type { FunctionTool, Tool } from './tool.js';

/** What a function gets beside its input. */
export interface CallContext {
  /** The id of the call. */
  id: string;
  /** The signal of the whole call, if it has one. */
  signal: AbortSignal | null | undefined;
}

/** A function that the model may call, and that {@link runTools} then runs. */
export interface RunnableTool<Input = any, Output = unknown> extends FunctionTool {
  /** Only a type: what the function takes and gives. */
  readonly __types?: { input: Input; output: Output };
}

/**
 * Describes a function to the model. `input` is a schema of zod or another library with Standard JSON Schema: the model gets it as
 * JSON Schema, it validates the arguments, and gives `run` its type.
 * @throws {TypeError} for a schema that gives no JSON Schema.
 * @example
 * const weather = tool({
 *   name: 'weather',
 *   description: 'The weather of a city',
 *   input: z.object({ city: z.string() }),
 *   run: async ({ city }) => (await fetch(`/weather?city=${city}`)).json(),
 * });
 */
export function tool<Schema extends JsonSchemaOf<unknown>, Output>(definition: {
  name: string;
  description?: string;
  input: Schema;
  strict?: boolean;
  run: (input: ParsedOf<Schema>, context: CallContext) => Output | Promise<Output>;
}): RunnableTool<ParsedOf<Schema>, Output>;
/**
 * Describes a function by a JSON Schema of your own, with a validator (any Standard Schema) or without.
 * @example
 * const now = tool({ name: 'now', parameters: { type: 'object', properties: {} }, run: () => new Date().toISOString() });
 */
export function tool<Output, Input = any>(definition: {
  name: string;
  description?: string;
  parameters?: { [keyword: string]: unknown };
  validator?: StandardSchema<Input>;
  strict?: boolean;
  run: (input: Input, context: CallContext) => Output | Promise<Output>;
}): RunnableTool<Input, Output>;

/** A call that was made. It has `output`, or the `error` that the model got. */
export interface MadeCall {
  id: string;
  name: string;
  /** The request whose answer asked for the call. From 1. */
  turn: number;
  /** The validated arguments; as the model wrote them, if they are not valid. `undefined` for what is not JSON. */
  input: unknown;
  output?: unknown;
  error?: Error;
}

/**
 * The options of {@link runTools}: those of each call, and these.
 * @throws {ChatError} as each call. Errors of a function, and arguments that are not valid, are no errors of `runTools`.
 */
export interface ToolOptions<Format = ResponseFormat | undefined> extends Omit<Options<Format>, 'tools'> {
  /** The functions. A tool that `tool` did not make is not run: its call ends the loop. @example [weather] */
  tools: readonly (RunnableTool | Tool)[];
  /**
   * The most requests; the last one may call no tool. From 1.
   * @default 8
   * @example 4
   */
  maxTurns?: number;
  /**
   * Called for each call that was made.
   * @default none
   * @example ({ name, error }) => console.log(name, error?.message)
   */
  onCall?: (call: MadeCall) => void;
}

/**
 * Asks the models, runs the functions that the answer calls, gives them the results, and goes on until an answer calls none.
 * Arguments that are not valid, and errors of functions, go to the model, which may correct itself.
 * @returns the last completion, the whole conversation, and the calls that were made.
 * @throws {ChatError} as `chatWithFallback`.
 * @example
 * const { completion } = await runTools(ai, [{ role: 'user', content: 'Is it raining in Oslo?' }], { tools: [weather] });
 */
export function runTools<Format extends ResponseFormat | undefined = undefined>(
  client: Client,
  messages: readonly Message[],
  options: ToolOptions<Format>,
): Promise<{ completion: ChatCompletion<ParsedOf<Format>>; messages: Message[]; calls: MadeCall[] }>;
