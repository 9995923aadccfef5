//! The message object: its content blocks, its stop reason and its usage.

use super::super::blocks::{Block, BlockKind};
use crate::json::{Fields, Json, Object, array};

/// How a block of the answer stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Thinking,
    /// It comes in one piece.
    Redacted,
    ToolUse,
    /// Its beginning has all of it.
    Whole,
    /// The client does not get it.
    Hidden,
}

impl Form {
    pub(super) fn of(block: &Block, shows_thinking: bool) -> Self {
        match block.kind {
            BlockKind::Text | BlockKind::Refusal => Self::Text,
            BlockKind::Call => Self::ToolUse,
            BlockKind::Open | BlockKind::Foreign => Self::Whole,
            BlockKind::Reasoning if block.own.is_some() => Self::Thinking,
            // Claude's own blocks have to come back in a loop of tool calls, whether or not they are shown.
            BlockKind::Reasoning if !shows_thinking && !block.detail.is_claudes() => Self::Hidden,
            BlockKind::Reasoning if block.detail.kind == "reasoning.encrypted" => Self::Redacted,
            BlockKind::Reasoning => Self::Thinking,
        }
    }
}

/// What a client sends back with a thinking block, so that its issuer can use it. Empty for reasoning that nothing binds.
pub(super) fn signature(block: &Block) -> String {
    let detail = &block.detail;
    match (detail.is_bound(), detail.is_claudes()) {
        (false, _) => String::new(),
        (true, true) => detail.signature.clone(),
        (true, false) => detail.carrier(&block.text),
    }
}

/// The data of a `redacted_thinking` block.
pub(super) fn redacted(block: &Block) -> String {
    if block.detail.is_claudes() { block.detail.data.clone() } else { block.detail.carrier(&block.text) }
}

/// The JSON text of a content block: as it begins, or with all of its contents.
pub(super) fn content_block(form: Form, block: &Block, id: &str, is_whole: bool) -> String {
    if let Some(own) = &block.own {
        let has_end = is_whole && Json::or_null(&own.end).is_object();
        return if has_end { own.end.clone() } else { own.begin.clone() };
    }
    let text = if is_whole { &*block.text } else { "" };
    let mut json = Object::default();
    match form {
        Form::Text | Form::Hidden | Form::Whole => {
            json.text("type", "text").text("text", text);
            let citations: Vec<&String> = block.annotations.iter().filter(|json| is_citation(json)).collect();
            let has_some = is_whole && !citations.is_empty();
            json.maybe_raw("citations", has_some.then(|| array(citations)).as_deref())
        }
        Form::Thinking => {
            let signature = if is_whole { signature(block) } else { String::new() };
            json.text("type", "thinking").text("thinking", text).text("signature", &signature)
        }
        Form::Redacted => json.text("type", "redacted_thinking").text("data", &redacted(block)),
        Form::ToolUse => {
            let input = Json::parse(text).filter(|input| input.is_object()).map_or("{}", Json::raw);
            json.text("type", "tool_use").text("id", id).text("name", &block.name).raw("input", input)
        }
    };
    json.end()
}

/// The annotation is a citation in the form of Messages.
pub(super) fn is_citation(annotation: &str) -> bool {
    !Json::or_null(annotation).get("type").is("url_citation")
}

/// Why a message ended.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    /// Chat's finish reason.
    pub(super) reason: String,
    /// The vendor's own word.
    pub(super) native: String,
    /// The stop sequence that matched.
    pub(super) sequence: String,
    /// What the upstream says about the end in the client's own protocol: the JSON text of a `message_delta`, or empty.
    pub(super) own: String,
    pub(super) has_call: bool,
    pub(super) has_refusal: bool,
}

impl End {
    /// Anthropic's stop reason (platform.claude.com/docs/en/build-with-claude/handling-stop-reasons). It is `tool_use`
    /// whenever a block of that type was sent (BerriAI/litellm#34692).
    fn stop_reason<'a>(&'a self, own: &'a str) -> &'a str {
        match (&*self.reason, &*self.native) {
            _ if self.has_call && own == "end_turn" => "tool_use",
            _ if !own.is_empty() => own,
            ("length", "model_context_window_exceeded") => "model_context_window_exceeded",
            ("length", _) => "max_tokens",
            ("content_filter", _) => "refusal",
            _ if self.has_call => "tool_use",
            _ if self.has_refusal => "refusal",
            (_, "stop_sequence") => "stop_sequence",
            (_, "pause_turn") => "pause_turn",
            _ => "end_turn",
        }
    }

    /// Adds the fields of the end.
    pub(super) fn write(&self, json: &mut Object) {
        let own = Json::or_null(&self.own).get("delta");
        json.text("stop_reason", self.stop_reason(&own.get("stop_reason").text().unwrap_or_default()));
        if self.sequence.is_empty() {
            json.raw("stop_sequence", "null");
        } else {
            json.text("stop_sequence", &self.sequence);
        }
        let is_other = |name: Json<'_>| !["stop_reason", "stop_sequence"].iter().any(|known| name.is(known));
        own.fields().filter(|(name, _)| is_other(*name)).for_each(|(name, value)| _ = json.entry(name, value.raw()));
    }
}

/// The fields of `object` that are not in `known`, a list of names: the JSON text of an object.
pub(super) fn other_fields(object: Json<'_>, known: &[&str]) -> String {
    let mut json = Object::default();
    let others = object.fields().filter(|(name, _)| !known.iter().any(|known| name.is(known)));
    others.for_each(|(name, value)| _ = json.entry(name, value.raw()));
    json.end()
}

/// Anthropic's usage for that of a chat completion. Anthropic's input tokens are without the cached ones, and chat's prompt
/// tokens are with them.
pub(super) fn usage(chat: Json<'_>, estimate: u64) -> String {
    let usage = &Fields::of(chat);
    let number = |path| usage.at(path).whole();
    let cached = number("prompt_tokens_details.cached_tokens").unwrap_or_default();
    let written = number("prompt_tokens_details.cache_write_tokens").unwrap_or_default();
    let input = number("prompt_tokens").unwrap_or(estimate);
    let mut json = Object::default();
    json.whole("input_tokens", input.saturating_sub(cached).saturating_sub(written));
    json.whole("cache_creation_input_tokens", written).whole("cache_read_input_tokens", cached);
    if let Some(for_hour) = number("prompt_tokens_details.cache_write_1h_tokens") {
        json.open("cache_creation", "{").whole("ephemeral_5m_input_tokens", written.saturating_sub(for_hour));
        json.whole("ephemeral_1h_input_tokens", for_hour).close("}");
    }
    json.whole("output_tokens", number("completion_tokens").unwrap_or_default());
    if let Some(thinking) = number("completion_tokens_details.reasoning_tokens") {
        json.open("output_tokens_details", "{").whole("thinking_tokens", thinking).close("}");
    }
    // OpenRouter's, which its own form of Messages has too.
    for name in ["cost", "cost_details", "is_byok"] {
        let value = usage.get(name);
        if !value.is_null() {
            json.raw(name, value.raw());
        }
    }
    json.end()
}
