import type { ChatCompletion, ChatCompletionChunk, Usage } from './completion.js';
import type { Attempt, Report } from './report.js';
import type { HeadersOf } from './web.js';

/**
 * A streamed answer.
 *
 * A stream has one reader: the first of `for await`, `textStream`, `text()`, `finalCompletion()`, `toReadableStream()` and
 * `toResponse()` that begins. A second reader gets a `ChatError`. The network is read only as fast as the reader reads.
 *
 * Reading throws a `ChatError` if the stream breaks. A loop that ends without an error has read a whole
 * answer, unless `cancel` was called.
 */
export class ChatStream<Parsed = unknown> implements AsyncIterable<ChatCompletionChunk>, AsyncDisposable {
  private constructor();
  /** The model that answers. `undefined` only in a stream of `parseStream`, before something was read. */
  readonly model: string | undefined;
  /** The requests that were sent so far, in order. The list is complete when the stream has ended. */
  readonly attempts: Attempt[];
  /** The report so far. `undefined` only in a stream of `parseStream`, before something was read. */
  readonly failsoft: Report | undefined;
  /** The token counts. Known when the stream has ended without an error, if the upstream sent them. */
  readonly usage: Usage | undefined;
  /** The text of the first choice. Each string is the new text of one chunk of the network, and is never empty. */
  readonly textStream: AsyncIterable<string>;
  /** Gives OpenAI's chunk objects, as they came. A loop that ends early closes the connection. */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk, undefined>;
  /** Reads to the end, unless that was done, and gives the text of the first choice. */
  text(): Promise<string>;
  /**
   * Reads to the end, unless that was done, and gives the completion that the chunks add up to.
   * @throws {ChatError} if the stream broke or was cancelled, or if the validator of `response_format` refuses the answer.
   */
  finalCompletion(): Promise<ChatCompletion<Parsed>>;
  /** Gives each chunk as one line of JSON, for `ChatCompletionStream.fromReadableStream` of the openai package. */
  toReadableStream(): ReadableStream<Uint8Array>;
  /**
   * Gives a response with server-sent events. The last event is `[DONE]`, or an event with an `error` if the stream broke.
   * @param init other headers and another status. @default status 200
   */
  toResponse(init?: { status?: number; statusText?: string; headers?: HeadersOf }): Response;
  /** Closes the connection. A reader that waits sees the end of the stream, and no error. */
  cancel(): Promise<void>;
  /** Does the same as `cancel`, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}
