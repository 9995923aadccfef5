//! Reasoning as blocks that go back to the model as they came: their pieces are joined, nothing is lost.

use crate::json::{Json, Object, array};

/// The fields whose text goes on from piece to piece.
const GROWING: [&str; 3] = ["text", "summary", "data"];

/// One block: fields as JSON text, but for the one that grows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Detail {
    fields: Vec<(String, String)>,
    growing: Option<(String, String)>,
}

/// The blocks of one choice, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Details(Vec<Detail>);

impl Details {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Pieces of one block carry the same index and type.
    pub(super) fn feed(&mut self, piece: Json<'_>) {
        let same = |detail: &Detail| ["index", "type"].iter().all(|name| detail.field(name) == piece.get(name).raw());
        if !self.0.last().is_some_and(same) {
            self.0.push(Detail::default());
        }
        let Some(detail) = self.0.last_mut() else { return };
        for (name, value) in piece.fields().filter(|(_, value)| !value.is_null()) {
            detail.take(&name.text().unwrap_or_default(), value);
        }
    }

    /// JSON text, as in a message.
    pub(super) fn completed(&self) -> String {
        array(self.0.iter().map(|detail| {
            let mut json = Object::default();
            for (name, value) in &detail.fields {
                json.raw(name, value);
            }
            if let Some((name, text)) = &detail.growing {
                json.text(name, text);
            }
            json.end()
        }))
    }
}

impl Detail {
    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("null", |(_, value)| value)
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        if let (true, Some(text)) = (GROWING.contains(&name), value.text()) {
            let (_, growing) = self.growing.get_or_insert_with(|| (name.into(), String::new()));
            return growing.push_str(&text);
        }
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.raw().into(),
            None => self.fields.push((name.into(), value.raw().into())),
        }
    }
}
