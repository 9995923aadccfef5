//! How a stream that breaks after its commit point goes on.
//!
//! The reader keeps the text so far. Another attempt goes on with it: a model that continues the text, or a model whose
//! answer from the beginning comes to the end of the text (`resume.rs`). What the reader has is always the beginning of the
//! whole answer. A stream with tool calls or JSON does not recover, because half of a tool call or of a JSON value is not
//! text.

use super::{Action, Call, Phase};
use crate::attempt::Attempt;
use crate::chain::Batch;
use crate::chunk::{Accumulator, Chunks};
use crate::failure::{Failure, Kind, NextModel};
use crate::json::Json;
use crate::policy::Recover;
use crate::request::UsageChunk;
use crate::resume::{Divergence, Resume};
use crate::role::Role;
use crate::text::is_blank;

/// This event tells a reader to forget the text so far.
const RESTART: &str = r#"{"object":"failsoft.restart","choices":[]}"#;

/// A stream that broke, and what came of it since.
#[derive(Debug)]
pub(super) struct Recovery {
    /// The answer that the reader has.
    pub(super) answer: Accumulator,
    /// Why the first stream broke.
    pub(super) broke: Box<Failure>,
}

impl Call {
    /// `attempt` has failed after the commit point. May other attempts go on with its answer?
    pub(super) fn may_recover(&self, attempt: &Attempt, failure: &Failure) -> bool {
        let is_possible =
            self.request.stream && self.request.lane().judges_chunks() && !self.request.as_it_comes && !attempt.by_edge;
        let is_text = attempt.answer().is_some_and(Accumulator::is_text) || attempt.role.is_recovery();
        // A model that refuses a request with a prefill may accept the request without a prefill.
        let refused_prefill = attempt.resume == Some(Resume::Continuing) && failure.kind == Kind::InvalidRequest;
        let has_next = failure.kind.next_model() != NextModel::Never || refused_prefill;
        is_possible && is_text && has_next && self.policy.recover != Recover::Error && !self.request.wants_json
    }

    /// Keeps the answer of `attempt`, so that other attempts can go on with it.
    pub(super) fn keep_text(&mut self, attempt: &mut Attempt, failure: &Failure) {
        let Some(events) = attempt.events() else { return };
        let mut answer = std::mem::take(&mut events.answer);
        match &mut self.phase {
            Phase::Recovering(recovery) => recovery.answer.add_usage(&answer),
            Phase::Trying | Phase::Committed | Phase::Scoring(_) | Phase::Over(_) => {
                answer.reopen(events.shown);
                self.phase = Phase::Recovering(Recovery { answer, broke: Box::new(failure.clone()) });
            }
        }
    }

    /// The candidate that goes on with the answer, and in which role. Models that failed in this call are not asked.
    pub(super) fn next_recovery(&self, recovery: &Recovery) -> (Batch, Role) {
        let wants_prefill = self.policy.recover == Recover::Continue && !is_blank(recovery.answer.text());
        match self.chain.next_for_recovery(wants_prefill) {
            Some((at, true)) => (vec![at], Role::Continue),
            Some((at, false)) => (vec![at], Role::Restart),
            None => (Batch::new(), Role::Restart),
        }
    }

    /// Gives the reader what the attempt at `at` adds to the text. `is_complete`: nothing more comes of the attempt.
    ///
    /// # Errors
    /// If its answer does not go on with the text.
    pub(super) fn resume(&mut self, at: usize, is_complete: bool) -> Result<(), Box<Failure>> {
        let attempt = &mut self.running[at];
        let (Phase::Recovering(recovery), Some(before), Some(answer)) =
            (&mut self.phase, attempt.resume, attempt.answer())
        else {
            return Ok(());
        };
        let new = answer.text();
        let compared = if answer.is_text() {
            before.compare(recovery.answer.text(), new, is_complete)
        } else {
            Ok(Resume::Diverged)
        };
        let mut resume = match compared {
            Err(Divergence) if self.policy.restart_event => {
                recovery.answer.reopen(0);
                self.actions.push_back(Action::Yield(Chunks::one(RESTART)));
                Resume::Resumed(0)
            }
            Ok(resume) if resume != Resume::Diverged => resume,
            Ok(_) | Err(Divergence) => {
                attempt.resume = Some(Resume::Diverged);
                let message = "the stream was cut, and no other answer goes on with its text";
                return Err(Failure::new(Kind::Cut, message));
            }
        };
        if let Resume::Resumed(from) = resume
            && let Some(text) = new.get(from..).filter(|text| !text.is_empty())
        {
            resume = Resume::Resumed(new.len());
            let chunk = recovery.answer.chunk(text, answer.model());
            recovery.answer.feed(Json::or_null(&chunk));
            let mut chunks = Chunks::one(&chunk);
            chunks.push_text(text);
            self.actions.push_back(Action::Yield(chunks));
        }
        attempt.resume = Some(resume);
        Ok(())
    }

    /// Gives the reader the last chunks of a recovered answer. Returns the whole answer.
    pub(super) fn end_recovery(&mut self, recovery: Recovery, last: &Accumulator) -> Accumulator {
        let mut answer = recovery.answer;
        answer.add_usage(last);
        let end = answer.end_chunk(last);
        answer.feed(Json::or_null(&end));
        let mut chunks = Chunks::one(&end);
        let is_annotated = self.request.usage_chunk == UsageChunk::Annotated;
        let report = if is_annotated { Some(self.report.to_json(None)) } else { None };
        if self.request.usage_chunk != UsageChunk::Hidden
            && let Some(usage) = answer.usage_chunk(last, report.as_deref())
        {
            chunks.push(&usage);
        }
        self.actions.push_back(Action::Yield(chunks));
        answer
    }
}
