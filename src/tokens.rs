//! How many tokens a prompt has, about. No vocabulary is shipped: a page would pay for it on every visit.

use serde_json::Value;

/// What a message costs beside its text: role, separators.
const PER_MESSAGE: u64 = 4;

/// What an image or a file costs at least, where its size is not known.
const PER_ATTACHMENT: u64 = 800;

/// The tokens of `text`, estimated from its characters by class.
pub fn estimate(text: &str) -> u64 {
    // In quarters of a hundredth of a token, so that sums stay whole numbers.
    let mut hundredths: u64 = 0;
    for character in text.chars() {
        hundredths += match character {
            'a'..='z' | 'A'..='Z' => 26,
            ' ' => 4,
            '0'..='9' => 45,
            '\n' | '\t' => 30,
            '!'..='~' => 60,
            // Letters of other alphabets: two or three to a token.
            '\u{80}'..='\u{2ff}' => 55,
            '\u{300}'..='\u{dff}' => 45,
            // Scripts without spaces, syllables, symbols, emoji.
            '\u{e00}'..='\u{fff}' => 60,
            _ => 90,
        };
    }
    hundredths.div_ceil(100)
}

/// The tokens of the fields of a chat request that a model reads: messages, tools, the schema of the answer.
pub fn estimate_request(messages: &[Value], tools: Option<&Value>, format: Option<&Value>) -> u64 {
    let spoken: u64 = messages.iter().map(|message| PER_MESSAGE + estimate_value(message)).sum();
    spoken + tools.map_or(0, estimate_value) + format.map_or(0, estimate_value)
}

fn estimate_value(value: &Value) -> u64 {
    match value {
        Value::String(text) => estimate(text),
        Value::Array(items) => items.iter().map(estimate_value).sum(),
        Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
            // The bytes of an attachment are not read as text.
            Some("image_url" | "input_audio" | "file" | "video_url") => PER_ATTACHMENT,
            _ => fields.values().map(|field| 1 + estimate_value(field)).sum(),
        },
        Value::Null => 0,
        Value::Bool(_) | Value::Number(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{estimate, estimate_request};
    use serde_json::json;

    #[test]
    fn english_is_about_four_characters_a_token() {
        let text = "The quick brown fox jumps over the lazy dog and then has a rest. ".repeat(100);
        let tokens = estimate(&text);
        assert!((1300..=1700).contains(&tokens), "{tokens}");
    }

    #[test]
    fn an_attachment_is_not_counted_by_its_bytes() {
        let image = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
        let messages = [json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": image}}]})];
        assert!(estimate_request(&messages, None, None) < 2_000);
    }
}
