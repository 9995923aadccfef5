//! What becomes of an attempt that has ended: an answer, the same again, the next model, or the end of the call.

use std::sync::Arc;

use super::judging::rank;
use super::outcome::{Answer, Kept, Outcome};
use super::{Action, Call, Splice};
use crate::Millis;
use crate::attempt::{Attempt, Body, read_whole};
use crate::breaker::Lesson;
use crate::chain::Chain;
use crate::chunk::Accumulator;
use crate::failure::{Again, Failure, Kind, Next, by_status};
use crate::json::{Json, decimal, on_one_line};
use crate::policy::Soft;
use crate::report::{AttemptReport, Report, Usd};
use crate::request::Lane;
use crate::text::text;
use crate::verdict::{json_within, judge};

impl Call {
    /// The body of the attempt at `at` has ended, or said that it is done: what is it worth?
    pub(super) fn conclude(&mut self, at: usize, now: Millis) {
        let attempt = &mut self.running[at];
        if let Body::Whole(bytes) = &attempt.body {
            let as_stream = self.request.stream && !attempt.is_judge;
            let (completion, events) = read_whole(bytes, attempt.reads, as_stream, now + self.excused);
            attempt.body = Body::Events(events);
            attempt.whole = Some(completion);
        }
        let complete = attempt.whole.is_some() || attempt.answer().is_some_and(Accumulator::is_finished);
        // What says that it failed is not joined to anything.
        let failed = attempt.events().is_some_and(|events| events.failure.is_some());
        let joined = if failed { Ok(()) } else { self.join(at, complete) };
        let mut attempt = self.running.remove(at);
        if let Err(failure) = joined.and_then(|()| self.whole(&mut attempt, now)) {
            return self.fail(attempt, failure, now);
        }
        if attempt.is_judge {
            return self.take_score(attempt, None, now);
        }
        let mut passed = 0;
        if !self.committed && !attempt.judged_there {
            self.repair(&mut attempt);
            let Some(answer) = attempt.answer() else { return };
            let verdict = judge(answer, self.request.wanted(), &self.policy);
            passed = verdict.passed;
            if let Some((failure, action)) = verdict.failed {
                return self.fail_softly(attempt, failure, action, Some(passed), now);
            }
        }
        self.pass(attempt, passed, now);
    }

    /// Is it an answer, and whole?
    fn whole(&self, attempt: &mut Attempt, now: Millis) -> Result<(), Box<Failure>> {
        if let Some(failure) = attempt.refused(now + self.excused) {
            return Err(failure);
        }
        let whole = attempt.whole.is_some();
        let Some(events) = attempt.events() else {
            return Err(Failure::new(Kind::Network, "the connection ended before an answer"));
        };
        if let Some(failure) = events.failure.take() {
            return Err(failure);
        }
        // A completion in one piece may leave its finish reason out; a stream may not, or a cut would look complete.
        if !whole && !events.answer.is_finished() {
            return Err(Failure::cut());
        }
        if events.malformed > 0 && events.answer.has_broken_tool_call() {
            let message = "an event was unreadable, and a tool call has a hole where it was";
            return Err(Failure::new(Kind::BadResponse, message));
        }
        Ok(())
    }

    /// Takes JSON that was asked for out of what surrounds it, where the policy says so.
    fn repair(&mut self, attempt: &mut Attempt) {
        if !self.policy.repair_json || !self.request.wanted().json || self.request.stream {
            return;
        }
        let Some(events) = attempt.events() else { return };
        let text = events.answer.text();
        if Json::parse(text).is_none()
            && let Some(json) = json_within(text)
        {
            let json = json.to_owned();
            events.answer.set_text(json);
            attempt.whole = None;
            self.report.warnings.push("the JSON was taken out of what surrounded it".into());
        }
    }

    /// Writes what `attempt` has brought into its row, however it ended. The candidate that served.
    pub(super) fn note(&mut self, attempt: &Attempt) -> usize {
        note_answer(&mut self.report, &self.chain, attempt)
    }

    /// Closes the row of `attempt`, and its connection.
    pub(super) fn close(&mut self, attempt: &Attempt, failure: Option<Box<Failure>>, now: Millis) {
        attempt.window.iter().for_each(|&at| self.chain.candidates[at].asked = false);
        let row = &mut self.report.attempts[attempt.id as usize];
        row.duration = Some(attempt.age(now));
        row.failure = failure;
        self.spent = self.spent.plus(attempt.spent(row.cost));
        if attempt.open {
            self.actions.push_back(Action::Cancel { attempt: attempt.id });
        }
    }

    /// An answer has passed the rules: it is the one, unless a judge has to look at it first.
    fn pass(&mut self, mut attempt: Box<Attempt>, passed: u32, now: Millis) {
        let served = self.note(&attempt);
        self.learn_success(&attempt, served);
        self.close(&attempt, None, now);
        self.outrun(now);
        if let Some(events) = attempt.events()
            && events.malformed > 0
        {
            let warning = text!(&decimal(events.malformed.into()), " unreadable events of the stream were skipped");
            self.report.warnings.push(warning);
        }
        let judged = !self.committed && !attempt.judged_there;
        let kept = Kept { attempt, served, rank: rank(passed, 0) };
        if judged && self.ask_judge(&kept, now) {
            self.judged = Some(kept);
        } else {
            self.deliver(kept, true);
        }
    }

    /// Ends the call with an answer.
    pub(super) fn deliver(&mut self, kept: Kept, accepted: bool) {
        let Kept { mut attempt, served, .. } = kept;
        serve(&mut self.report, &self.chain, &attempt, served);
        self.report.accepted = accepted;
        self.report.settle();
        let report = self.report.to_json(None);
        let edge_report = attempt.edge_report();
        let Some(events) = attempt.events() else { return };
        if let Some(joined) = self.joined.take() {
            let answer = self.end_joined(joined, &events.answer, &report);
            return self.finish(Ok(Answer(answer.completion())), None, None);
        }
        events.end();
        events.annotate(&report);
        let chunks = std::mem::take(&mut events.waiting);
        // A relayed body has gone over by itself; one that never committed has not.
        let gone_over = self.committed && self.request.lane == Lane::Relay;
        if self.request.stream && !gone_over && !chunks.is_empty() {
            self.actions.push_back(Action::Yield(chunks));
        }
        self.finish(Ok(Answer::of(&attempt)), None, edge_report);
    }

    /// An answer, or its beginning, did not pass a rule; whole, it passed so many others.
    pub(super) fn fail_softly(
        &mut self,
        attempt: Box<Attempt>,
        failure: Box<Failure>,
        action: Soft,
        passed: Option<u32>,
        now: Millis,
    ) {
        let served = self.note(&attempt);
        self.close(&attempt, Some(failure.clone()), now);
        // The models before the one that served have failed inside the window.
        for &at in attempt.window.iter().take_while(|at| **at != served) {
            self.chain.candidates[at].spent = true;
        }
        if let Some(passed) = passed {
            self.keep_best(&failure, Kept { attempt, served, rank: rank(passed, 0) });
        }
        self.last = Some(failure.clone());
        match action {
            Soft::Fail => {
                self.outrun(now);
                self.finish(Err(failure), None, None);
            }
            Soft::Retry if self.may_repeat(served) => self.repeat(served, self.backoff(served), now),
            Soft::Retry | Soft::Next | Soft::Accept => self.chain.spend(&[served]),
        }
    }

    /// Of the answers that failed only softly the best stays, unless there is nothing in it.
    pub(super) fn keep_best(&mut self, failure: &Failure, new: Kept) {
        let nothing_said = new.attempt.answer().is_none_or(|answer| answer.is_blank() && answer.refusal().is_empty());
        let better = self.kept.as_ref().is_none_or(|kept| kept.rank < new.rank);
        if better && failure.kind != Kind::Empty && !nothing_said {
            self.kept = Some(new);
        }
    }

    /// `attempt` has failed: ask the same again, ask the next, or give up.
    pub(super) fn fail(&mut self, mut attempt: Box<Attempt>, failure: Box<Failure>, now: Millis) {
        if attempt.is_judge {
            return self.take_score(attempt, Some(failure), now);
        }
        let served = self.note(&attempt);
        self.learn_failure(&attempt, &failure);
        self.close(&attempt, Some(failure.clone()), now);
        let edge = attempt.judged_there && failure.kind != Kind::Network;
        if edge || (self.committed && !self.may_recover(&attempt, &failure)) {
            self.outrun(now);
            return self.end_with(Some(&attempt), failure);
        }
        // Inside a native window nobody follows on a model that began to answer: those behind it were not asked.
        let began = matches!(attempt.body, Body::Whole(_) | Body::Events(_));
        let tried =
            if began { attempt.window.iter().take_while(|at| **at <= served).count() } else { attempt.window.len() };
        let tried = &attempt.window[..tried].to_vec()[..];
        if self.committed {
            self.keep_said(&mut attempt, &failure);
            if failure.kind == Kind::InvalidRequest {
                // It may be the last message that it does not like.
                self.chain.candidates[served].refuses_prefill = true;
                return;
            }
            return self.move_on(failure, tried, now);
        }
        self.last = Some(failure.clone());
        match self.wait_before_same(&failure, tried) {
            Some(wait) => self.repeat(tried[0], wait, now),
            None => self.move_on(failure, tried, now),
        }
    }

    /// How long to wait before the same window is asked again; nothing if it is not.
    fn wait_before_same(&self, failure: &Failure, tried: &[usize]) -> Option<Millis> {
        let has_next = self.chain.candidates.iter().enumerate().any(|(at, next)| !next.spent && !tried.contains(&at));
        // A window of several has fallen back already: those behind it come first.
        if !self.may_repeat(tried[0]) || (tried.len() > 1 && has_next) {
            return None;
        }
        let named = failure.retry_after;
        let short = named.is_none_or(|wait| wait <= self.policy.retry.max_wait);
        match failure.kind.again() {
            Again::AfterNamedWait if short => named,
            Again::AfterPause if short => Some(named.unwrap_or(0).max(self.backoff(tried[0]))),
            Again::Never | Again::AfterNamedWait | Again::AfterPause => None,
        }
    }

    fn may_repeat(&self, candidate: usize) -> bool {
        let budget = self.report.attempts.len() < self.policy.attempts as usize;
        budget && self.chain.candidates[candidate].repeated < self.policy.retry.same
    }

    fn backoff(&self, candidate: usize) -> Millis {
        let repeated = self.chain.candidates[candidate].repeated;
        self.policy.backoff(repeated, self.seed.wrapping_add(self.report.attempts.len() as u64))
    }

    fn repeat(&mut self, candidate: usize, wait: Millis, now: Millis) {
        self.chain.candidates[candidate].repeated += 1;
        self.paused = self.paused.max(now + wait);
    }

    fn move_on(&mut self, failure: Box<Failure>, tried: &[usize], now: Millis) {
        match failure.kind.next() {
            Next::Never => match self.running.iter().position(|attempt| attempt.is_done()) {
                // The other of a hedge has its answer already; whatever it is worth, nobody is asked after it.
                Some(done) => {
                    self.chain.candidates.iter_mut().for_each(|candidate| candidate.spent = true);
                    self.conclude(done, now);
                }
                None => self.give_up(failure, now),
            },
            _ if failure.kind == Kind::ContentFilter && self.policy.on_content_filter == Soft::Fail => {
                self.outrun(now);
                self.end_with(None, failure);
            }
            Next::OtherUpstream => self.chain.leave_upstream(self.chain.candidates[tried[0]].upstream),
            Next::Any if matches!(failure.kind, Kind::UnknownModel | Kind::NoEndpoint) => {
                self.chain.leave_out_unknown(tried, &failure, &mut self.report);
            }
            Next::Any => self.chain.spend(tried),
            Next::LargerWindow => {
                self.chain.spend(tried);
                self.chain.leave_out_small(tried, &mut self.report);
            }
        }
    }

    /// Nobody is left to ask, or no attempt.
    pub(super) fn exhaust(&mut self, now: Millis) {
        let nobody = || Failure::new(Kind::NoEndpoint, "no model of the chain is left to ask");
        let broke = self.joined.as_ref().map(|joined| joined.broke.clone());
        let failure = broke.or_else(|| self.last.take()).unwrap_or_else(nobody);
        self.give_up(failure, now);
    }

    pub(super) fn abort(&mut self, now: Millis) {
        if !self.over {
            // What was closed is still to be closed.
            self.actions.retain(|action| matches!(action, Action::Cancel { .. } | Action::Send { .. }));
            (self.kept, self.judged) = (None, None);
            self.give_up(Failure::new(Kind::Aborted, "the caller aborted the call"), now);
        }
    }

    /// Ends the call, whatever is under way: with the best answer so far, else with `failure`.
    pub(super) fn give_up(&mut self, failure: Box<Failure>, now: Millis) {
        // A judge that was to be asked is not, and there is nothing to close.
        let queued = self.actions.len();
        self.actions.retain(|action| !matches!(action, Action::Send { .. }));
        if self.actions.len() < queued {
            self.running.clear();
            self.report.attempts.pop();
        }
        let mut last = None;
        for attempt in std::mem::take(&mut self.running) {
            self.note(&attempt);
            self.close(&attempt, Some(failure.clone()), now);
            // What a judge says is no answer.
            last = last.or(Some(attempt).filter(|attempt| !attempt.is_judge));
        }
        if let Some(kept) = self.judged.take() {
            if self.policy.judge.as_ref().is_some_and(|judge| judge.open) {
                return self.deliver(kept, true);
            }
            self.keep_best(&failure, kept);
        }
        match self.kept.take() {
            Some(kept) if !self.committed => self.deliver(kept, false),
            Some(_) | None => self.end_with(last.as_deref(), failure),
        }
    }

    /// Ends the call with a failure, and what had been said: by several attempts, or by `attempt`.
    fn end_with(&mut self, attempt: Option<&Attempt>, failure: Box<Failure>) {
        let answer = self.joined.as_ref().map(|joined| &joined.answer).or(attempt.and_then(Attempt::answer));
        let said = answer.map(Accumulator::text).filter(|text| !text.is_empty()).map(Into::into);
        self.finish(Err(failure), said, attempt.and_then(Attempt::edge_report));
    }

    pub(super) fn finish(
        &mut self,
        result: Result<Answer, Box<Failure>>,
        partial: Option<String>,
        edge_report: Option<String>,
    ) {
        self.report.settle();
        self.over = true;
        let lessons = std::mem::take(&mut self.lessons);
        let mut unused_probes = std::mem::take(&mut self.chain.probes);
        unused_probes.retain(|probe| !lessons.iter().any(|lesson| lesson.name == *probe));
        let report = Arc::new(std::mem::take(&mut self.report));
        self.ended = Some(report.clone());
        let outcome = Outcome { result, partial, report, edge_report, lessons, unused_probes };
        self.actions.push_back(Action::Done(Box::new(outcome)));
    }

    /// The one that served has; those before it in the window failed, as far as the upstream tells.
    fn learn_success(&mut self, attempt: &Attempt, served: usize) {
        self.learn_inside(attempt, served);
        if !self.report.attempts[attempt.id as usize].unmatched {
            let name = self.chain.candidates[served].breaker.clone();
            self.lessons.push(Lesson { name, failure: None });
        }
    }

    /// A breaker learns from what is the model's fault and was seen. Of a native window, that is what the upstream tells.
    fn learn_failure(&mut self, attempt: &Attempt, failure: &Failure) {
        let blameless = self.slept || (self.request.callers_clocks && failure.kind.is_late());
        if blameless
            || attempt.splice == Some(Splice::Elsewhere)
            || attempt.judged_there
            || !failure.kind.is_models_fault()
        {
            return;
        }
        if attempt.window.len() > 1 {
            return self.learn_inside(attempt, usize::MAX);
        }
        let name = self.chain.candidates[attempt.window[0]].breaker.clone();
        self.lessons.push(Lesson { name, failure: Some(Box::new(failure.clone())) });
    }

    /// The models of the window before `served` failed natively: the last status told of each counts.
    fn learn_inside(&mut self, attempt: &Attempt, served: usize) {
        let inside = &self.report.attempts[attempt.id as usize].inside;
        for &at in attempt.window.iter().take_while(|at| **at != served) {
            let candidate = &self.chain.candidates[at];
            let mut last = None;
            for row in inside.iter().filter_map(|row| Json::parse(row)) {
                if row.get("model").text().is_some_and(|model| candidate.answers_to(&model)) {
                    last = row.get("status").whole();
                }
            }
            let status = last.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 400);
            let Some(kind) = status.map(by_status).filter(|kind| kind.is_models_fault()) else { continue };
            let mut failure = Failure::new(kind, "failed inside a native window");
            failure.status = status;
            self.lessons.push(Lesson { name: candidate.breaker.clone(), failure: Some(failure) });
        }
    }
}

/// The answer of `attempt` is the reader's, or about to be: says so in the report.
pub(super) fn note_served(report: &mut Report, chain: &Chain, attempt: &Attempt) {
    let served = note_answer(report, chain, attempt);
    serve(report, chain, attempt, served);
}

fn serve(report: &mut Report, chain: &Chain, attempt: &Attempt, served: usize) {
    let candidate = &chain.candidates[served];
    report.model = Some(attempt.answer().and_then(Accumulator::model).unwrap_or(&candidate.model).into());
    report.fallback = served != 0;
}

/// Writes what the answer says about itself into its row. The candidate that served; the first of the window, where the
/// name is not known.
fn note_answer(report: &mut Report, chain: &Chain, attempt: &Attempt) -> usize {
    let row = &mut report.attempts[attempt.id as usize];
    let first = attempt.window.first().copied().unwrap_or_default();
    let Some(answer) = attempt.answer() else {
        row.inside = inside(attempt.error_body().unwrap_or(Json::NULL).get("openrouter_metadata"));
        return first;
    };
    note_row(row, answer);
    let served = answer.model();
    let is_served = |at: &usize| served.is_some_and(|served| chain.candidates[*at].answers_to(served));
    let matched = attempt.window.iter().copied().find(is_served);
    row.unmatched = matched.is_none() && served.is_some() && !attempt.is_judge;
    matched.unwrap_or(first)
}

pub(super) fn note_row(row: &mut AttemptReport, answer: &Accumulator) {
    row.model = answer.model().map(Into::into);
    row.provider = answer.provider().map(Into::into);
    let usage = answer.usage();
    row.prompt_tokens = usage.get("prompt_tokens").whole();
    row.completion_tokens = usage.get("completion_tokens").whole();
    row.cost = usage.get("cost").trillionths().map(Usd);
    if let Some(id) = answer.id().filter(|id| id.starts_with("gen-")) {
        row.generation_id = Some(id.into());
    }
    row.inside = inside(answer.metadata());
}

/// What a native window tried, as its metadata tells; each on one line, as a report is told in a comment of a stream too.
fn inside(metadata: Json<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    for attempt in metadata.get("attempts").items() {
        let mut row = String::new();
        on_one_line(attempt.raw(), &mut row);
        rows.push(row);
    }
    rows
}
