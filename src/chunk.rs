//! Chunks of a stream, read tolerantly, and the answer that they add up to.
//!
//! What providers get wrong and this forgives: `content` as parts, missing `index`, tool calls that share an index or
//! lack one, finish reasons outside OpenAI's set, roles repeated in every chunk, usage in a chunk of its own or not.

mod brief;
mod chunks;
mod node;
mod seen;
mod shape;

use crate::json::{Fields, Json, Object, patched};
use crate::text::is_blank;
use crate::usd::Usd;
pub use brief::Brief;
pub use chunks::Chunks;
use node::Node;
pub use seen::{Brought, Seen};
pub use shape::openai_finish_reason;
pub(crate) use shape::openai_shaped;

/// Adds chunks up to the final completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Accumulator {
    completion: Node,
    /// The bytes of the text of choice 0 that the last chunk brought.
    fresh: usize,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { completion: Node::completion(), fresh: 0 }
    }
}

impl Accumulator {
    /// Takes a chunk, or a whole completion, whose `message` has the shape of a `delta`.
    pub fn feed<'a>(&mut self, chunk: Json<'a>) -> Brought<'a> {
        self.take(&Fields::of(chunk))
    }

    /// The same, of a chunk that has been looked at.
    pub(crate) fn take<'a>(&mut self, chunk: &Fields<'a>) -> Brought<'a> {
        let mut brought = Brought::default();
        self.completion.feed(chunk, &mut brought);
        self.fresh = brought.text;
        brought
    }

    /// Keeps the report of an edge that came beside the chunks.
    pub(crate) fn note_report(&mut self, report: Json<'_>) {
        self.completion.slot("failsoft").set(report);
    }

    /// The model that the answer names.
    pub fn model(&self) -> Option<&str> {
        self.word("model")
    }

    /// The provider that the answer names.
    pub fn provider(&self) -> Option<&str> {
        self.word("provider")
    }

    /// The answer's id.
    pub fn id(&self) -> Option<&str> {
        self.word("id")
    }

    fn word(&self, name: &str) -> Option<&str> {
        some(self.completion.get(name).text())
    }

    /// The usage, if it has come.
    pub fn usage(&self) -> Json<'_> {
        self.completion.get("usage").json()
    }

    /// What OpenRouter tells of the way this answer went.
    pub fn metadata(&self) -> Json<'_> {
        self.completion.get("openrouter_metadata").json()
    }

    /// The report of an edge.
    pub fn report(&self) -> Json<'_> {
        self.completion.get("failsoft").json()
    }

    /// The text of the first choice so far.
    pub fn text(&self) -> &str {
        self.said("content")
    }

    /// The text of choice 0 that the last chunk brought.
    pub(crate) fn fresh_text(&self) -> &str {
        let text = self.text();
        text.get(text.len().saturating_sub(self.fresh)..).unwrap_or_default()
    }

    /// Makes room for what the first choice says in so many bytes; for how many there is room then.
    pub(crate) fn reserve(&mut self, length: usize) -> usize {
        self.choices_mut().first_mut().map_or(0, |choice| choice.slot("message").slot("content").reserve(length))
    }

    /// The first choice goes on with `text`.
    pub(crate) fn say(&mut self, text: &str) {
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("message").slot("content").push_text(text);
        }
    }

    /// Puts `text` in the place of what the first choice said.
    pub(crate) fn set_text(&mut self, text: String) {
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("message").slot("content").set_text(text);
        }
    }

    /// Takes back how it ended, and all text beyond `shown` bytes.
    pub(crate) fn reopen(&mut self, shown: usize) {
        let text = self.text().get(..shown).unwrap_or_default().to_owned();
        self.set_text(text);
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("finish_reason").set(Json::NULL);
            choice.slot("native_finish_reason").set(Json::NULL);
        }
    }

    /// The refusal in the field made for it, of the first choice.
    pub fn refusal(&self) -> &str {
        self.said("refusal")
    }

    fn said(&self, name: &str) -> &str {
        self.choices().first().map_or("", |choice| choice.get("message").get(name).text())
    }

    /// Why the first choice ended.
    pub fn finish_reason(&self) -> Option<&str> {
        some(self.choices().first()?.get("finish_reason").text())
    }

    /// Every choice that began has said why it ended.
    pub fn is_finished(&self) -> bool {
        let choices = self.choices();
        !choices.is_empty() && choices.iter().all(|choice| choice.get("finish_reason").size() > 0)
    }

    /// No choice has anything to show or to do: no text, tool call, image or sound.
    pub fn is_blank(&self) -> bool {
        let is_silent = |choice: &Node| is_blank(choice.get("message").get("content").text());
        self.choices().iter().all(is_silent) && !self.has(&["tool_calls", "images", "audio"])
    }

    /// Some choice has reasoning.
    pub fn has_reasoning(&self) -> bool {
        self.has(&["reasoning", "reasoning_details"])
    }

    /// Some choice has a tool call.
    pub fn has_tool_call(&self) -> bool {
        self.has(&["tool_calls"])
    }

    /// It is text and nothing else, of one choice: another answer could go on from it.
    pub(crate) fn is_text(&self) -> bool {
        let is_first = self.choices().iter().all(|choice| choice.get("index").json().whole() == Some(0));
        is_first && !self.has(&["tool_calls", "images", "audio", "refusal"])
    }

    /// Some message has one of these fields.
    fn has(&self, names: &[&str]) -> bool {
        let has = |choice: &Node| names.iter().any(|name| choice.get("message").get(name).size() > 0);
        self.choices().iter().any(has)
    }

    /// Adds what `other` took.
    pub(crate) fn add_usage(&mut self, other: &Self) {
        let all = sum(self.usage(), other.usage());
        self.completion.slot("usage").set(Json::or_null(&all));
    }

    /// A chunk of this answer that says `text`.
    pub(crate) fn chunk(&self, text: &str, model: Option<&str>) -> String {
        let mut json = self.head(model);
        json.item("{").whole("index", 0).open("delta", "{").text("content", text).close("}");
        json.raw("finish_reason", "null").close("}").close("]").end()
    }

    /// The chunk that ends this answer as `last` ended.
    pub(crate) fn end_chunk(&self, last: &Self) -> String {
        let mut json = self.head(last.model());
        json.item("{").whole("index", 0).raw("delta", "{}");
        json.text("finish_reason", last.finish_reason().unwrap_or("stop")).close("}").close("]").end()
    }

    /// The chunk with the usage, and `report` beside it.
    pub(crate) fn usage_chunk(&self, report: Option<&str>) -> Option<String> {
        let usage = self.usage().as_object()?;
        Some(self.head(self.model()).close("]").raw("usage", usage.raw()).maybe_raw("failsoft", report).end())
    }

    /// A chunk of this answer up to its choices.
    fn head(&self, model: Option<&str>) -> Object {
        let mut json = Object::default();
        json.text("object", "chat.completion.chunk");
        for name in ["id", "created", "system_fingerprint", "service_tier"] {
            let value = self.completion.get(name);
            if value.size() > 0 {
                let mut text = String::new();
                value.write(name, &mut text);
                json.raw(name, &text);
            }
        }
        json.maybe_text("model", model).open("choices", "[");
        json
    }

    /// A tool call whose arguments are no JSON.
    pub fn has_broken_tool_call(&self) -> bool {
        let is_broken = |call: &Node| {
            let arguments = call.get("function").get("arguments").text();
            !arguments.is_empty() && Json::parse(arguments).is_none()
        };
        self.choices().iter().any(|choice| choice.get("message").get("tool_calls").items().iter().any(is_broken))
    }

    /// The JSON text of the answer as OpenAI's completion object.
    pub fn completion(&self) -> String {
        let mut json = String::new();
        self.completion.write("", &mut json);
        json
    }

    fn choices(&self) -> &[Node] {
        self.completion.get("choices").items()
    }

    fn choices_mut(&mut self) -> &mut [Node] {
        self.completion.slot("choices").items_mut()
    }
}

/// Two objects of numbers as one: what both have is added, down to the last of their objects; what one has is kept.
fn sum(one: Json<'_>, other: Json<'_>) -> String {
    let mut json = Object::default();
    for (name, value) in one.fields() {
        let more = other.get(name.word());
        let both = match (value.trillionths(), more.trillionths()) {
            (Some(one), Some(other)) => Usd(one).plus(Usd(other)).decimal(),
            _ if value.is_object() && more.is_object() => sum(value, more),
            _ => value.raw().into(),
        };
        json.entry(name, &both);
    }
    patched(other.raw(), &json.end())
}

fn some(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

#[cfg(test)]
mod tests {
    use super::Accumulator;
    use crate::json::Json;
    use serde_json::{Value, json};

    /// What chunks add up to, of which each is one piece of the only choice.
    fn answer(pieces: &[Value]) -> Accumulator {
        let mut answer = Accumulator::default();
        for piece in pieces {
            answer.feed(Json::parse(&json!({"choices": [piece]}).to_string()).expect("JSON"));
        }
        answer
    }

    fn message(deltas: &[Value]) -> Value {
        let pieces: Vec<Value> = deltas.iter().map(|delta| json!({"index": 0, "delta": delta})).collect();
        completion(&answer(&pieces))["choices"][0]["message"].clone()
    }

    fn completion(answer: &Accumulator) -> Value {
        serde_json::from_str(&answer.completion()).expect("a completion is JSON")
    }

    fn calls(pieces: &[Value]) -> Vec<Value> {
        let deltas: Vec<Value> = pieces.iter().map(|piece| json!({"tool_calls": [piece]})).collect();
        message(&deltas)["tool_calls"].as_array().cloned().expect("tool calls")
    }

    fn call(id: &str, name: &str, arguments: &str) -> Value {
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    }

    #[test]
    fn a_new_id_on_the_same_index_is_a_new_call() {
        let pieces = [
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}}),
            json!({"index": 0, "function": {"arguments": "}"}}),
            json!({"index": 0, "id": "b", "function": {"name": "two", "arguments": "[1"}}),
            json!({"index": 0, "function": {"arguments": "]"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "{}"), call("b", "two", "[1]")]);
    }

    #[test]
    fn pieces_of_calls_that_run_side_by_side_stay_apart() {
        let pieces = [
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": ""}}),
            json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "1"}}),
            json!({"index": 1, "function": {"arguments": "2"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "1"), call("b", "two", "2")]);
    }

    #[test]
    fn an_id_and_name_repeated_in_every_piece_are_one_call() {
        let piece = |arguments: &str| json!({"index": 3, "id": "a", "type": "function", "function": {"name": "one", "arguments": arguments}});
        assert_eq!(calls(&[piece("{\"x\""), piece(":1}")]), [call("a", "one", "{\"x\":1}")]);
    }

    #[test]
    fn a_piece_with_neither_index_nor_id_belongs_to_the_current_call() {
        let pieces = [
            json!({"id": "a", "function": {"name": "one", "arguments": "{"}}),
            json!({"function": {"arguments": "}"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "{}")]);
    }

    #[test]
    fn arguments_that_came_as_an_object_and_fields_that_nobody_knows_are_kept() {
        let piece = json!({"index": 0, "id": "a", "extra": {"signature": "s"}, "function": {"name": "one", "arguments": {"x": [1]}}});
        let mut expected = call("a", "one", "{\"x\":[1]}");
        expected["extra"] = json!({"signature": "s"});
        assert_eq!(calls(&[piece]), [expected]);
    }

    #[test]
    fn who_calls_a_tool_says_null_rather_than_an_empty_text() {
        let deltas = [json!({"content": ""}), json!({"tool_calls": [{"index": 0, "id": "a"}]}), json!({"content": ""})];
        assert_eq!(message(&deltas)["content"], Value::Null);
        assert_eq!(message(&deltas[..1])["content"], "");
    }

    #[test]
    fn lists_that_stay_empty_and_fields_that_say_nothing_are_left_out() {
        let empty =
            json!({"role": "", "content": null, "refusal": "", "reasoning": "", "tool_calls": [], "images": null});
        assert_eq!(message(&[empty]), json!({"role": "assistant", "content": null, "refusal": null}));
    }

    #[test]
    fn blocks_of_reasoning_grow_by_their_own_field_and_keep_their_order() {
        let block = |kind: &str, name: &str, text: &str| {
            let mut block = json!({"type": kind, "index": 0, "format": "f"});
            block[name] = text.into();
            json!({"reasoning_details": [block]})
        };
        let deltas = [
            block("reasoning.text", "text", "a"),
            block("reasoning.text", "text", "b"),
            json!({"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}]}),
            block("reasoning.encrypted", "data", "c"),
            block("reasoning.text", "text", "d"),
        ];
        let expected = json!([
            {"type": "reasoning.text", "index": 0, "format": "f", "text": "ab", "signature": "s"},
            {"type": "reasoning.encrypted", "index": 0, "format": "f", "data": "c"},
            {"type": "reasoning.text", "index": 0, "format": "f", "text": "d"},
        ]);
        assert_eq!(message(&deltas)["reasoning_details"], expected);
    }

    #[test]
    fn reasoning_that_came_under_both_its_names_counts_once() {
        let both = json!({"reasoning": "hm", "reasoning_content": "hm"});
        assert_eq!(message(&[both, json!({"reasoning_content": "m"})])["reasoning"], "hmm");
    }

    #[test]
    fn sound_and_the_likelihood_of_tokens_are_put_together() {
        let pieces = [
            json!({"delta": {"audio": {"id": "a", "transcript": "Hel"}}, "logprobs": {"content": [{"token": "Hel"}]}}),
            json!({"delta": {"audio": {"transcript": "lo", "data": "AA", "expires_at": 1}}, "logprobs": {"content": [{"token": "lo"}]}}),
        ];
        let choice = &completion(&answer(&pieces))["choices"][0];
        let audio = json!({"id": "a", "transcript": "Hello", "data": "AA", "expires_at": 1});
        assert_eq!(choice["message"]["audio"], audio);
        assert_eq!(choice["logprobs"], json!({"content": [{"token": "Hel"}, {"token": "lo"}]}));
    }

    #[test]
    fn a_finish_reason_without_a_word_is_none() {
        assert!(!answer(&[json!({"index": 0, "delta": {"content": "x"}, "finish_reason": ""})]).is_finished());
        assert!(answer(&[json!({"index": 0, "delta": {"content": "x"}, "finish_reason": "max_tokens"})]).is_finished());
    }

    #[test]
    fn pieces_whose_indices_contradict_each_other_do_no_harm() {
        let piece = |index: Value, text: &str| json!({"index": index, "delta": {"content": text}});
        let pieces = [piece(json!(5), "five"), piece(json!(null), "none"), piece(json!(0), "é")];
        let chunk = json!({"choices": pieces}).to_string();
        let mut answer = Accumulator::default();
        answer.feed(Json::parse(&chunk).expect("JSON"));
        assert!(answer.fresh_text().len() <= answer.text().len());
        assert_eq!(completion(&answer)["choices"][0]["index"], 0);
    }
}
