//! Who reads the stream: what came to it, by either way.

use failsoft::Chunks;
use serde_json::Value;

/// What a reader has got since it was last told to start over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// The text of the first choice, read from the chunks themselves.
    pub(crate) text: String,
    /// The ids of the answers whose chunks came.
    pub(crate) ids: Vec<String>,
    /// Chunks of a kind that tells the usage and nothing else.
    pub(crate) usages: Vec<Value>,
    pub(crate) chunks: usize,
    /// How often it was told to start over.
    pub(crate) restarts: usize,
    /// The bytes that came as they were.
    pub(crate) relayed: Vec<u8>,
}

impl Reader {
    /// What is wrong with these chunks, if anything is.
    pub(crate) fn take(&mut self, chunks: &Chunks) -> Result<(), String> {
        let mut before = self.text.len();
        for line in chunks.iter() {
            let chunk: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            self.chunks += 1;
            if chunk["object"] == "failsoft.restart" {
                (self.restarts, before) = (self.restarts + 1, 0);
                self.text.clear();
            }
            self.take_chunk(&chunk);
            let choices = chunk["choices"].as_array().is_some_and(|choices| !choices.is_empty());
            if chunk["usage"].is_object() && !choices {
                self.usages.push(chunk);
            }
        }
        let (read, text) = (&self.text[before..], chunks.text());
        if read == text { Ok(()) } else { Err(format!("the chunks say {read:?}, their text is {text:?}")) }
    }

    fn take_chunk(&mut self, chunk: &Value) {
        if let Some(id) = chunk["id"].as_str().filter(|id| !self.ids.iter().any(|known| known == id)) {
            self.ids.push(id.into());
        }
        for choice in chunk["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"] == 0) {
            match &choice["delta"]["content"] {
                Value::String(text) => self.text.push_str(text),
                Value::Array(parts) => {
                    parts.iter().filter_map(|part| part["text"].as_str()).for_each(|text| self.text.push_str(text))
                }
                _ => {}
            }
        }
    }
}
