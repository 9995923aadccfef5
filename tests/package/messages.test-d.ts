// What programs have already is accepted, and what no upstream understands does not compile.

import { chat, estimateTokens } from 'failsoft';
import type { ChatCompletion, Message, Options, Tool } from 'failsoft';
import type { ChatCompletion as OpenAiCompletion, ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';

// Messages and tools that are typed for openai, and lists that must not change.
declare const mutable: ChatCompletionMessageParam[];
declare const readonlyMessages: readonly ChatCompletionMessageParam[];
declare const tools: ChatCompletionTool[];
await chat(mutable, { model: 'a/a', tools });
await chat(readonlyMessages, { model: 'a/a', tools: tools as readonly ChatCompletionTool[] });
await estimateTokens(readonlyMessages);
await chat([{ role: 'user', content: 'x' }] as const, { models: ['a/a', 'b/b'] as const, stop: ['.'] as const });

// Parts, fields of vendors, and the answer of the turn before.
declare const completion: ChatCompletion;
const turns: Message[] = [
  { role: 'developer', content: [{ type: 'text', text: 'Be short.', cache_control: { type: 'ephemeral' } }] },
  { role: 'user', name: 'Ada', content: [{ type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } }] },
  { role: 'assistant', content: null, tool_calls: [{ id: '1', type: 'function', function: { name: 'look', arguments: '{}' } }] },
  { role: 'tool', tool_call_id: '1', content: 'a cat' },
  completion.choices[0]!.message,
];
await chat(turns);

// Our completion is one of openai's.
const theirs: OpenAiCompletion = completion;
const finish: 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' = completion.choices[0]!.finish_reason;

const messages: Message[] = [];
// @ts-expect-error A role that does not exist.
await chat([{ role: 'usr', content: 'x' }]);
// @ts-expect-error A message of a user needs content.
await chat([{ role: 'user' }]);
// @ts-expect-error The result of a tool names its call.
await chat([{ role: 'tool', content: 'x' }]);
// @ts-expect-error A part that does not exist.
await chat([{ role: 'user', content: [{ type: 'image', image: 'x' }] }]);
// @ts-expect-error No tool.
await chat(messages, { tools: [{ nonsense: 1 }] });
// @ts-expect-error A function needs a name.
const nameless: Tool = { type: 'function', function: {} };
// @ts-expect-error A format that does not exist.
await chat(messages, { response_format: { type: 'json_shema' } });
// @ts-expect-error A choice that does not exist.
await chat(messages, { tool_choice: 'always' });
// @ts-expect-error A field that a completion does not have.
completion.modle;
// @ts-expect-error A field that a message does not have.
completion.choices[0]!.message.contnet;
// @ts-expect-error A count that the usage does not have.
completion.usage?.prompt_tokns;

// With `exactOptionalPropertyTypes`, an option that may be undefined has to be left out.
declare const maybe: { temperature?: number };
const options: Options = { ...maybe };

void [theirs, finish, nameless, options];
