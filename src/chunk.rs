//! Chunks of a stream, read tolerantly, and the answer that they add up to.
//!
//! What providers get wrong and this forgives: `content` as parts, missing `index`, tool calls that share an index or
//! lack one, finish reasons outside OpenAI's set, roles repeated in every chunk, usage in a chunk of its own or not.

mod detail;
mod shape;
mod tool_call;

use crate::text::text;
use std::borrow::Cow;

use crate::json::{Json, Object, array};
use crate::report::Usd;
use detail::Details;
pub use shape::openai_finish_reason;
pub(crate) use shape::{chunk_of_completion, with_openai_finish_reasons};
use tool_call::ToolCalls;

/// Chunks on their way to the reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunks {
    /// One chunk's JSON a line.
    lines: String,
    /// The text of the first choice in them.
    text: String,
}

impl Chunks {
    /// Adds a chunk that came as `json`.
    pub(crate) fn push(&mut self, json: &str) {
        if json.contains(['\n', '\r']) {
            // Between tokens only: a JSON string cannot hold a raw line feed.
            self.lines.extend(json.split(['\n', '\r']));
        } else {
            self.lines.push_str(json);
        }
        self.lines.push('\n');
    }

    pub(crate) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds `more`, and leaves it empty.
    pub(crate) fn append(&mut self, more: &mut Self) {
        let more = std::mem::take(more);
        self.lines.push_str(&more.lines);
        self.text.push_str(&more.text);
    }

    /// There is no chunk.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The JSON text of each chunk, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.split_terminator('\n')
    }

    /// The text of the first choice in these chunks.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The chunks as server-sent events.
    pub fn to_sse(&self) -> String {
        let mut sse = String::with_capacity(self.lines.len() + 16);
        self.iter().for_each(|chunk| sse.extend(["data: ", chunk, "\n\n"]));
        sse
    }
}

/// What one chunk brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Text, an image or sound: something to show.
    pub content: bool,
    /// Reasoning.
    pub reasoning: bool,
    /// A piece of a tool call.
    pub tool_call: bool,
    /// A piece of a refusal in the field made for it.
    pub refusal: bool,
}

/// One answer among `n`. What is kept as it came is JSON text.
#[derive(Clone, Debug, Default, PartialEq)]
struct Choice {
    index: u64,
    content: Option<String>,
    reasoning: String,
    reasoning_details: Details,
    refusal: String,
    tool_calls: ToolCalls,
    images: Vec<String>,
    audio: Option<String>,
    logprobs: Vec<String>,
    finish_reason: Option<String>,
    native_finish_reason: Option<String>,
}

/// Adds chunks up to the final completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accumulator {
    id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    /// `created`, `service_tier` and the like, as first said.
    head: Vec<(&'static str, String)>,
    /// By index.
    choices: Vec<Choice>,
    usage: Option<String>,
    metadata: Option<String>,
    report: Option<String>,
}

const HEAD: [&str; 3] = ["created", "system_fingerprint", "service_tier"];

impl Accumulator {
    /// Takes a chunk, or a whole completion, whose `message` has the shape of a `delta`; notes in `seen` what it brought.
    pub fn feed(&mut self, chunk: Json<'_>, seen: &mut Seen) {
        first(&mut self.id, chunk.get("id").text());
        first(&mut self.model, chunk.get("model").text());
        first(&mut self.provider, chunk.get("provider").text());
        for name in HEAD {
            let value = chunk.get(name);
            if !value.is_null() && !self.head.iter().any(|(known, _)| *known == name) {
                self.head.push((name, value.raw().into()));
            }
        }
        last(&mut self.usage, chunk.get("usage"));
        last(&mut self.metadata, chunk.get("openrouter_metadata"));
        last(&mut self.report, chunk.get("failsoft"));
        for choice in chunk.get("choices").items() {
            self.choice(choice.get("index").whole().unwrap_or(0)).feed(choice, seen);
        }
    }

    /// Keeps the report of an edge that came beside the chunks.
    pub(crate) fn note_report(&mut self, report: Json<'_>) {
        last(&mut self.report, report);
    }

    fn choice(&mut self, index: u64) -> &mut Choice {
        let at = self.choices.partition_point(|choice| choice.index < index);
        if self.choices.get(at).is_none_or(|choice| choice.index != index) {
            self.choices.insert(at, Choice { index, ..Choice::default() });
        }
        &mut self.choices[at]
    }

    /// The model that the answer names.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The provider that the answer names.
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The answer's id.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The usage, if it has come.
    pub fn usage(&self) -> Option<Json<'_>> {
        self.usage.as_deref().and_then(Json::parse)
    }

    /// What OpenRouter tells of the way this answer went.
    pub fn metadata(&self) -> Option<Json<'_>> {
        self.metadata.as_deref().and_then(Json::parse)
    }

    /// The report of an edge, as JSON text.
    pub fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// The text of the first choice so far.
    pub fn text(&self) -> &str {
        self.first().and_then(|choice| choice.content.as_deref()).unwrap_or_default()
    }

    /// The refusal in the field made for it, of the first choice.
    pub fn refusal(&self) -> &str {
        self.first().map_or("", |choice| &choice.refusal)
    }

    /// Why the first choice ended.
    pub fn finish_reason(&self) -> Option<&str> {
        self.first()?.finish_reason.as_deref()
    }

    /// Every choice that began has said why it ended.
    pub fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish_reason.is_some())
    }

    /// No choice has anything to show or to do: no text, tool call, image or sound.
    pub fn is_blank(&self) -> bool {
        self.choices.iter().all(|choice| {
            let said = choice.content.as_deref().is_some_and(|text| !text.trim().is_empty());
            !said && choice.tool_calls.is_empty() && choice.images.is_empty() && choice.audio.is_none()
        })
    }

    /// Some choice has reasoning.
    pub fn has_reasoning(&self) -> bool {
        self.choices.iter().any(|choice| !choice.reasoning.is_empty() || !choice.reasoning_details.is_empty())
    }

    /// Some choice has a tool call.
    pub fn has_tool_call(&self) -> bool {
        self.choices.iter().any(|choice| !choice.tool_calls.is_empty())
    }

    /// It is text and nothing else, of one choice: another answer could go on from it.
    pub(crate) fn is_text(&self) -> bool {
        match &self.choices[..] {
            [] => true,
            [choice] => {
                let other = !choice.tool_calls.is_empty() || !choice.images.is_empty() || choice.audio.is_some();
                choice.index == 0 && !other && choice.refusal.is_empty()
            }
            _ => false,
        }
    }

    /// Puts `text` in the place of what the first choice said.
    pub(crate) fn set_text(&mut self, text: String) {
        if let Some(choice) = self.choices.first_mut() {
            choice.content = Some(text);
        }
    }

    /// Takes back how it ended, and all text beyond `shown` bytes.
    pub(crate) fn reopen(&mut self, shown: usize) {
        if let Some(choice) = self.choices.first_mut() {
            (choice.finish_reason, choice.native_finish_reason) = (None, None);
            choice.content.iter_mut().for_each(|text| text.truncate(shown));
        }
    }

    /// Adds what `other` took.
    pub(crate) fn add_usage(&mut self, other: &Self) {
        let Some(more) = other.usage() else { return };
        self.usage = Some(self.usage().map_or_else(|| more.raw().into(), |usage| sum(usage, more)));
    }

    /// A chunk of this answer that says `text`.
    pub(crate) fn chunk(&self, text: &str, model: Option<&str>) -> String {
        let (mut delta, mut choice) = (Object::default(), Object::default());
        delta.text("content", text);
        choice.whole("index", 0).raw("delta", &delta.end()).raw("finish_reason", "null");
        self.with_choices(model, &text!("[", &choice.end(), "]")).end()
    }

    /// The chunk that ends this answer as `last` ended.
    pub(crate) fn end_chunk(&self, last: &Self) -> String {
        let mut choice = Object::default();
        choice.whole("index", 0).raw("delta", "{}").text("finish_reason", last.finish_reason().unwrap_or("stop"));
        self.with_choices(last.model(), &text!("[", &choice.end(), "]")).end()
    }

    /// The chunk with the usage, and `report` beside it.
    pub(crate) fn usage_chunk(&self, report: Option<&str>) -> Option<String> {
        let mut chunk = self.with_choices(self.model(), "[]");
        chunk.raw("usage", self.usage.as_deref()?).maybe_raw("failsoft", report);
        Some(chunk.end())
    }

    fn with_choices(&self, model: Option<&str>, choices: &str) -> Object {
        let mut json = Object::default();
        json.maybe_text("id", self.id.as_deref());
        json.text("object", "chat.completion.chunk");
        for (name, value) in &self.head {
            json.raw(name, value);
        }
        json.maybe_text("model", model);
        json.raw("choices", choices);
        json
    }

    /// A tool call whose arguments are no JSON.
    pub fn has_broken_tool_call(&self) -> bool {
        self.choices.iter().any(|choice| choice.tool_calls.any_broken())
    }

    /// The JSON text of the answer as OpenAI's completion object.
    pub fn completion(&self) -> String {
        let mut json = Object::default();
        json.maybe_text("id", self.id.as_deref());
        json.text("object", "chat.completion");
        json.maybe_text("model", self.model.as_deref());
        json.maybe_text("provider", self.provider.as_deref());
        for (name, value) in &self.head {
            json.raw(name, value);
        }
        json.raw("choices", &array(self.choices.iter().map(Choice::completed)));
        json.maybe_raw("usage", self.usage.as_deref());
        json.maybe_raw("openrouter_metadata", self.metadata.as_deref());
        json.end()
    }

    fn first(&self) -> Option<&Choice> {
        self.choices.first()
    }
}

impl Choice {
    fn feed(&mut self, choice: Json<'_>, seen: &mut Seen) {
        let delta = match choice.get("delta") {
            delta if delta.is_object() => delta,
            _ => choice.get("message"),
        };
        if let Some(text) = content_text(delta.get("content")) {
            seen.content |= !text.is_empty();
            self.content.get_or_insert_default().push_str(&text);
        }
        self.feed_reasoning(delta, seen);
        let refusal = delta.get("refusal").text().unwrap_or_default();
        seen.refusal |= !refusal.is_empty();
        self.refusal.push_str(&refusal);
        for call in delta.get("tool_calls").items() {
            self.tool_calls.feed(call);
            seen.tool_call = true;
        }
        for image in delta.get("images").items() {
            self.images.push(image.raw().into());
            seen.content = true;
        }
        let audio = delta.get("audio");
        seen.content |= audio.is_object();
        last(&mut self.audio, audio);
        self.logprobs.extend(choice.get("logprobs").get("content").items().map(|token| token.raw().into()));
        // What comes behind the end, an error for one, does not change why the answer ended.
        if self.finish_reason.is_none() {
            self.finish_reason = choice.get("finish_reason").text().map(|reason| openai_finish_reason(&reason).into());
            last(&mut self.native_finish_reason, choice.get("native_finish_reason"));
        }
    }

    fn feed_reasoning(&mut self, delta: Json<'_>, seen: &mut Seen) {
        let named = delta.get("reasoning").text().or_else(|| delta.get("reasoning_content").text());
        let reasoning = named.unwrap_or_default();
        seen.reasoning |= !reasoning.is_empty();
        self.reasoning.push_str(&reasoning);
        for detail in delta.get("reasoning_details").items() {
            seen.reasoning = true;
            self.reasoning_details.feed(detail);
        }
    }

    fn message(&self) -> String {
        let mut json = Object::default();
        json.text("role", "assistant");
        match &self.content {
            Some(text) if !text.is_empty() || self.tool_calls.is_empty() => json.text("content", text),
            _ => json.raw("content", "null"),
        };
        match &*self.refusal {
            "" => json.raw("refusal", "null"),
            refusal => json.text("refusal", refusal),
        };
        if !self.reasoning.is_empty() {
            json.text("reasoning", &self.reasoning);
        }
        if !self.reasoning_details.is_empty() {
            json.raw("reasoning_details", &self.reasoning_details.completed());
        }
        if !self.tool_calls.is_empty() {
            json.raw("tool_calls", &self.tool_calls.completed());
        }
        if !self.images.is_empty() {
            json.raw("images", &array(&self.images));
        }
        json.maybe_raw("audio", self.audio.as_deref());
        json.end()
    }

    fn completed(&self) -> String {
        let mut json = Object::default();
        json.whole("index", self.index).raw("message", &self.message());
        if self.logprobs.is_empty() {
            json.raw("logprobs", "null");
        } else {
            json.raw("logprobs", &text!("{\"content\":", &array(&self.logprobs), "}"));
        }
        match &self.finish_reason {
            Some(reason) => json.text("finish_reason", reason),
            None => json.raw("finish_reason", "null"),
        };
        json.maybe_raw("native_finish_reason", self.native_finish_reason.as_deref());
        json.end()
    }
}

/// Text as a string, or as parts of which the text counts.
pub(crate) fn content_text(content: Json<'_>) -> Option<Cow<'_, str>> {
    if content.is_array() {
        return Some(content.items().filter_map(|part| part.get("text").text()).collect::<String>().into());
    }
    content.text()
}

/// Two objects of numbers as one: what both have is added, down to the last of their objects; what one has is kept.
fn sum(one: Json<'_>, other: Json<'_>) -> String {
    let mut json = Object::default();
    for (name, value) in one.fields() {
        let more = other.get(&name.text().unwrap_or_default());
        match (value.trillionths(), more.trillionths()) {
            (Some(one), Some(other)) => json.entry(name, &Usd(one.saturating_add(other)).decimal()),
            _ if value.is_object() && more.is_object() => json.entry(name, &sum(value, more)),
            _ => json.entry(name, value.raw()),
        };
    }
    other.fields().filter(|(name, _)| one.get(&name.text().unwrap_or_default()).is_null()).for_each(|(name, value)| {
        json.entry(name, value.raw());
    });
    json.end()
}

/// Keeps what was said first.
fn first(slot: &mut Option<String>, value: Option<Cow<'_, str>>) {
    if slot.is_none() {
        *slot = value.map(Cow::into_owned);
    }
}

/// Keeps what was said last.
fn last(slot: &mut Option<String>, value: Json<'_>) {
    if !value.is_null() {
        *slot = Some(value.raw().into());
    }
}
