//! Chunks as short JSON, from which JavaScript makes objects: a JSON array. A chunk that differs from the one before it only
//! in its text is that text alone.
//!
//! ```text
//! [{"id":"gen-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]},"lo",", wor","ld"]
//! ```
//!
//! A chunk is a pattern for the next ones only if one path of objects leads to its text, and no other value in it has parts.
//! So a copy of the objects on this path, with another text, shares no object with the chunk.

use super::Chunks;
use crate::json::{Json, Pattern};
use crate::text::{cut, push};

/// Writes chunks as short JSON. Remembers the last chunk that was written as a whole.
#[derive(Debug, Default)]
pub struct Brief(Pattern);

impl Brief {
    /// The JSON array of `chunks`, which follow the chunks of the calls before.
    #[must_use]
    pub fn write(&mut self, chunks: &Chunks) -> String {
        let mut json = String::from("[");
        let mut rest = chunks.lines();
        while !rest.is_empty() {
            let (item, length) = match self.0.find(rest.as_bytes()) {
                Some((end, length)) => (rest.get(self.0.start() - 1..end + 1).unwrap_or_default(), length),
                None => {
                    let chunk = Json::or_null(cut(rest, b'\n').0);
                    self.0 = Pattern::of(chunk.raw(), text_of(chunk));
                    (chunk.raw(), chunk.raw().len())
                }
            };
            let between = if json.len() > 1 { "," } else { "" };
            push(&mut json, between);
            push(&mut json, item);
            rest = rest.get(length + 1..).unwrap_or_default();
        }
        push(&mut json, "]");
        json
    }
}

/// The text of a chunk, if the chunk can be a pattern.
fn text_of(chunk: Json<'_>) -> Json<'_> {
    let mut choices = only(chunk, "choices").items();
    let text = only(only(choices.next().unwrap_or(Json::NULL), "delta"), "content");
    if choices.next().is_none() { text } else { Json::NULL }
}

/// The field `name` of `object`, if one field has this name and no other field has parts.
fn only<'a>(object: Json<'a>, name: &str) -> Json<'a> {
    let mut found = Json::NULL;
    for (key, value) in object.fields() {
        if key.is(name) && found.is_null() {
            found = value;
        } else if key.is(name) || value.is_object() || value.is_array() {
            return Json::NULL;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Brief;
    use crate::chunk::Chunks;
    use serde_json::{Value, json};

    /// The chunks that JavaScript makes of the short JSON.
    fn unfolded(short: &str, last: &mut Value) -> Vec<Value> {
        let items: Vec<Value> = serde_json::from_str(short).expect("JSON");
        let unfold = |item: Value| {
            if item.is_string() {
                last["choices"][0]["delta"]["content"] = item;
            } else {
                *last = item;
            }
            last.clone()
        };
        items.into_iter().map(unfold).collect()
    }

    fn chunks(lines: &[&str]) -> Chunks {
        let mut chunks = Chunks::default();
        lines.iter().for_each(|line| chunks.push(line));
        chunks
    }

    const SHAPES: [&str; 9] = [
        r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"@"},"finish_reason":null}]}"#,
        r#"{"id":"b","choices":[{"index":0,"delta":{"content":"@"}}],"usage":null}"#,
        r#"{"id":"a","choices":[{"index":0,"delta":{"content":"@","images":[{}]}}]}"#,
        r#"{"id":"a","choices":[{"index":0,"delta":{"content":"@"},"logprobs":{}}]}"#,
        r#"{"id":"a","choices":[{"delta":{"content":"@"}},{"delta":{"content":"@"}}]}"#,
        r#"{"choices":[{"delta":{"content":"@","content":"last"}}]}"#,
        r#"{"choices":[{"delta":{"content":"@"}}],"choices":0}"#,
        r#"{"choices":[{"delta":{"content":"@"}}],"c\u0068oices":[]}"#,
        r#"{"choices":[],"content":"@"}"#,
    ];
    const TEXTS: [&str; 6] = ["", "word ", "é🦀", r#"\"\\"#, r"\u00e9}", "]}"];

    #[test]
    fn the_short_json_gives_the_same_chunks() {
        for first in SHAPES {
            for second in SHAPES {
                let shapes = [first, first, second, first, second, second, second];
                let text = |at: usize| TEXTS[at % TEXTS.len()];
                let lines: Vec<String> =
                    shapes.iter().enumerate().map(|(at, shape)| shape.replace('@', text(at))).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let expected: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
                for cut in 0..lines.len() {
                    let (mut brief, mut last) = (Brief::default(), Value::Null);
                    let mut seen = unfolded(&brief.write(&chunks(&lines[..cut])), &mut last);
                    seen.extend(unfolded(&brief.write(&chunks(&lines[cut..])), &mut last));
                    assert_eq!(seen, expected, "cut at {cut}: {lines:?}");
                }
            }
        }
    }

    #[test]
    fn only_a_chunk_that_differs_in_its_text_alone_is_short() {
        let last = |shape: &str| {
            let short = Brief::default().write(&chunks(&[&shape.replace('@', "one"), &shape.replace('@', "two")]));
            serde_json::from_str::<Vec<Value>>(&short).expect("JSON").pop()
        };
        let brief: Vec<bool> = SHAPES.iter().map(|shape| last(shape) == Some(json!("two"))).collect();
        assert_eq!(brief, [true, true, false, false, false, false, false, false, false]);
    }
}
