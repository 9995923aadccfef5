//! What the generators of all protocols have in common.

use super::super::random::Random;
use serde_json::{Value, json};

/// One of `all`.
pub(super) fn one<T: Clone>(random: &mut Random, all: &[T]) -> T {
    all[random.below(all.len())].clone()
}

/// A text that is not blank, with characters that are hard to write.
pub(super) fn text(random: &mut Random) -> String {
    format!("t{}", random.text())
}

/// An object, as the arguments of a call.
pub(super) fn arguments(random: &mut Random) -> Value {
    match random.below(4) {
        0 => json!({}),
        1 => json!({"z": 1, "a": [1.5, null, {"b": random.text()}], "n": 12_345_678_901_234_567_890_u64}),
        _ => json!({"city": random.text()}),
    }
}

/// Sets `name` once in `of` times.
pub(super) fn maybe(random: &mut Random, of: usize, object: &mut Value, name: &str, value: impl Into<Value>) {
    if random.once_in(of) {
        object[name] = value.into();
    }
}

/// The ids of the calls of one conversation, each once.
#[derive(Default)]
pub(super) struct Ids(usize);

impl Ids {
    pub(super) fn next(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{}", self.0)
    }
}

pub(super) const PNG: &str = "iVBORw0KGgo=";
pub(super) const PDF: &str = "JVBERi0=";
