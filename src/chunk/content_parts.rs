//! A `content` that is a list of parts: the text, the reasoning, and everything else.

use crate::json::{Json, array, quoted};
use crate::text::find;

/// The parts of a content, sorted.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) text: String,
    pub(super) reasoning: String,
    refusal: String,
    images: Vec<&'a str>,
    /// Parts of another type, such as references.
    others: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// The parts of `content`: a list of parts, one part, or a text.
    pub(super) fn of(content: Json<'a>) -> Self {
        let mut parts = Self::default();
        parts.add(content, false);
        parts
    }

    fn add(&mut self, part: Json<'a>, in_reasoning: bool) {
        if let Some(text) = part.text() {
            let target = if in_reasoning { &mut self.reasoning } else { &mut self.text };
            return target.push_str(&text);
        }
        if part.is_array() {
            return part.items().for_each(|part| self.add(part, in_reasoning));
        }
        let kind = part.get("type").word();
        // Gemini marks a part as a thought; other vendors have a type of part, or a field of that name.
        let is_reasoning = in_reasoning
            || part.get("thought").flag() == Some(true)
            || ["thinking", "reasoning", "thought", "redacted_thinking"].contains(&kind);
        for name in ["text", "thinking", "reasoning", "reasoningText", "summary", "content", "value", "parts"] {
            let inside = part.get(name);
            if !inside.is_null() {
                return self.add(inside, is_reasoning || name == "thinking" || name == "reasoning");
            }
        }
        if let Some(refusal) = part.get("refusal").text() {
            self.refusal.push_str(&refusal);
        } else if find(kind, "image").is_some() {
            self.images.push(part.raw());
        } else if part.is_object() {
            self.others.push(part.raw());
        }
    }

    /// The fields of the message that have these parts, and their JSON texts. Fields without a part are left out, except the
    /// content.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let text = |text: &str| if text.is_empty() { String::new() } else { quoted(text) };
        let list = |items: &[&str]| if items.is_empty() { String::new() } else { array(items) };
        let fields = [
            ("content", quoted(&self.text)),
            ("reasoning", text(&self.reasoning)),
            ("refusal", text(&self.refusal)),
            ("images", list(&self.images)),
            ("content_parts", list(&self.others)),
        ];
        fields.into_iter().filter(|(_, json)| !json.is_empty())
    }
}
