//! OpenRouter on loopback, with faults on demand.
//!
//! ```text
//!  socket ── http ──▶ router ──▶ chat ── validate, catalog ──▶ answer ──▶ respond ──▶ Response
//!                       │                                                                │
//!                       └──▶ control (/emulator/…)         log, ledger ◀── writer ◀──────┘
//! ```
//!
//! An answer is data before it is bytes: a `Response` says what is written, when, and how it ends, and the writer
//! writes it. A fault is a response that differs from the healthy one. The crate uses no HTTP framework, because a
//! framework prevents what this crate has to do: a reset before the status line, a chunked body without its terminator,
//! half a character, a body that is shorter than its length.
//!
//! ```
//! use failsoft_emulator::{Emulator, Options};
//!
//! let emulator = Emulator::start_blocking(Options::default())?;
//! emulator.script("openai/gpt-4o", &["server-error", "healthy"])?;
//! let base_url = format!("{}/api/v1", emulator.url());
//! assert!(base_url.starts_with("http://127.0.0.1:"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The API
//! Under `/api/v1`, or without this prefix: `POST /chat/completions`, `GET /models`,
//! `GET /models/{author}/{slug}/endpoints`, `GET /generation?id=`, `GET /key`. Other vendors' wires have the same models and
//! faults: `POST /responses` is OpenAI's, in OpenRouter's form too, `POST /messages` is Anthropic's, and
//! `POST /openai/deployments/{model}/chat/completions` is Azure's, and `POST /v1/chat/completions` is OpenAI's own. Each
//! refuses what another vendor signed, and ids of calls that its vendor does not accept. `POST /embeddings` (Azure:
//! `/openai/deployments/{model}/embeddings`) has models of its own, listed by `GET /embeddings/models`, and the same faults.
//! Every key works except `sk-or-invalid` (401)
//! and `sk-or-no-credits` (402). A healthy answer keeps the connection open; every error and every fault closes it,
//! so that a test can recognise a browser's own retries. A normal end is announced by `connection: close`, a break is not. A
//! client that closes its sending half counts as having left. Pages of any origin may call; no response
//! header is exposed to them.
//!
//! A healthy model answers `MODEL says: PROMPT`. The last user message is the prompt, or the results of tools, if the
//! request ends with them. The prompt controls the answer:
//!
//! | in the prompt | effect |
//! |---|---|
//! | `say:TEXT` at the beginning | TEXT as it is, also where JSON is asked for |
//! | `words:N` | exactly N words, some of them with characters of several bytes |
//! | `pace:MS` | a delay of MS milliseconds before each word |
//! | `use the tool` | a call of the first tool, if there are tools |
//! | `use the tools` | a call of each tool |
//! | `use the tools at once` | the same; in a stream of chunks, the pieces of their arguments alternate |
//! | `think:N` | N words of reasoning, at most `reasoning.max_tokens` |
//! | `cached:N` | N tokens of the prompt came from a cache, as the usage says |
//! | `written:N`, `written-hour:N` | Messages: N tokens of the prompt were written to a cache that lives five minutes, or an hour |
//! | `with signatures` | `reasoning_details` beside OpenRouter's reasoning, which only the model's vendor can read |
//!
//! One piece is one token: a word with the white space before it. With a JSON `response_format` the answer is
//! `{"answer": "…"}`; with `reasoning` it contains reasoning. With a `tool_choice` that forces a function, the answer is the
//! first argument of a call. A trailing assistant message is handled as the real
//! models do: `meta-llama/…`, `mistralai/…`, `test/tiny` and the faults continue it; `anthropic/claude-3.5-haiku`
//! continues it unless it ends in white space; `openai/…` and `google/…` start over; `anthropic/claude-opus-4.7`
//! refuses it.
//!
//! # The bill
//! With `--billing NAME`, the emulator bills as other APIs do: `no-cost`, `separate-reasoning`, `charged-errors` or
//! `under-reported`; see [`Billing`]. What was charged is in `GET /emulator/generations`, whatever the answers say.
//!
//! # The control
//! | request | effect |
//! |---|---|
//! | `GET /emulator/log` | all requests except preflights, in order: [`Entry`] |
//! | `GET /emulator/log?wait=W&n=N&ms=MS` | the same, once request N (without `n`: any) is `arrived`, `finished`, `pending`, `sent`, `clientGone` or `faulted`; 408 with `{error, log}` after MS (2000) |
//! | `DELETE /emulator/log` | clears the log, the generations, the scripts, the hold, and the memory of faults that happen once |
//! | `PUT /emulator/script` | `{"model", "steps"}`: the next requests for the model follow the steps; a step is `healthy`, `say:TEXT`, `echo:TEXT` (the first line of the prompt and TEXT, as a judge has to answer), or the name of a fault |
//! | `PUT /emulator/hold`, `DELETE /emulator/hold` | holds back the answers to chats until the hold is deleted; the requests are already in the log |
//! | `GET /emulator/generations` | the generations and their charges, in the order of their end |
//! | `GET /emulator/open` | `{"connections", "requests"}`: open connections, except the one that asks, and requests that are `pending` |
//! | `GET /emulator/faults` | the table below |
//!
//! # The faults
//! Each is a model, `fault/NAME` or `fault/NAME-NUMBER`. After an HTTP error the next of `models` is tried, as
//! OpenRouter does; after the beginning of an answer no other model is tried.
//!
//! | `fault/…` | what happens | `-NUMBER` |
//! |---|---|---|
//! | `rate-limited` | 429; with a number of seconds behind the name, also Retry-After | seconds in Retry-After |
//! | `rate-limited-legacy` | 429 with metadata.raw, provider_name and headers.Retry-After in the body, and no header | seconds in the body, default 2 |
//! | `rate-limited-date` | 429 with Retry-After as an HTTP date | seconds from now, default 2 |
//! | `rate-limited-once` | 429 with Retry-After the first time, healthy afterwards | seconds in Retry-After, default 1 |
//! | `in-flight-budget` | 402 with limit_source openrouter_in_flight_budget and Retry-After | seconds in Retry-After, default 1 |
//! | `no-credits` | 402 with limit_source openrouter_credits |  |
//! | `key-limit` | 403 with limit_source openrouter_key_limit |  |
//! | `guardrail` | 403 with metadata.patterns |  |
//! | `moderation` | 403 with metadata.reasons and flagged_input |  |
//! | `unauthorized` | 401 |  |
//! | `bad-request` | 400 invalid_request |  |
//! | `context-length` | 400 context_length_exceeded |  |
//! | `content-policy` | 400 content_policy_violation |  |
//! | `not-found` | 404 with availability no_endpoints |  |
//! | `deprecated` | 404 with availability model_deprecated and fallback_models |  |
//! | `unknown-model` | 400 with a message that names the id; the whole request fails, even if `models` has other models |  |
//! | `timeout-408` | 408 |  |
//! | `precondition` | 412 |  |
//! | `too-large` | 413 |  |
//! | `unprocessable` | 422 |  |
//! | `server-error` | 500 with a generic message |  |
//! | `server-error-once` | 500 the first time, healthy afterwards |  |
//! | `bad-gateway` | 502 |  |
//! | `bad-gateway-page` | 502 with an HTML page |  |
//! | `unavailable` | 503 with availability.retryable true; with a number of seconds behind the name, also Retry-After | seconds in Retry-After |
//! | `unavailable-not-retryable` | 503 with availability.retryable false |  |
//! | `gateway-timeout` | 504 |  |
//! | `cloudflare-524` | 524 with an HTML page |  |
//! | `overloaded` | 529 |  |
//! | `string-code` | 500 whose error.code is the string server_error |  |
//! | `challenge-page` | 403 with an HTML page |  |
//! | `quoted-no-money` | 400 that quotes Anthropic: the credit balance is too low |  |
//! | `quoted-bad-key` | 400 that quotes Gemini: a list with API_KEY_INVALID |  |
//! | `quoted-model-asks` | 400 that quotes DeepSeek: reasoning_content must be passed back |  |
//! | `quoted-broken-call` | 400 that quotes Groq: tool_use_failed |  |
//! | `quoted-not-loaded` | 400 that quotes LM Studio: failed to load model |  |
//! | `quoted-safety` | 403 that quotes xAI: content violates usage guidelines |  |
//! | `reset` | TCP reset before the status line |  |
//! | `reset-after-headers` | TCP reset after the headers |  |
//! | `reset-mid-body` | TCP reset inside the body | bytes of the body before it, default half |
//! | `slow-headers` | nothing is sent for the time | milliseconds, default until the client leaves |
//! | `slow-first-token` | headers at once, a comment every 100 ms, then the answer; as JSON, headers come late | milliseconds, default for ever |
//! | `comments-only` | headers at once, then only comments, without an end; as JSON, nothing |  |
//! | `stall` | some words, then nothing, and the connection stays open; as JSON, half of the body, then nothing | words before it, default 3 |
//! | `stall-comments` | some words, then a comment every 100 ms; as JSON, like stall | words before it, default 3 |
//! | `cut` | the stream ends normally, but before the answer is complete; as JSON, fewer bytes than content-length says | bytes of the body before it, default half |
//! | `cut-hard` | the connection closes in the middle of the stream; as JSON, fewer bytes than content-length says | bytes of the body before it, default half |
//! | `cut-mid-event` | the stream ends normally, but inside a data line; as JSON, fewer bytes than content-length says |  |
//! | `cut-mid-character` | the stream ends normally, but after two of the four bytes of an emoji; as JSON, fewer bytes than content-length says |  |
//! | `cut-after-finish` | the finish chunk is the last event; as JSON, no usage |  |
//! | `missing-done` | everything but the DONE mark; as JSON, healthy |  |
//! | `error-mid-stream` | a chunk with error and finish_reason error after half of the words; as JSON, error-in-choice |  |
//! | `error-mid-stream-empty-choices` | a chunk with error and empty choices after half of the words; as JSON, error-in-choice |  |
//! | `error-first` | 200 and an event stream whose first chunk is the error; as JSON, error-in-200 |  |
//! | `error-in-200` | 200 with a JSON body whose only content is error, streamed or not |  |
//! | `error-in-choice` | 200 with an error in the choice, half of the words and finish_reason error; streamed, error-mid-stream |  |
//! | `malformed-chunk` | one text event is broken JSON, the rest is healthy; as JSON, malformed-body |  |
//! | `malformed-body` | 200 with an HTML page |  |
//! | `empty` | finish_reason stop and no text |  |
//! | `empty-once` | empty the first time, healthy afterwards |  |
//! | `whitespace` | spaces and line ends, finish_reason stop |  |
//! | `reasoning-only` | reasoning and no text |  |
//! | `refusal` | message.refusal or delta.refusal, no text |  |
//! | `refusal-text` | I'm sorry, but I can't help with that. |  |
//! | `content-filter` | finish_reason content_filter and no text |  |
//! | `length` | half of the words, finish_reason length |  |
//! | `bad-json` | the text is a fragment of a JSON object, finish_reason stop |  |
//! | `drip` | every byte is a write of its own |  |
//! | `large-events` | every text delta is at least 64 KiB |  |
//! | `crlf` | an event stream with CR LF line ends; as JSON, healthy |  |
//! | `cr` | an event stream with CR line ends; as JSON, healthy |  |
//! | `bom` | EF BB BF before the first event; as JSON, before the body |  |
//! | `multi-line-data` | every chunk is pretty-printed, a data line each; as JSON, pretty-printed |  |
//! | `tool-index-lies` | two tool calls with different ids and both with index 0; as JSON, two tool calls |  |
//! | `sse-when-json` | an event stream in answer to a request without stream |  |
//! | `json-when-stream` | a JSON completion in answer to stream: true |  |
//! | `no-model-field` | no model in the completion or its chunks |  |
//! | `no-cost` | usage without cost, is_byok and cost_details |  |
//! | `model-alias` | model is the canonical slug |  |
//! | `finish-always` | finish_reason stop in every chunk; as JSON, healthy |  |
//! | `finish-empty` | finish_reason "" in every chunk but the last; as JSON, healthy |  |
//! | `finish-in-capitals` | finishReason STOP, and FINISH_REASON_UNSPECIFIED before; as JSON, healthy |  |
//! | `finish-twice` | finish_reason stop, then length; as JSON, healthy |  |
//! | `finish-abort` | half of the words, then finish_reason abort; as JSON, healthy |  |
//! | `no-finish` | half of the words, then the DONE mark; as JSON, healthy |  |
//! | `content-parts` | delta.content is a list of parts, with thinking; as JSON, healthy |  |
//! | `growing-message` | message in place of delta, which grows; as JSON, healthy |  |
//! | `error-by-name` | 200, and an event `error` whose data has no field error; as JSON, healthy |  |
//! | `one-line-feed` | one LF behind each event; as JSON, healthy |  |
//! | `no-space` | data:{…} without a space; as JSON, healthy |  |
//! | `named-events` | event: message and id: 1 before the data; as JSON, healthy |  |
//! | `called-json` | an event stream with the content type of JSON; as JSON, healthy |  |
//! | `never-ending` | a word every 20 ms until the client leaves, at most 60 s, then cut; as JSON, silence for as long |  |

mod answer;
mod api_error;
mod azure;
mod billing;
mod catalog;
mod chat;
mod chat_request;
mod completion;
mod connection;
mod control;
mod embeddings;
mod emulator;
mod fault;
mod http;
mod issuer;
mod ledger;
mod listing;
mod log;
mod messages;
mod respond;
mod response;
mod responses;
mod router;
mod rules;
mod state;
mod validate;
mod writer;

pub use billing::Billing;
pub use emulator::{Emulator, Options};
pub use fault::{FAULTS, Fault};
pub use log::{Condition, Entry, Outcome};
pub use state::ScriptError;
