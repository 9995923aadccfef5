//! The events of a stream as the chunks of a chat completion (platform.claude.com/docs/en/build-with-claude/streaming).

use super::super::chunk_writer::ChunkWriter;
use super::super::marks::{NATIVE, emptied, mark};
use super::super::reasoning::CLAUDE;
use super::super::vendor::format_at_messages;
use super::answer::{annotation, merged, redacted, usage, write_end};
use crate::json::{Json, Object, array, patched};
use crate::sse::{Decoder, Event, TooLarge};

/// The largest event, in bytes.
const LARGEST_EVENT: usize = 32 * 1024 * 1024;

/// The most blocks of an answer. Each piece of one is compared with many of them.
const MOST_BLOCKS: usize = 1_024;

/// Turns the bytes of a stream of Messages into those of a stream of chunks.
#[derive(Debug)]
pub struct Translator {
    decoder: Decoder,
    page: Page,
}

#[derive(Debug)]
struct Page {
    chunks: ChunkWriter,
    /// The client speaks Messages: it reads marks.
    is_native: bool,
    /// The format of what the model signs.
    format: &'static str,
    /// The JSON text of the usage so far.
    usage: String,
    /// The index and the state of each block that calls a tool, in order.
    calls: Vec<Call>,
    /// The number of blocks so far.
    blocks: usize,
    /// The number of thinking blocks so far.
    thoughts: u64,
    is_over: bool,
}

#[derive(Debug)]
struct Call {
    /// The index of its block.
    block: u64,
    /// The JSON text of the input that came with its beginning.
    input: String,
    has_arguments: bool,
}

impl Translator {
    /// A translator of one stream. `created` is in seconds since the UNIX epoch. With `is_native`, the client speaks Messages, too.
    pub fn new(created: u64, is_native: bool) -> Self {
        Self { decoder: Decoder::new(LARGEST_EVENT), page: Page::new(ChunkWriter::events(created), is_native) }
    }

    /// Takes the next bytes, cut anywhere. Returns server-sent events with chunks.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        let page = &mut self.page;
        let fed = self.decoder.feed(bytes, |event| match event {
            Event::Data(data) | Event::Error(data) => page.take(Json::or_null(data)),
            Event::Comment(comment) => page.chunks.comment(comment),
        });
        if let Err(TooLarge { .. }) = fed {
            page.chunks.error(r#"{"message":"an event of the stream is larger than 32 MiB"}"#);
        }
        page.chunks.take()
    }
}

/// The chunks for the message `message` in one piece, with marks: the JSON text of a list. `created` is in seconds since the UNIX epoch.
pub(in crate::protocol) fn chunks(message: Json<'_>, created: u64) -> String {
    let mut page = Page::new(ChunkWriter::items(created), true);
    page.start(message);
    for (at, block) in message.get("content").items().enumerate() {
        page.start_block(at as u64, block);
        page.stop_block(at as u64, block.raw());
    }
    let mut end = Object::default();
    end.open("delta", "{");
    for (name, value) in
        message.fields().filter(|(name, _)| ["stop_reason", "stop_sequence"].iter().any(|known| name.is(known)))
    {
        end.entry(name, value.raw());
    }
    page.end(Json::or_null(&end.close("}").end()));
    let list = page.chunks.take();
    ["[", list.trim_end_matches(','), "]"].concat()
}

impl Page {
    fn new(chunks: ChunkWriter, is_native: bool) -> Self {
        Self {
            chunks,
            is_native,
            format: format_at_messages(""),
            usage: "{}".into(),
            calls: Vec::new(),
            blocks: 0,
            thoughts: 0,
            is_over: false,
        }
    }

    fn take(&mut self, event: Json<'_>) {
        if self.is_over {
            return;
        }
        let at = event.get("index").whole().unwrap_or_default();
        match event.get("type").word() {
            "message_start" => self.start(event.get("message")),
            "content_block_start" => self.start_block(at, event.get("content_block")),
            "content_block_delta" => self.take_delta(at, event.get("delta")),
            "content_block_stop" => self.stop_block(at, "null"),
            "message_delta" => self.end(event),
            "message_stop" => {
                self.is_over = true;
                self.chunks.end();
            }
            "error" => {
                self.is_over = true;
                self.chunks.error(event.get("error").raw());
            }
            // `ping`, and what may come later: clients must ignore unknown events.
            _ => {}
        }
    }

    fn start(&mut self, message: Json<'_>) {
        let model = message.get("model");
        self.format = format_at_messages(&model.text().unwrap_or_default());
        self.chunks.set_head(message.get("id"), model);
        self.usage = merged(&self.usage, message.get("usage"));
        if self.is_native {
            self.chunks.mark("head", &emptied(message, &["content"], &[]), 0);
        }
        self.chunks.delta(r#"{"role":"assistant","content":""}"#);
    }

    fn start_block(&mut self, at: u64, block: Json<'_>) {
        self.blocks += 1;
        if self.blocks > MOST_BLOCKS {
            self.is_over = true;
            return self.chunks.error(r#"{"message":"the answer has more than 1024 blocks"}"#);
        }
        self.mark_block(at, block);
        match block.get("type").word() {
            "text" => {
                self.chunks.text("content", block.get("text"));
                block.get("citations").items().for_each(|citation| self.cite(at, citation));
            }
            "thinking" => {
                self.thoughts += 1;
                self.thought("text", block.get("thinking"));
                self.thought("signature", block.get("signature"));
            }
            "redacted_thinking" => {
                self.thoughts += 1;
                let item = redacted(block.get("data"), self.format);
                let item = patched(&item, &Object::default().whole("index", self.thoughts - 1).end());
                self.chunks.item("reasoning_details", &item);
            }
            "tool_use" => self.start_call(at, block),
            // What a tool of Anthropic did has no form in chat. Its text follows.
            _ => {}
        }
    }

    /// Says that a block begins. Of thinking, a client gets from an issuer other than Claude only what names the issuer.
    fn mark_block(&mut self, at: u64, block: Json<'_>) {
        let (name, contents): (_, &[&str]) = match block.get("type").word() {
            "text" => ("begin", &["text", "citations"]),
            // A call without an id gets one.
            "tool_use" if block.get("id").is_null_or_empty() => return,
            "tool_use" => ("begin", &["input"]),
            "thinking" | "redacted_thinking" if self.format != CLAUDE => return,
            "thinking" => ("begin", &["thinking", "signature"]),
            "redacted_thinking" => ("begin", &[]),
            _ => ("foreign", &[]),
        };
        if self.is_native && block.is_object() {
            self.chunks.mark(name, &emptied(block, contents, &[]), at);
        }
    }

    fn cite(&mut self, at: u64, citation: Json<'_>) {
        let mut delta = Object::default();
        if self.is_native && citation.is_object() {
            delta.raw(NATIVE, &array([mark("annotation", citation.raw(), at)]));
        }
        delta.maybe_raw("annotations", annotation(citation).map(|annotation| array([annotation])).as_deref());
        let delta = delta.end();
        if delta != "{}" {
            self.chunks.delta(&delta);
        }
    }

    fn start_call(&mut self, at: u64, block: Json<'_>) {
        let index = self.calls.len() as u64;
        let input = block.get("input");
        let has_input = input.fields().next().is_some();
        let input = if has_input { input.raw().into() } else { String::new() };
        self.calls.push(Call { block: at, input, has_arguments: false });
        let mut call = Object::default();
        call.whole("index", index).text("id", &block.get("id").text().unwrap_or_default()).text("type", "function");
        call.open("function", "{").text("name", &block.get("name").text().unwrap_or_default());
        self.chunks.item("tool_calls", &call.text("arguments", "").close("}").end());
    }

    fn take_delta(&mut self, at: u64, delta: Json<'_>) {
        let is_call = self.calls.iter().any(|call| call.block == at);
        match delta.get("type").word() {
            "text_delta" => self.chunks.text("content", delta.get("text")),
            "thinking_delta" => {
                // A delta may come without the beginning of its block (BerriAI/litellm#27442).
                self.thoughts = self.thoughts.max(1);
                self.thought("text", delta.get("thinking"));
            }
            "signature_delta" => self.thought("signature", delta.get("signature")),
            "input_json_delta" if is_call => {
                self.take_arguments(at, &delta.get("partial_json").text().unwrap_or_default());
            }
            "citations_delta" => self.cite(at, delta.get("citation")),
            _ if self.is_native && delta.is_object() => self.chunks.mark("event", delta.raw(), at),
            _ => {}
        }
    }

    fn take_arguments(&mut self, block: u64, json: &str) {
        let Some(index) = self.calls.iter().position(|call| call.block == block) else { return };
        if json.is_empty() {
            return;
        }
        self.calls[index].has_arguments = true;
        let mut call = Object::default();
        call.whole("index", index as u64).open("function", "{").text("arguments", json).close("}");
        self.chunks.item("tool_calls", &call.end());
    }

    /// A call without arguments has an empty object, or the one that came with its beginning. `whole` is the JSON text of the whole
    /// block, or `null`.
    fn stop_block(&mut self, block: u64, whole: &str) {
        let call = self.calls.iter_mut().find(|call| call.block == block && !call.has_arguments);
        if let Some(call) = call {
            let input = std::mem::take(&mut call.input);
            self.take_arguments(block, if input.is_empty() { "{}" } else { &input });
        }
        if self.is_native {
            self.chunks.mark("end", whole, block);
        }
    }

    fn end(&mut self, event: Json<'_>) {
        self.usage = merged(&self.usage, event.get("usage"));
        if self.is_native {
            self.chunks.mark("last", event.raw(), 0);
        }
        let mut choice = Object::default();
        choice.raw("delta", "{}");
        write_end(event.get("delta"), &mut choice);
        self.chunks.choice(&choice.end());
        self.chunks.usage(&usage(Json::or_null(&self.usage)));
    }

    /// A piece of a thinking block: of its text, or of its signature.
    fn thought(&mut self, name: &str, piece: Json<'_>) {
        if !piece.is_string() || piece.is_null_or_empty() {
            return;
        }
        let mut delta = Object::default();
        if name == "text" {
            delta.raw("reasoning", piece.raw());
        }
        let mut item = Object::default();
        item.text("type", "reasoning.text").raw(name, piece.raw()).text("format", self.format);
        let item = item.whole("index", self.thoughts.saturating_sub(1)).end();
        self.chunks.delta(&delta.raw("reasoning_details", &array([item])).end());
    }
}
