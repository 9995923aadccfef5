//! The chunks of a chat completion that the events of another protocol become.

use super::marks::{NATIVE, mark};
use crate::json::{Json, Object, array, on_one_line};

/// The longest name that is repeated in every chunk or event of an answer, in bytes: an id or a model. A longer one would make
/// the answer grow out of proportion. A client of the upstream's own protocol gets a longer id of the answer, which is not repeated.
pub(super) const LONGEST_NAME: usize = 1_024;

/// Writes the chunks of one answer.
#[derive(Debug)]
pub(super) struct ChunkWriter {
    /// In seconds since the UNIX epoch.
    created: u64,
    /// The JSON texts of the id and the model.
    id: String,
    model: String,
    /// What stands before and behind each chunk.
    frame: (&'static str, &'static str),
    text: String,
}

impl ChunkWriter {
    /// A writer of server-sent events. `created` is in seconds since the UNIX epoch.
    pub(super) fn events(created: u64) -> Self {
        Self::new(created, ("data: ", "\n\n"))
    }

    /// A writer of the items of a list.
    pub(super) fn items(created: u64) -> Self {
        Self::new(created, ("", ","))
    }

    fn new(created: u64, frame: (&'static str, &'static str)) -> Self {
        Self { created, id: "\"\"".into(), model: "\"\"".into(), frame, text: String::new() }
    }

    /// Sets the id and the model of the chunks that follow, unless they are too long.
    pub(super) fn set_head(&mut self, id: Json<'_>, model: Json<'_>) {
        for (field, value) in [(&mut self.id, id), (&mut self.model, model)] {
            if value.is_string() && value.raw().len() <= LONGEST_NAME {
                *field = value.raw().into();
            }
        }
    }

    /// The text since the last call.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Adds a chunk whose delta has the string `text` as the field `name`, unless it is empty.
    pub(super) fn text(&mut self, name: &str, text: Json<'_>) {
        if text.is_string() && !text.is_null_or_empty() {
            self.delta(&Object::default().raw(name, text.raw()).end());
        }
    }

    /// Adds a chunk whose delta has a list with the JSON text `item` as the field `name`.
    pub(super) fn item(&mut self, name: &str, item: &str) {
        self.delta(&Object::default().raw(name, &array([item])).end());
    }

    /// Adds a chunk with a mark.
    pub(super) fn mark(&mut self, name: &str, value: &str, at: u64) {
        self.item(NATIVE, &mark(name, value, at));
    }

    /// Adds a chunk with a delta, as JSON text.
    pub(super) fn delta(&mut self, delta: &str) {
        self.choice(&Object::default().raw("delta", delta).raw("finish_reason", "null").end());
    }

    /// Adds a chunk with the fields of the object `choice`.
    pub(super) fn choice(&mut self, choice: &str) {
        self.chunk(&array([Object::default().whole("index", 0).fields(choice).end()]), None);
    }

    /// Adds the chunk with the usage.
    pub(super) fn usage(&mut self, usage: &str) {
        self.chunk("[]", Some(usage));
    }

    fn chunk(&mut self, choices: &str, usage: Option<&str>) {
        let mut json = Object::default();
        json.raw("id", &self.id).text("object", "chat.completion.chunk").whole("created", self.created);
        let json = json.raw("model", &self.model).raw("choices", choices).maybe_raw("usage", usage).end();
        self.push(&json);
    }

    /// Adds a chunk that is an error.
    pub(super) fn error(&mut self, error: &str) {
        let json = Object::default().raw("error", error).end();
        self.push(&json);
    }

    /// Adds the mark that ends a stream. A list needs none.
    pub(super) fn end(&mut self) {
        if !self.frame.0.is_empty() {
            self.push("[DONE]");
        }
    }

    fn push(&mut self, data: &str) {
        self.text.push_str(self.frame.0);
        on_one_line(data, &mut self.text);
        self.text.push_str(self.frame.1);
    }

    /// Adds a comment to the events.
    pub(super) fn comment(&mut self, comment: &str) {
        self.text.extend([": ", comment, "\n"]);
    }
}
