// The type of `parsed` follows from `response_format`.

import { zodResponseFormat } from 'openai/helpers/zod';
import * as v from 'valibot';
import { z } from 'zod';

import { chat, chatStreaming, chatWithFallback, createClient } from 'failsoft';
import type { Message, Options, SchemaFormat } from 'failsoft';

declare const messages: Message[];

/** Compiles only if both types are the same. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const isSame = <One, Other>(same: Same<One, Other>) => same;

const City = z.object({ city: z.string(), people: z.number().transform(String) });
const Strict = z.object({ city: z.string() });
type City = { city: string; people: string };

const byZod = await chatWithFallback(messages, { models: ['a/a'], response_format: City });
isSame<typeof byZod.choices[0]['message']['parsed'], City | undefined>(true);

const byOpenAi = await chat(messages, { model: 'a/a', response_format: zodResponseFormat(Strict, 'city') });
isSame<typeof byOpenAi.choices[0]['message']['parsed'], { city: string } | undefined>(true);

const json_schema = { name: 'city', schema: { type: 'object' } };
const byValibot = await createClient().chat(messages, { response_format: { type: 'json_schema', json_schema, validator: v.object({ city: v.string() }) } });
isSame<typeof byValibot.choices[0]['message']['parsed'], { city: string } | undefined>(true);

const stream = await chatStreaming(messages, { models: ['a/a'], response_format: City });
const streamed = await stream.finalCompletion();
isSame<typeof streamed.choices[0]['message']['parsed'], City | undefined>(true);

// Without a validator there is nothing parsed.
const plain = await chat(messages, { model: 'a/a', response_format: { type: 'json_object' } });
isSame<typeof plain.choices[0]['message']['parsed'], undefined>(true);
const none = await chat(messages, { model: 'a/a' });
isSame<typeof none.choices[0]['message']['parsed'], undefined>(true);
const format: SchemaFormat = { type: 'json_schema', json_schema };
await chat(messages, { response_format: format });

// Of options whose format is not known, the type is not known.
declare const options: Options;
const unknown = await chat(messages, options);
isSame<typeof unknown.choices[0]['message']['parsed'], unknown>(true);

// @ts-expect-error valibot gives no JSON Schema: it can only be a validator.
await chat(messages, { response_format: v.object({ city: v.string() }) });
