/**
 * What form the answer must have. A format with a validator also gives `message.parsed`, typed by the validator.
 *
 * - a schema of zod or another library with Standard JSON Schema: sent as a JSON Schema, strict if every field is required,
 *   and validates the answer
 * - `zodResponseFormat()` of the openai package: sent and validated as it says
 * - OpenAI's objects, with a `validator` or without
 *
 * An answer that is not JSON, or that the JSON Schema refuses, is followed by the next model (`policy.schemaMismatch`). What
 * only the validator refuses ends the call with a `ChatError` of the kind `schemaMismatch`.
 * @example
 * const data = await chatWithFallback(messages, { models, response_format: z.object({ city: z.string() }) });
 * data.choices[0].message.parsed?.city;
 */
export type ResponseFormat = TextFormat | JsonFormat | SchemaFormat | GrammarFormat | ParsingFormat | JsonSchemaOf<unknown>;

/** Any text. */
export interface TextFormat {
  type: 'text';
}

/** JSON of any form. The messages must ask for JSON, too. */
export interface JsonFormat {
  type: 'json_object';
}

/** JSON that matches a schema. */
export interface SchemaFormat<Output = unknown> {
  type: 'json_schema';
  json_schema: {
    /** Letters, digits, `_` and `-`. At most 64. */
    name: string;
    description?: string;
    /** The JSON Schema. */
    schema?: { [keyword: string]: unknown };
    /** Whether the model must follow the schema exactly. @default the upstream's own, false at OpenAI */
    strict?: boolean | null;
  };
  /** Makes `message.parsed` of the answer: any library with Standard Schema (zod, valibot, arktype, …). It is not sent. */
  validator?: StandardSchema<Output>;
}

/** Text that matches a grammar, where the upstream knows that. */
export interface GrammarFormat {
  type: 'grammar';
  grammar: string;
}

/** What `zodResponseFormat()` of the openai package gives. */
export interface ParsingFormat<Output = unknown> {
  type: 'json_schema';
  json_schema: SchemaFormat['json_schema'];
  $parseRaw(content: string): Output;
}

/** A schema of any library with Standard Schema, version 1. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** A schema of a library with Standard Schema that can also be written as JSON Schema, such as zod 4.2 or newer. */
export interface JsonSchemaOf<Output> {
  readonly '~standard': StandardSchema<Output>['~standard'] & {
    readonly jsonSchema: { readonly input: (options: { readonly target: 'draft-2020-12' }) => { [keyword: string]: unknown } };
  };
}

/** What a validator says. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/** The type that a format's validator gives; `never` without a validator. */
export type ParsedOf<Format> =
  Format extends { $parseRaw(content: string): infer Output } ? Output
    : Format extends { validator: StandardSchema<infer Output> } ? Output
      : Format extends StandardSchema<infer Output> ? Output
        : never;
