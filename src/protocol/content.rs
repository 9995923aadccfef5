//! The messages of a chat request under construction, from items or blocks of another protocol.

use super::reasoning::unpack;
use crate::invalid::Invalid;
use crate::json::{Json, Object, array, patched, quoted};
use crate::text::text;

/// A part of a message's content, in chat's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    json: String,
    /// Its text, if it is a text and nothing else.
    plain: Option<String>,
}

impl Part {
    /// A text. `cache` is a `cache_control`, or `null`.
    pub(super) fn text(text: &str, cache: Json<'_>) -> Self {
        let mut json = Object::default();
        json.text("type", "text").text("text", text);
        if !cache.is_null() {
            json.raw("cache_control", cache.raw());
        }
        Self { json: json.end(), plain: cache.is_null().then(|| text.into()) }
    }

    /// An image at `url`, which may contain its data.
    pub(super) fn image(url: &str, detail: Option<&str>, cache: Json<'_>) -> Self {
        let mut json = Object::default();
        json.text("type", "image_url").open("image_url", "{").text("url", url).maybe_text("detail", detail).close("}");
        Self::other(json, cache)
    }

    /// A file, with its data as a `data:` URL, or at a URL.
    pub(super) fn file(name: &str, data: &str, cache: Json<'_>) -> Self {
        let mut json = Object::default();
        json.text("type", "file").open("file", "{").text("filename", name).text("file_data", data).close("}");
        Self::other(json, cache)
    }

    fn other(mut json: Object, cache: Json<'_>) -> Self {
        if !cache.is_null() {
            json.raw("cache_control", cache.raw());
        }
        Self { json: json.end(), plain: None }
    }

    /// Marks the end of what a cache keeps with `cache`, a `cache_control` or `null`.
    pub(super) fn mark(&mut self, cache: Json<'_>) {
        if !cache.is_null() {
            self.json = patched(&self.json, &Object::default().raw("cache_control", cache.raw()).end());
            self.plain = None;
        }
    }

    fn is_text(&self) -> bool {
        self.json.starts_with(r#"{"type":"text""#)
    }
}

/// The refusal of the first part that a chat request has no form for.
pub(super) type Foreign = Option<Box<Invalid>>;

/// The messages so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    messages: Vec<String>,
    turn: Turn,
    /// What tools returned beside text. A chat message of a tool has only text, so a user's message follows the results
    /// (BerriAI/litellm#23712).
    held: Vec<Part>,
    /// The refusal of the first part that a chat request has no form for. An upstream of the same protocol gets it as it came.
    pub(super) foreign: Foreign,
}

/// A message of the assistant, which may come in several items.
#[derive(Debug, Default)]
struct Turn {
    content: Vec<Part>,
    refusal: String,
    calls: Vec<String>,
    reasoning: String,
    details: Vec<String>,
}

impl Transcript {
    /// Adds a message by `system`.
    pub(super) fn system(&mut self, parts: Vec<Part>) {
        self.end_turn();
        self.end_results();
        self.push("system", &parts);
    }

    /// Adds a message by `user`.
    pub(super) fn user(&mut self, parts: Vec<Part>) {
        self.end_turn();
        let mut all = std::mem::take(&mut self.held);
        all.extend(parts);
        if all.is_empty() {
            all.push(Part::text("", Json::NULL));
        }
        self.push("user", &all);
    }

    /// Adds what the assistant said.
    pub(super) fn assistant(&mut self, parts: Vec<Part>) {
        self.turn().content.extend(parts);
    }

    /// Adds what the assistant declined with.
    pub(super) fn refusal(&mut self, text: &str) {
        self.turn().refusal.push_str(text);
    }

    /// Adds a call of the assistant.
    pub(super) fn call(&mut self, id: &str, name: &str, arguments: &str) {
        let mut json = Object::default();
        json.text("id", id).text("type", "function");
        json.open("function", "{").text("name", name).text("arguments", arguments).close("}");
        self.turn().calls.push(json.end());
    }

    /// Adds reasoning that no signature binds.
    pub(super) fn reasoning(&mut self, text: &str) {
        self.turn().reasoning.push_str(text);
    }

    /// Adds an item of `reasoning_details`.
    pub(super) fn detail(&mut self, json: String) {
        self.turn().details.push(json);
    }

    /// Adds the item of `reasoning_details` in `carrier`, if it is one. A summary and what is encrypted are two items there.
    pub(super) fn unpack(&mut self, carrier: &str) -> bool {
        let Some(item) = unpack(carrier) else { return false };
        if item.get("data").is_null() || item.get("type").is("reasoning.encrypted") {
            self.detail(item.raw().into());
        } else {
            self.detail(patched(item.raw(), r#"{"data":null}"#));
            self.detail(patched(item.raw(), r#"{"summary":null,"text":null,"type":"reasoning.encrypted"}"#));
        }
        true
    }

    /// Adds the result of the call `id`.
    pub(super) fn result(&mut self, id: &str, parts: Vec<Part>) {
        self.end_turn();
        let (texts, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(Part::is_text);
        let mut json = Object::default();
        json.text("role", "tool").text("tool_call_id", id).raw("content", &content(&texts));
        self.messages.push(json.end());
        if !others.is_empty() {
            self.held.push(Part::text(&text!("The result of the tool call ", id, " also has:"), Json::NULL));
            self.held.extend(others);
        }
    }

    /// The JSON texts of the messages.
    pub(super) fn end(mut self) -> Vec<String> {
        self.end_turn();
        self.end_results();
        self.messages
    }

    fn turn(&mut self) -> &mut Turn {
        self.end_results();
        &mut self.turn
    }

    fn end_turn(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        if let Some(message) = turn.message() {
            self.messages.push(message);
        }
    }

    fn end_results(&mut self) {
        if !self.held.is_empty() {
            self.user(Vec::new());
        }
    }

    fn push(&mut self, role: &str, parts: &[Part]) {
        let content = if role == "user" { user_content(parts) } else { content(parts) };
        self.messages.push(Object::default().text("role", role).raw("content", &content).end());
    }
}

impl Turn {
    fn message(&self) -> Option<String> {
        let is_empty = self.content.is_empty() && self.refusal.is_empty() && self.calls.is_empty();
        if is_empty && self.reasoning.is_empty() && self.details.is_empty() {
            return None;
        }
        let mut json = Object::default();
        json.text("role", "assistant");
        // Vendors refuse an empty text beside calls, but not `null`.
        let has_content = !self.content.is_empty() || self.calls.is_empty() && self.refusal.is_empty();
        json.raw("content", &if has_content { content(&self.content) } else { "null".into() });
        if !self.refusal.is_empty() {
            json.text("refusal", &self.refusal);
        }
        if !self.reasoning.is_empty() {
            json.text("reasoning", &self.reasoning);
        }
        if !self.details.is_empty() {
            json.raw("reasoning_details", &array(&self.details));
        }
        if !self.calls.is_empty() {
            json.raw("tool_calls", &array(&self.calls));
        }
        Some(json.end())
    }
}

/// The JSON text of a content: a string where that is possible, because many upstreams accept lists only from users.
fn content(parts: &[Part]) -> String {
    let mut joined = String::new();
    for part in parts {
        let Some(text) = &part.plain else { return user_content(parts) };
        if !joined.is_empty() && !text.is_empty() {
            joined.push_str("\n\n");
        }
        joined.push_str(text);
    }
    quoted(&joined)
}

fn user_content(parts: &[Part]) -> String {
    match parts {
        [Part { plain: Some(text), .. }] => quoted(text),
        parts => array(parts.iter().map(|part| &part.json)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Transcript};
    use crate::json::Json;

    #[test]
    fn items_of_one_turn_become_one_message() {
        let mut messages = Transcript::default();
        messages.user(vec![Part::text("hi", Json::NULL)]);
        messages.reasoning("hm");
        messages.assistant(vec![Part::text("a", Json::NULL)]);
        messages.call("c1", "f", "{}");
        messages.call("c2", "g", "{}");
        messages.result("c1", vec![Part::text("1", Json::NULL)]);
        messages.result("c2", vec![]);
        assert_eq!(
            messages.end(),
            [
                r#"{"role":"user","content":"hi"}"#,
                r#"{"role":"assistant","content":"a","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}"#,
                r#"{"role":"tool","tool_call_id":"c1","content":"1"}"#,
                r#"{"role":"tool","tool_call_id":"c2","content":""}"#,
            ]
        );
    }

    #[test]
    fn images_in_tool_results_follow_all_results() {
        let mut messages = Transcript::default();
        messages.call("c1", "f", "{}");
        messages.call("c2", "f", "{}");
        messages.result("c1", vec![Part::image("data:image/png;base64,AA==", None, Json::NULL)]);
        messages.result("c2", vec![Part::text("2", Json::NULL)]);
        messages.user(vec![Part::text("go on", Json::NULL)]);
        let messages = messages.end();
        assert_eq!(messages.len(), 4);
        assert!(messages[2].contains(r#""tool_call_id":"c2""#), "{messages:?}");
        assert!(
            messages[3].contains("c1 also has") && messages[3].contains("image_url") && messages[3].contains("go on")
        );
    }
}
