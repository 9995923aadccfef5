//! Reasoning items, for `reasoning_details`. OpenRouter's have the issuer beside OpenAI's fields: `format` and `signature`.

use super::super::issuer::Target;
use super::super::reasoning::Detail;
use crate::json::{Json, Object, array, decimal};
use crate::text::text;
use crate::upstream::Dialect;

/// One reasoning item.
#[derive(Debug, Default)]
struct Thought {
    detail: Detail,
    /// The JSON texts of its parts.
    summary: Vec<String>,
    content: Vec<String>,
}

/// The JSON texts of the reasoning items for the list `details`.
pub(super) fn read(details: Json<'_>, target: &Target<'_>) -> Vec<String> {
    let mut thoughts: Vec<Thought> = Vec::new();
    for detail in details.items() {
        let is_next = !thoughts.last().is_some_and(|last| last.detail.has_id(detail));
        if is_next {
            thoughts.push(Thought::default());
        }
        if let Some(thought) = thoughts.last_mut() {
            thought.take(detail);
        }
    }
    let is_openrouter = target.dialect == Dialect::OpenRouter;
    thoughts.iter().enumerate().filter_map(|(at, thought)| thought.item(at, is_openrouter)).collect()
}

impl Thought {
    fn take(&mut self, detail: Json<'_>) {
        self.detail.take(detail);
        let of = |kind: &str, value: Json<'_>| Object::default().text("type", kind).raw("text", value.raw()).end();
        let (summary, text) = (detail.get("summary"), detail.get("text"));
        self.summary.extend((summary.is_string() && !summary.is("")).then(|| of("summary_text", summary)));
        self.content.extend((text.is_string() && !text.is("")).then(|| of("reasoning_text", text)));
    }

    /// OpenAI accepts no reasoning that it did not encrypt: what is not encrypted is looked up, and nothing is stored.
    fn item(&self, at: usize, is_openrouter: bool) -> Option<String> {
        let detail = &self.detail;
        if !is_openrouter && detail.data.is_empty() {
            return None;
        }
        let mut item = Object::default();
        item.text("type", "reasoning");
        // What is encrypted is bound to the id (maximhq/bifrost#5186). OpenRouter requires one.
        if !detail.id.is_empty() {
            item.text("id", &detail.id);
        } else if is_openrouter {
            item.text("id", &text!("rs_", &decimal(at as u64)));
        }
        item.raw("summary", &array(&self.summary));
        if !self.content.is_empty() {
            item.raw("content", &array(&self.content));
        }
        for (name, value) in
            [("encrypted_content", &detail.data), ("signature", &detail.signature), ("format", &detail.format)]
        {
            let is_sent = !value.is_empty() && (is_openrouter || name == "encrypted_content");
            item.maybe_text(name, is_sent.then_some(value));
        }
        Some(item.end())
    }
}
