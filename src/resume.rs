//! Where a new answer resumes the text that a reader already has.
//!
//! A model that was asked to *continue* usually goes on after the text. It may also repeat the last words, or begin again.
//! A model that was asked to *restart* resumes only if its answer begins with the whole text.

use crate::text::trim_end;

/// A continuation is compared with the text once this many of its bytes have come.
const COMPARED: usize = 48;

/// A continuation that begins with the last words of the text repeats them, if they have at least this many bytes. Fewer
/// bytes may be in an answer twice.
const REPETITION: usize = 20;

/// How far a new answer has resumed the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// The model was asked to continue, and too little has come to see whether it does.
    Continuing,
    /// The model answers from the beginning, and has not come to the end of the text.
    Restarting,
    /// The answer goes on with the text. The reader has, or does not need, this many bytes of the answer.
    Resumed(usize),
    /// The answer does not go on with the text. That is no fault of the model, and another model may say something else.
    Diverged,
}

/// The new answer does not go on with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divergence;

impl Resume {
    /// The next state, when `answer` has come so far. `is_complete`: nothing more comes.
    pub(crate) fn compare(self, text: &str, answer: &str, is_complete: bool) -> Result<Self, Divergence> {
        match self {
            Self::Continuing => continued(text, answer, is_complete),
            Self::Restarting => restarted(text, answer, is_complete),
            Self::Resumed(_) | Self::Diverged => Ok(self),
        }
    }
}

/// Where the continuation `answer` of `text` begins to be new.
fn continued(text: &str, answer: &str, is_complete: bool) -> Result<Resume, Divergence> {
    if answer.len() < COMPARED && !is_complete {
        return Ok(Resume::Continuing);
    }
    let beginning = text.len().min(COMPARED);
    if answer.as_bytes().starts_with(&text.as_bytes()[..beginning]) {
        return restarted(text, answer, is_complete);
    }
    let ends = answer.char_indices().map(|(at, character)| at + character.len_utf8());
    let repeated = ends.take_while(|end| *end <= text.len()).filter(|end| text.ends_with(&answer[..*end])).last();
    if let Some(repeated) = repeated.filter(|length| *length >= REPETITION) {
        return Ok(Resume::Resumed(repeated));
    }
    // The prefill had no white space at its end, because some models refuse a prefill with white space there.
    let blank = &text[trim_end(text).len()..];
    let common = blank.chars().zip(answer.chars()).take_while(|(a, b)| a == b);
    Ok(Resume::Resumed(common.map(|(character, _)| character.len_utf8()).sum()))
}

/// Where `answer`, which has to begin with `text`, begins to be new.
fn restarted(text: &str, answer: &str, is_complete: bool) -> Result<Resume, Divergence> {
    if answer.starts_with(text) {
        return Ok(Resume::Resumed(text.len()));
    }
    if text.starts_with(answer) && !is_complete { Ok(Resume::Restarting) } else { Err(Divergence) }
}

#[cfg(test)]
mod tests {
    use super::{Divergence, Resume, continued, restarted};

    #[test]
    fn a_continuation_resumes_after_the_text() {
        let text = "The quick brown fox jumps over the lazy dog and then it ";
        for (answer, skipped) in [
            ("sleeps for the rest of the day, as foxes do when", 0),
            (" sleeps for the rest of the day, as foxes do when", 1),
            ("the lazy dog and then it sleeps for the rest of the day", 25),
            ("The quick brown fox jumps over the lazy dog and then it sleeps", 56),
        ] {
            assert_eq!(continued(text, answer, false), Ok(Resume::Resumed(skipped)), "{answer}");
        }
        assert_eq!(continued(text, "sle", false), Ok(Resume::Continuing));
        assert_eq!(continued("word word4", "4 word45", true), Ok(Resume::Resumed(0)));
        // Both begin with the same two bytes.
        assert_eq!(continued("終わり\u{3000}", "「次」", true), Ok(Resume::Resumed(0)));
    }

    #[test]
    fn an_answer_from_the_beginning_resumes_only_behind_the_whole_text() {
        assert_eq!(restarted("one two", "one", false), Ok(Resume::Restarting));
        assert_eq!(restarted("one two", "one two three", false), Ok(Resume::Resumed(7)));
        assert_eq!(restarted("one two", "one three", false), Err(Divergence));
        assert_eq!(restarted("one two", "one", true), Err(Divergence));
    }
}
