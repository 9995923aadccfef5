//! What becomes of an attempt that has ended: an answer, the same again, the next model, or the end of the call.

use super::outcome::{Answer, Kept, Outcome, answer_of};
use super::{Action, Call, Phase};
use crate::Millis;
use crate::attempt::{Attempt, Body, read_whole};
use crate::breaker::Lesson;
use crate::chunk::Accumulator;
use crate::failure::{Again, Failure, Kind, Next, by_status};
use crate::json::{Json, decimal};
use crate::policy::Soft;
use crate::report::Usd;
use crate::request::Lane;
use crate::upstream::Dialect;
use crate::verdict::judge;

#[derive(Debug)]
enum Verdict {
    Passed,
    /// No answer at all.
    Broken(Failure),
    /// An answer that a rule did not pass.
    Soft(Failure, Soft),
}

impl Call {
    /// The body has ended, or said that it is done: what is it worth?
    pub(super) fn conclude(&mut self, now: Millis) {
        let wall = self.wall(now);
        let Phase::Running(attempt) = &mut self.phase else { return };
        if let Some(failure) = attempt.refused(wall) {
            return self.fail(failure, now);
        }
        let mut whole = None;
        match &attempt.body {
            Body::Whole(bytes) => {
                let (completion, events) = read_whole(bytes, attempt.reads(), self.request.stream, wall);
                attempt.body = Body::Events(events);
                whole = Some(completion);
            }
            Body::Events(_) => {}
            Body::Awaited | Body::Error { .. } => {
                return self.fail(Failure::new(Kind::Network, "the connection ended before an answer"), now);
            }
        }
        match self.judge_answer(whole.is_some()) {
            Verdict::Passed => self.succeed(whole, now),
            Verdict::Broken(failure) => self.fail(failure, now),
            Verdict::Soft(failure, action) => self.fail_softly(failure, action, whole, now),
        }
    }

    fn judge_answer(&mut self, whole: bool) -> Verdict {
        let Phase::Running(attempt) = &mut self.phase else { return Verdict::Passed };
        let judged_there = attempt.judged_there;
        let Some(events) = attempt.events() else { return Verdict::Passed };
        if let Some(failure) = events.failure.take() {
            return Verdict::Broken(failure);
        }
        let answer = &events.answer;
        // A completion in one piece may leave its finish reason out; a stream may not, or a cut would look complete.
        if !whole && !answer.is_finished() {
            return Verdict::Broken(Failure::cut());
        }
        if events.malformed > 0 && answer.has_broken_tool_call() {
            let message = "an event was unreadable, and a tool call has a hole where it was";
            return Verdict::Broken(Failure::new(Kind::BadResponse, message));
        }
        if self.committed || judged_there {
            return Verdict::Passed;
        }
        match judge(answer, self.request.wants_json && !self.request.stream, &self.policy) {
            Some((failure, action)) => Verdict::Soft(failure, action),
            None => Verdict::Passed,
        }
    }

    /// The answer is the reader's, or about to be: says so in the report.
    pub(super) fn note_served(&mut self) -> usize {
        let served = self.note_answer();
        let row = self.report.attempts.last();
        self.report.model = row.and_then(|row| row.model.clone().or_else(|| row.models.first().cloned()));
        self.report.fallback = self.chain.candidates[self.chain.cursor + served].place != 0;
        served
    }

    /// Writes what the answer says about itself into its row. The place in the window of the model that served; the
    /// first, where the name is not known.
    fn note_answer(&mut self) -> usize {
        let Phase::Running(attempt) = &self.phase else { return 0 };
        let window = &self.chain.candidates[self.chain.cursor..][..attempt.window];
        let row = self.report.attempts.last_mut().expect("an attempt has a row from the moment it is sent");
        let Some(answer) = attempt.answer() else {
            row.inside = inside(attempt.error_body().unwrap_or(Json::NULL).get("openrouter_metadata"));
            return 0;
        };
        let served = answer.model();
        let matched = served.and_then(|served| window.iter().position(|candidate| candidate.answers_to(served)));
        row.unmatched = matched.is_none() && served.is_some();
        row.model = served.map(Into::into);
        row.provider = answer.provider().map(Into::into);
        row.cost = answer.usage().and_then(|usage| usage.get("cost").trillionths()).map(Usd);
        if let Some(id) = answer.id().filter(|id| id.starts_with("gen-")) {
            row.generation_id = Some(id.into());
        }
        if let Some(metadata) = answer.metadata() {
            row.inside = inside(metadata);
        }
        matched.unwrap_or(0)
    }

    /// Closes the row of the attempt that runs.
    fn close(&mut self, failure: Option<Failure>, now: Millis) {
        let Phase::Running(attempt) = &self.phase else { return };
        let (id, age, open) = (attempt.id, attempt.age(now), attempt.open);
        let row = self.row();
        row.duration = Some(age);
        row.failure = failure;
        if open {
            self.actions.push_back(Action::Cancel { attempt: id });
        }
    }

    fn succeed(&mut self, whole: Option<String>, now: Millis) {
        let served = self.note_served();
        self.learn_success(served);
        self.note_malformed();
        self.close(None, now);
        self.report.accepted = true;
        self.report.settle();
        let report = self.report.to_json(None);
        let Phase::Running(mut attempt) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        let Some(events) = attempt.events() else { return };
        events.annotate(&report);
        let chunks = std::mem::take(&mut events.waiting);
        // A relayed body has gone over by itself; one that never committed has not.
        let gone_over = self.committed && self.request.lane == Lane::Relay;
        if self.request.stream && !gone_over && !chunks.is_empty() {
            self.actions.push_back(Action::Yield(chunks));
        }
        let edge_report = attempt.answer().and_then(Accumulator::report).map(Into::into);
        self.finish(Ok(answer_of(whole, *attempt)), None, edge_report);
    }

    fn note_malformed(&mut self) {
        let Phase::Running(attempt) = &mut self.phase else { return };
        let Some(events) = attempt.events() else { return };
        if events.malformed > 0 {
            let warning = [&decimal(events.malformed.into()), " unreadable events of the stream were skipped"].concat();
            self.report.warnings.push(warning);
        }
    }

    /// An answer came and did not pass a rule.
    fn fail_softly(&mut self, failure: Failure, action: Soft, whole: Option<String>, now: Millis) {
        let served = self.note_answer();
        self.close(Some(failure.clone()), now);
        let Phase::Running(attempt) = std::mem::replace(&mut self.phase, Phase::Ready) else { return };
        self.keep_best(failure.kind, *attempt, whole, served);
        // The models before the one that served have failed inside the window.
        self.chain.cursor += served;
        self.last = Some(failure.clone());
        match action {
            Soft::Fail => self.finish(Err(failure), None, None),
            Soft::Retry if self.may_repeat() => self.repeat(self.backoff(), now),
            Soft::Retry | Soft::Next | Soft::Accept => self.chain.cursor += 1,
        }
    }

    /// The first answer that failed only softly stays, unless there is nothing in it.
    fn keep_best(&mut self, kind: Kind, mut attempt: Attempt, whole: Option<String>, served: usize) {
        let nothing_said = attempt.answer().is_none_or(|answer| answer.is_blank() && answer.refusal().is_empty());
        if self.kept.is_some() || kind == Kind::Empty || nothing_said {
            return;
        }
        let chunks = attempt.events().map(|events| std::mem::take(&mut events.waiting)).unwrap_or_default();
        let candidate = &self.chain.candidates[self.chain.cursor + served];
        let model = attempt.answer().and_then(Accumulator::model).unwrap_or(&candidate.model).to_owned();
        let place = candidate.place;
        self.kept = Some(Kept { answer: answer_of(whole, attempt), chunks, model, place });
    }

    /// The attempt that runs has failed: ask the same again, ask the next, or give up.
    pub(super) fn fail(&mut self, failure: Failure, now: Millis) {
        let Phase::Running(attempt) = &self.phase else { return };
        let (window, committed, began) = (attempt.window, self.committed, attempt.began_to_answer());
        let served = self.note_answer();
        self.learn_failure(&failure, window);
        // Inside a native window nobody follows on a model that began to answer: those behind it were not asked.
        let tried = if began { served + 1 } else { window };
        if committed {
            return self.give_up(failure, now);
        }
        self.close(Some(failure.clone()), now);
        let upstream = self.chain.candidates[self.chain.cursor].upstream;
        let edge = self.upstreams[upstream].dialect == Dialect::Edge;
        if edge && failure.kind != Kind::Network {
            let edge_report = self.edge_report();
            return self.finish(Err(failure), None, edge_report);
        }
        self.phase = Phase::Ready;
        self.last = Some(failure.clone());
        match self.wait_before_same(&failure, tried) {
            Some(wait) => self.repeat(wait, now),
            None => self.move_on(failure, tried, upstream, now),
        }
    }

    /// How long to wait before the same window is asked again; nothing if it is not.
    fn wait_before_same(&self, failure: &Failure, tried: usize) -> Option<Millis> {
        let has_next = self.chain.candidates.len() > self.chain.cursor + tried;
        // A window of several has fallen back already: those behind it come first.
        if !self.may_repeat() || (tried > 1 && has_next) {
            return None;
        }
        let named = failure.retry_after;
        match failure.kind.again() {
            Again::Never => None,
            Again::AfterNamedWait => named.filter(|wait| *wait <= self.policy.retry.max_wait),
            Again::AfterPause if named.is_some_and(|wait| wait > self.policy.retry.max_wait) => None,
            Again::AfterPause => Some(named.unwrap_or(0).max(self.backoff())),
        }
    }

    fn may_repeat(&self) -> bool {
        let budget = self.report.attempts.len() < self.policy.attempts as usize;
        budget && self.chain.candidates[self.chain.cursor].repeated < self.policy.retry.same
    }

    fn backoff(&self) -> Millis {
        let repeated = self.chain.candidates[self.chain.cursor].repeated;
        self.policy.backoff(repeated, self.seed.wrapping_add(self.report.attempts.len() as u64))
    }

    fn repeat(&mut self, wait: Millis, now: Millis) {
        self.chain.candidates[self.chain.cursor].repeated += 1;
        self.phase = Phase::Pausing { until: now + wait };
    }

    fn move_on(&mut self, failure: Failure, tried: usize, upstream: usize, now: Millis) {
        match failure.kind.next() {
            Next::Never => self.give_up(failure, now),
            _ if failure.kind == Kind::ContentFilter && self.policy.on_content_filter == Soft::Fail => {
                self.finish(Err(failure), None, None);
            }
            Next::OtherUpstream => self.chain.skip_upstream(upstream),
            Next::LargerWindow => {
                self.chain.keep_larger(tried, &mut self.report);
                self.chain.cursor += tried;
            }
            Next::Any if matches!(failure.kind, Kind::UnknownModel | Kind::NoEndpoint) => {
                self.chain.remove_unknown(tried, &failure, &mut self.report);
            }
            Next::Any => self.chain.cursor += tried,
        }
    }

    /// Nobody is left to ask, or no attempt.
    pub(super) fn exhaust(&mut self, now: Millis) {
        let nobody = || Failure::new(Kind::NoEndpoint, "no model of the chain is left to ask");
        let failure = self.last.take().unwrap_or_else(nobody);
        self.give_up(failure, now);
    }

    pub(super) fn abort(&mut self, now: Millis) {
        if !matches!(self.phase, Phase::Over) {
            // What was closed is still to be closed.
            self.actions.retain(|action| matches!(action, Action::Cancel { .. }));
            self.kept = None;
            self.give_up(Failure::new(Kind::Aborted, "the caller aborted the call"), now);
        }
    }

    /// Ends the call, whatever is under way: with the best answer so far, else with `failure`.
    pub(super) fn give_up(&mut self, failure: Failure, now: Millis) {
        let (mut partial, mut edge_report) = (None, None);
        if let Phase::Running(attempt) = &self.phase {
            partial = attempt.answer().map(Accumulator::text).filter(|text| !text.is_empty()).map(Into::into);
            edge_report = self.edge_report();
            self.note_answer();
            self.close(Some(failure.clone()), now);
        }
        match self.kept.take() {
            Some(kept) if !self.committed => self.settle_for(kept),
            Some(_) | None => self.finish(Err(failure), partial, edge_report),
        }
    }

    /// No answer passed every rule; this is the best.
    fn settle_for(&mut self, kept: Kept) {
        self.report.model = Some(kept.model);
        self.report.fallback = kept.place != 0;
        if self.request.stream {
            self.committed = true;
            self.actions.push_back(Action::Yield(kept.chunks));
        }
        self.finish(Ok(kept.answer), None, None);
    }

    pub(super) fn finish(
        &mut self,
        result: Result<Answer, Failure>,
        partial: Option<String>,
        edge_report: Option<String>,
    ) {
        self.report.settle();
        self.phase = Phase::Over;
        let lessons = std::mem::take(&mut self.lessons);
        let mut unused_probes = std::mem::take(&mut self.chain.probes);
        unused_probes.retain(|probe| !lessons.iter().any(|lesson| lesson.name == *probe));
        let report = self.report.clone();
        let outcome = Outcome { result, partial, report, edge_report, lessons, unused_probes };
        self.actions.push_back(Action::Done(Box::new(outcome)));
    }

    /// The one that served has; those before it in the window failed, as far as the upstream tells.
    fn learn_success(&mut self, served: usize) {
        self.learn_inside(served);
        if !self.report.attempts.last().is_some_and(|row| row.unmatched) {
            let name = self.chain.candidates[self.chain.cursor + served].breaker.clone();
            self.lessons.push(Lesson { name, failure: None });
        }
    }

    /// A breaker learns from what is the model's fault and was seen. Of a native window, that is what the upstream tells.
    fn learn_failure(&mut self, failure: &Failure, window: usize) {
        let Phase::Running(attempt) = &self.phase else { return };
        let blameless = self.slept || (self.request.callers_clocks && failure.kind.is_late());
        if blameless || attempt.judged_there || !failure.kind.is_models_fault() {
            return;
        }
        if window > 1 {
            return self.learn_inside(window);
        }
        let name = self.chain.candidates[self.chain.cursor].breaker.clone();
        self.lessons.push(Lesson { name, failure: Some(failure.clone()) });
    }

    /// The first `count` models of the window failed natively: the last status told of each counts.
    fn learn_inside(&mut self, count: usize) {
        let inside = self.report.attempts.last().map_or(&[][..], |row| &row.inside);
        for candidate in &self.chain.candidates[self.chain.cursor..][..count] {
            let about = |row: &Json<'_>| row.get("model").text().is_some_and(|model| candidate.answers_to(&model));
            let told = inside.iter().rev().filter_map(|row| Json::parse(row)).find(about);
            let status = told.and_then(|row| u16::try_from(row.get("status").whole()?).ok());
            let status = status.filter(|status| *status >= 400);
            let Some(kind) = status.map(by_status).filter(|kind| kind.is_models_fault()) else { continue };
            let failure = Failure { status, ..Failure::new(kind, "failed inside a native window") };
            self.lessons.push(Lesson { name: candidate.breaker.clone(), failure: Some(failure) });
        }
    }
}

/// What a native window tried, as its metadata tells; each on one line, as a report is told in a comment of a stream too.
fn inside(metadata: Json<'_>) -> Vec<String> {
    metadata.get("attempts").items().map(|attempt| attempt.raw().replace(['\n', '\r'], " ")).collect()
}
