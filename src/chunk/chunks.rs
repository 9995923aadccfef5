//! Chunks on their way to the reader: the JSON of each on a line, and their text.

use crate::json::on_one_line;
use crate::text::push;

/// Chunks on their way to the reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunks {
    /// The JSON of each chunk, on a line of its own.
    lines: String,
    /// The text of the first choice in them.
    text: String,
}

impl Chunks {
    /// One chunk that came as `json`, without text of the first choice.
    pub(crate) fn one(json: &str) -> Self {
        let mut chunks = Self::default();
        chunks.push(json);
        chunks
    }

    /// Adds a chunk that came as `json`.
    pub(crate) fn push(&mut self, json: &str) {
        on_one_line(json, &mut self.lines);
        self.lines.push('\n');
    }

    /// Adds a chunk with this `text`. Its JSON comes in `pieces` without line ends.
    pub(crate) fn push_pieces(&mut self, pieces: [&str; 3], text: &str) {
        for piece in pieces {
            push(&mut self.lines, piece);
        }
        self.lines.push('\n');
        push(&mut self.text, text);
    }

    pub(crate) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds the chunks of `more`, and leaves `more` empty.
    pub(crate) fn append(&mut self, more: &mut Self) {
        let more = std::mem::take(more);
        self.lines.push_str(&more.lines);
        self.text.push_str(&more.text);
    }

    /// There is no chunk.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The JSON text of the chunks, in order, each followed by a line feed.
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// The JSON text of each chunk, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.split_terminator('\n')
    }

    /// The text of the first choice in these chunks.
    pub fn text(&self) -> &str {
        &self.text
    }

    #[cfg(feature = "browser")]
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    #[cfg(feature = "browser")]
    pub(crate) fn into_lines(self) -> String {
        self.lines
    }

    /// The chunks as server-sent events.
    pub fn to_sse(&self) -> String {
        let mut sse = String::with_capacity(self.lines.len() + 16);
        self.iter().for_each(|chunk| sse.extend(["data: ", chunk, "\n\n"]));
        sse
    }
}
