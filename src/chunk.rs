//! Chunks of a stream, read tolerantly, and the answer that they add up to.
//!
//! What providers get wrong and this forgives: `content` as parts, missing `index`, tool calls that share an index or
//! lack one, finish reasons outside OpenAI's set, roles repeated in every chunk, usage in a chunk of its own or not.

mod tool_call;

use serde_json::{Map, Value, json};

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

    /// The chunks as one JSON array.
    pub fn to_json_array(&self) -> String {
        ["[", &self.lines.trim_end().replace('\n', ","), "]"].concat()
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

/// One answer among `n`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Choice {
    index: u64,
    content: Option<String>,
    reasoning: String,
    reasoning_details: Vec<Value>,
    refusal: String,
    tool_calls: ToolCalls,
    images: Vec<Value>,
    audio: Option<Value>,
    logprobs: Vec<Value>,
    finish_reason: Option<String>,
    native_finish_reason: Option<Value>,
}

/// Adds chunks up to the final completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accumulator {
    /// `id`, `created`, `model`, `provider` and the like, as first said.
    head: Map<String, Value>,
    /// By index.
    choices: Vec<Choice>,
    usage: Option<Value>,
    metadata: Option<Value>,
    report: Option<Value>,
}

const HEAD: [&str; 6] = ["id", "created", "model", "provider", "system_fingerprint", "service_tier"];

impl Accumulator {
    /// Takes a chunk, or a whole completion, whose `message` has the shape of a `delta`.
    pub fn feed(&mut self, chunk: &Value) -> Seen {
        for name in HEAD {
            if !chunk[name].is_null() && !self.head.contains_key(name) {
                self.head.insert(name.into(), chunk[name].clone());
            }
        }
        keep(&mut self.usage, &chunk["usage"]);
        keep(&mut self.metadata, &chunk["openrouter_metadata"]);
        keep(&mut self.report, &chunk["failsoft"]);
        let mut seen = Seen::default();
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            self.choice(choice["index"].as_u64().unwrap_or(0)).feed(choice, &mut seen);
        }
        seen
    }

    /// Keeps the report of an edge that came beside the chunks.
    pub(crate) fn note_report(&mut self, report: Value) {
        self.report = Some(report);
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
        self.head.get("model")?.as_str()
    }

    /// The provider that the answer names.
    pub fn provider(&self) -> Option<&str> {
        self.head.get("provider")?.as_str()
    }

    /// The answer's id.
    pub fn id(&self) -> Option<&str> {
        self.head.get("id")?.as_str()
    }

    /// The usage, if it has come.
    pub fn usage(&self) -> Option<&Value> {
        self.usage.as_ref()
    }

    /// What OpenRouter tells of the way this answer went.
    pub fn metadata(&self) -> Option<&Value> {
        self.metadata.as_ref()
    }

    /// The report of an edge.
    pub fn report(&self) -> Option<&Value> {
        self.report.as_ref()
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

    /// A tool call whose arguments are no JSON.
    pub fn has_broken_tool_call(&self) -> bool {
        self.choices.iter().any(|choice| choice.tool_calls.any_broken())
    }

    /// The answer as OpenAI's completion object.
    pub fn completion(&self) -> Map<String, Value> {
        let mut completion = self.head.clone();
        completion.insert("object".into(), "chat.completion".into());
        completion.insert("choices".into(), self.choices.iter().map(Choice::completed).collect());
        for (name, value) in [("usage", &self.usage), ("openrouter_metadata", &self.metadata)] {
            if let Some(value) = value {
                completion.insert(name.into(), value.clone());
            }
        }
        completion
    }

    fn first(&self) -> Option<&Choice> {
        self.choices.first()
    }
}

impl Choice {
    fn feed(&mut self, choice: &Value, seen: &mut Seen) {
        let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        if let Some(text) = content_text(&delta["content"]) {
            seen.content |= !text.is_empty();
            self.content.get_or_insert_default().push_str(&text);
        }
        let reasoning = delta["reasoning"].as_str().or_else(|| delta["reasoning_content"].as_str()).unwrap_or_default();
        self.reasoning.push_str(reasoning);
        let details = delta["reasoning_details"].as_array().map_or(&[][..], Vec::as_slice);
        details.iter().for_each(|detail| add_detail(&mut self.reasoning_details, detail));
        seen.reasoning |= !reasoning.is_empty() || !details.is_empty();
        let refusal = delta["refusal"].as_str().unwrap_or_default();
        seen.refusal |= !refusal.is_empty();
        self.refusal.push_str(refusal);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.tool_calls.feed(call);
            seen.tool_call = true;
        }
        for image in delta["images"].as_array().into_iter().flatten() {
            self.images.push(image.clone());
            seen.content = true;
        }
        if delta["audio"].is_object() {
            self.audio = Some(delta["audio"].clone());
            seen.content = true;
        }
        self.logprobs.extend(choice["logprobs"]["content"].as_array().into_iter().flatten().cloned());
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(openai_finish_reason(reason).into());
        }
        keep(&mut self.native_finish_reason, &choice["native_finish_reason"]);
    }

    fn completed(&self) -> Value {
        let content = match &self.content {
            Some(text) if !text.is_empty() || self.tool_calls.is_empty() => Value::from(text.as_str()),
            _ => Value::Null,
        };
        let refusal = if self.refusal.is_empty() { Value::Null } else { self.refusal.as_str().into() };
        let mut message = json!({"role": "assistant", "content": content, "refusal": refusal});
        if !self.reasoning.is_empty() {
            message["reasoning"] = self.reasoning.as_str().into();
        }
        if !self.reasoning_details.is_empty() {
            message["reasoning_details"] = self.reasoning_details.clone().into();
        }
        if !self.tool_calls.is_empty() {
            message["tool_calls"] = self.tool_calls.completed();
        }
        if !self.images.is_empty() {
            message["images"] = self.images.clone().into();
        }
        if let Some(audio) = &self.audio {
            message["audio"] = audio.clone();
        }
        let logprobs = if self.logprobs.is_empty() { Value::Null } else { json!({"content": self.logprobs}) };
        let mut choice = json!({
            "index": self.index, "message": message, "logprobs": logprobs, "finish_reason": self.finish_reason,
        });
        if let Some(native) = &self.native_finish_reason {
            choice["native_finish_reason"] = native.clone();
        }
        choice
    }
}

/// OpenAI's word for `reason`; its own words are kept.
pub fn openai_finish_reason(reason: &str) -> &str {
    match reason {
        "stop" | "length" | "tool_calls" | "content_filter" | "function_call" | "error" => reason,
        "max_tokens" | "MAX_TOKENS" | "model_length" | "max_output_tokens" => "length",
        "tool_use" | "tool_call" => "tool_calls",
        "SAFETY" | "safety" | "PROHIBITED_CONTENT" | "RECITATION" | "BLOCKLIST" | "refusal" => "content_filter",
        _ => "stop",
    }
}

/// Gives a chunk or completion OpenAI's finish reasons, with the native one beside. False if they were right already.
pub(crate) fn map_finish_reasons(chunk: &mut Value) -> bool {
    let mut changed = false;
    for choice in chunk["choices"].as_array_mut().into_iter().flatten() {
        let Some(native) = choice["finish_reason"].as_str().map(String::from) else { continue };
        let reason = openai_finish_reason(&native);
        if reason != native {
            choice["finish_reason"] = reason.into();
            if choice["native_finish_reason"].is_null() {
                choice["native_finish_reason"] = native.into();
            }
            changed = true;
        }
    }
    changed
}

/// A completion that came where a stream was asked for, as the one chunk of such a stream.
pub(crate) fn chunk_of_completion(completion: &Value) -> Value {
    let mut chunk = completion.clone();
    chunk["object"] = "chat.completion.chunk".into();
    for choice in chunk["choices"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(message) = choice.shift_remove("message") {
            choice.insert("delta".into(), message);
        }
    }
    chunk
}

/// Text as a string, or as parts of which the text counts.
pub(crate) fn content_text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        _ => None,
    }
}

/// Pieces of one detail carry the same index and type: their text joins, the rest is replaced.
fn add_detail(details: &mut Vec<Value>, piece: &Value) {
    let same = details.last_mut().filter(|last| last["index"] == piece["index"] && last["type"] == piece["type"]);
    let (Some(last), Some(fields)) = (same, piece.as_object()) else {
        details.push(piece.clone());
        return;
    };
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), last[name].as_str(), value.as_str()) {
            ("text" | "summary" | "data", Some(so_far), Some(more)) => last[name] = [so_far, more].concat().into(),
            _ => last[name] = value.clone(),
        }
    }
}

fn keep(slot: &mut Option<Value>, value: &Value) {
    if !value.is_null() {
        *slot = Some(value.clone());
    }
}
