//! The reader of the stream: what it received, as chunks or as relayed bytes.

use failsoft::Chunks;
use serde_json::Value;

/// What the reader received since the last restart event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// The text of the first choice, read from the chunks themselves.
    pub(crate) text: String,
    /// The ids in the chunks.
    pub(crate) ids: Vec<String>,
    /// Chunks that contain the usage and no choice.
    pub(crate) usages: Vec<Value>,
    pub(crate) chunks: usize,
    /// The number of restart events.
    pub(crate) restarts: usize,
    /// The relayed bytes.
    pub(crate) relayed: Vec<u8>,
}

impl Reader {
    /// Takes the chunks. The error describes what is wrong with them.
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
        if read == text { Ok(()) } else { Err(format!("the chunks contain {read:?}, their text() is {text:?}")) }
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
