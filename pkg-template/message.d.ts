/**
 * A message of a chat request, as OpenAI defines it. Messages of the openai package's types fit, and so does the message of a
 * completion. A message and a part of it may have more fields than the ones declared here: they are sent as they are.
 *
 * Messages of the AI SDK are of another shape: `toMessages` of `failsoft/ai` translates them.
 * @example
 * const messages: Message[] = [
 *   { role: 'system', content: 'Answer in one sentence.' },
 *   { role: 'user', content: 'Why is the sky blue?' },
 * ];
 */
export type Message = InstructionMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage;

// An index signature with `unknown` would refuse the interfaces of other packages, which have none.

/** Instructions that the model follows, whatever the user says. */
export interface InstructionMessage {
  role: 'system' | 'developer';
  content: string | readonly TextPart[];
  name?: string;
  [field: string]: any;
}

/** What the user says, shows or attaches. */
export interface UserMessage {
  role: 'user';
  content: string | readonly ContentPart[];
  name?: string;
  [field: string]: any;
}

/** What the model answered. */
export interface AssistantMessage {
  role: 'assistant';
  content?: string | readonly (TextPart | RefusalPart)[] | null;
  name?: string;
  refusal?: string | null;
  /** The functions that the model called. A message with the result of each has to follow. */
  tool_calls?: readonly (ToolCall | CustomToolCall)[];
  [field: string]: any;
}

/** The result of a call of a function. */
export interface ToolMessage {
  role: 'tool';
  content: string | readonly TextPart[];
  /** The `id` of the call. */
  tool_call_id: string;
  [field: string]: any;
}

/** The predecessor of {@link ToolMessage}, for requests with `functions`. */
export interface FunctionMessage {
  role: 'function';
  content: string | null;
  name: string;
  [field: string]: any;
}

/** A part of a message: text, an image, audio, a file or a video. */
export type ContentPart = TextPart | ImagePart | AudioPart | FilePart | VideoPart;

export interface TextPart {
  type: 'text';
  text: string;
  [field: string]: any;
}

/** Why a model declined, in an older answer. */
export interface RefusalPart {
  type: 'refusal';
  refusal: string;
  [field: string]: any;
}

export interface ImagePart {
  type: 'image_url';
  /** `url` is an address or a `data:` URL. */
  image_url: { url: string; detail?: 'auto' | 'low' | 'high' | (string & {}); [field: string]: any };
  [field: string]: any;
}

export interface AudioPart {
  type: 'input_audio';
  /** `data` is base64. */
  input_audio: { data: string; format: 'wav' | 'mp3' | (string & {}); [field: string]: any };
  [field: string]: any;
}

export interface FilePart {
  type: 'file';
  /** `file_data` is a `data:` URL, or an address where the upstream takes one. */
  file: { file_data?: string; file_id?: string; filename?: string; [field: string]: any };
  [field: string]: any;
}

/** OpenRouter's part for a video. */
export interface VideoPart {
  type: 'video_url';
  video_url: { url: string; [field: string]: any };
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
  /** `input` is a text of any form. */
  custom: { name: string; input: string };
}
