//! A stream that breaks after its commit point, and goes on.
//!
//! What a reader has got cannot be taken back, so a new answer is joined to it: by a model that continues what was said,
//! or where an answer from the beginning comes to the end of what was said. What the reader gets always stays the
//! beginning of the whole. Never with tool calls or JSON under way: half of such a thing is not text.

use super::{Action, Call};
use crate::attempt::Attempt;
use crate::chain::Batch;
use crate::chunk::{Accumulator, Chunks};
use crate::failure::{Failure, Kind, NextModel};
use crate::json::Json;
use crate::policy::Recover;
use crate::request::{Lane, UsageChunk};
use crate::text::{is_blank, trim_end};

/// So much of a continuation is looked at before it is believed to be one, in bytes.
const LOOKED_AT: usize = 48;

/// What is repeated from the end of what was said counts as a repetition from here on, in bytes. Shorter than that, words
/// may well say themselves twice.
const REPETITION: usize = 20;

/// How a new answer is joined to what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// The model was asked to continue: it may also begin again, or repeat the last words.
    Continuing,
    /// It was asked anew: it has to come by what was said.
    Restarting,
    /// It goes on; so many bytes of it are with the reader, or need not be.
    Joined(usize),
    /// It does not go on from there, which is nobody's fault: another model may well say something else.
    Elsewhere,
}

/// An answer of several attempts.
#[derive(Debug)]
pub(super) struct Joined {
    /// What the reader has got.
    pub(super) answer: Accumulator,
    /// Why the first stream broke.
    pub(super) broke: Box<Failure>,
}

impl Call {
    /// After the commit point `attempt` has failed: may the answer go on with another?
    pub(super) fn may_recover(&self, attempt: &Attempt, failure: &Failure) -> bool {
        let ours = self.request.stream && self.request.lane() == Lane::Gate && !self.request.as_it_comes;
        let text = attempt.answer().is_some_and(Accumulator::is_text) || attempt.splice.is_some();
        // A request that is refused with a prefill may be taken without.
        let next = failure.kind.next_model() != NextModel::Never
            || (attempt.splice == Some(Resume::Continuing) && failure.kind == Kind::InvalidRequest);
        let wanted = self.policy.recover != Recover::Error && next;
        ours && text && wanted && !attempt.judged_there && !self.request.wants_json
    }

    /// Keeps what `attempt` has said, for others to go on from.
    pub(super) fn keep_said(&mut self, attempt: &mut Attempt, failure: &Failure) {
        let Some(events) = attempt.events() else { return };
        let said = std::mem::take(&mut events.answer);
        match &mut self.joined {
            Some(joined) => joined.answer.add_usage(&said),
            None => {
                let mut answer = said;
                answer.reopen(events.shown);
                self.joined = Some(Joined { answer, broke: Box::new(failure.clone()) });
            }
        }
    }

    /// Who goes on, and how. Whoever is known to continue comes first; models that failed in this call are not asked.
    pub(super) fn successor(&self) -> (Batch, Resume) {
        let said = self.joined.as_ref().is_some_and(|joined| !is_blank(joined.answer.text()));
        let left = || self.chain.candidates.iter().enumerate().filter(|(_, candidate)| !candidate.spent);
        let continues = left().find(|(_, candidate)| candidate.continues());
        match (continues, left().next()) {
            (Some((at, _)), _) if said && self.policy.recover == Recover::Continue => (vec![at], Resume::Continuing),
            (_, Some((at, _))) => (vec![at], Resume::Restarting),
            (_, None) => (Batch::new(), Resume::Restarting),
        }
    }

    /// Gives the reader what the attempt at `at` adds to what was said; `ended`, if nothing more comes of it.
    ///
    /// # Errors
    /// When it does not go on from there.
    pub(super) fn join(&mut self, at: usize, ended: bool) -> Result<(), Box<Failure>> {
        let attempt = &mut self.running[at];
        let (Some(joined), Some(splice), Some(answer)) = (&mut self.joined, attempt.splice, attempt.answer()) else {
            return Ok(());
        };
        let (told, new) = (joined.answer.text(), answer.text());
        let found = match splice {
            _ if !answer.is_text() => Ok(Resume::Elsewhere),
            Resume::Continuing => continued(told, new, ended),
            Resume::Restarting => begun_again(told, new, ended),
            joined @ (Resume::Joined(_) | Resume::Elsewhere) => Ok(joined),
        };
        let found = match found {
            Err(()) if self.policy.restart_event => {
                joined.answer.reopen(0);
                let mut chunks = Chunks::default();
                chunks.push(RESTART);
                self.actions.push_back(Action::Yield(chunks));
                Resume::Joined(0)
            }
            Ok(found) if found != Resume::Elsewhere => found,
            Ok(_) | Err(()) => {
                attempt.splice = Some(Resume::Elsewhere);
                return Err(Failure::new(Kind::Cut, "the stream was cut, and no answer goes on from there"));
            }
        };
        let mut next = found;
        if let Resume::Joined(from) = found
            && let Some(text) = new.get(from..).filter(|text| !text.is_empty())
        {
            next = Resume::Joined(new.len());
            let chunk = joined.answer.chunk(text, answer.model());
            joined.answer.feed(Json::or_null(&chunk));
            let mut chunks = Chunks::default();
            chunks.push_text(text);
            chunks.push(&chunk);
            self.actions.push_back(Action::Yield(chunks));
        }
        attempt.splice = Some(next);
        Ok(())
    }

    /// The last chunks of a joined answer, and the answer.
    pub(super) fn end_joined(&mut self, mut joined: Joined, last: &Accumulator) -> Accumulator {
        joined.answer.add_usage(last);
        let end = joined.answer.end_chunk(last);
        joined.answer.feed(Json::or_null(&end));
        let mut chunks = Chunks::default();
        chunks.push(&end);
        let is_annotated = self.request.usage_chunk == UsageChunk::Annotated;
        let annotation = if is_annotated { Some(self.report.to_json(None)) } else { None };
        if self.request.usage_chunk != UsageChunk::Hidden
            && let Some(usage) = joined.answer.usage_chunk(annotation.as_deref())
        {
            chunks.push(&usage);
        }
        self.actions.push_back(Action::Yield(chunks));
        joined.answer
    }
}

/// A reader that understands it forgets the text before.
const RESTART: &str = r#"{"object":"failsoft.restart","choices":[]}"#;

/// Where the continuation `new` of `told` begins to be new, once so much has come that it can be told.
fn continued(told: &str, new: &str, ended: bool) -> Result<Resume, ()> {
    if new.len() < LOOKED_AT && !ended {
        return Ok(Resume::Continuing);
    }
    let begins = told.len().min(LOOKED_AT);
    if new.as_bytes().starts_with(&told.as_bytes()[..begins]) {
        return begun_again(told, new, ended);
    }
    let ends = new.char_indices().map(|(at, character)| at + character.len_utf8());
    let repeated = ends.take_while(|end| *end <= told.len()).filter(|end| told.ends_with(&new[..*end])).last();
    if let Some(repeated) = repeated.filter(|length| *length >= REPETITION) {
        return Ok(Resume::Joined(repeated));
    }
    // The white space at the end of what was said was not sent along: some models refuse it.
    let behind = &told[trim_end(told).len()..];
    let common = behind.chars().zip(new.chars()).take_while(|(a, b)| a == b);
    Ok(Resume::Joined(common.map(|(character, _)| character.len_utf8()).sum()))
}

/// Where the answer `new` goes beyond `told`, which it has to begin with.
fn begun_again(told: &str, new: &str, ended: bool) -> Result<Resume, ()> {
    if new.starts_with(told) {
        return Ok(Resume::Joined(told.len()));
    }
    if told.starts_with(new) && !ended { Ok(Resume::Restarting) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::{Resume, begun_again, continued};

    #[test]
    fn a_continuation_goes_on_after_what_was_said() {
        let told = "The quick brown fox jumps over the lazy dog and then it ";
        for (new, skipped) in [
            ("sleeps for the rest of the day, as foxes do when", 0),
            (" sleeps for the rest of the day, as foxes do when", 1),
            ("the lazy dog and then it sleeps for the rest of the day", 25),
            ("The quick brown fox jumps over the lazy dog and then it sleeps", 56),
        ] {
            assert_eq!(continued(told, new, false), Ok(Resume::Joined(skipped)), "{new}");
        }
        assert_eq!(continued(told, "sle", false), Ok(Resume::Continuing));
        assert_eq!(continued("word word4", "4 word45", true), Ok(Resume::Joined(0)));
        // Both begin with the same two bytes.
        assert_eq!(continued("終わり\u{3000}", "「次」", true), Ok(Resume::Joined(0)));
    }

    #[test]
    fn an_answer_from_the_beginning_has_to_come_by_what_was_said() {
        assert_eq!(begun_again("one two", "one", false), Ok(Resume::Restarting));
        assert_eq!(begun_again("one two", "one two three", false), Ok(Resume::Joined(7)));
        assert_eq!(begun_again("one two", "one three", false), Err(()));
        assert_eq!(begun_again("one two", "one", true), Err(()));
    }
}
