//! The invariants during a call: after every action, and at every wait.

use failsoft::{Action, Input, Kind};

use crate::breaker_model::Admission;
use crate::checker::{CheckResult, Invariant};
use crate::exchange::Exchange;
use crate::host::{Host, Join};
use crate::reader::Reader;
use crate::reply::Head;
use crate::world::Shared;

impl Host {
    /// Checks that nothing begins after the deadline or after an abort.
    pub(crate) fn check_action(&mut self, shared: &Shared, action: &Action, now: u64) -> CheckResult {
        let deadline = self.clock.deadline();
        let working = matches!(action, Action::Send { .. } | Action::Read { .. } | Action::Wait { .. });
        shared.checker.require(Invariant::Deadline, now < deadline || !working, || {
            format!("the deadline was {deadline}, and {action:?} came after it")
        })?;
        self.check_after_abort(shared, action)
    }

    /// Checks that an input after the end changes nothing.
    pub(crate) fn check_over(&mut self, shared: &Shared, now: u64) -> CheckResult {
        self.call.handle(now, Input::Aborted);
        let action = self.call.poll(now);
        let rests = matches!(action, Action::Wait { .. });
        shared.checker.require(Invariant::Abort, rests, || format!("after the end came {action:?}"))
    }

    fn check_after_abort(&mut self, shared: &Shared, action: &Action) -> CheckResult {
        let Some(aborted) = &mut self.aborted else { return Ok(()) };
        let at_rest = aborted.at_rest;
        let allowed = match action {
            Action::Cancel { .. } => true,
            Action::Yield(_) => {
                aborted.yielded = true;
                !at_rest
            }
            Action::Done(outcome) => {
                let kind = outcome.result.as_ref().err().map(|failure| failure.kind);
                if kind == Some(Kind::Aborted) { !aborted.yielded } else { !at_rest }
            }
            Action::Send { .. } | Action::Read { .. } | Action::Relay { .. } | Action::Wait { .. } => false,
        };
        shared.checker.require(Invariant::Abort, allowed, || format!("after the abort came {action:?}"))
    }

    /// Checks that the reader has a beginning of the answer with which its chunks began.
    pub(crate) fn check_reader(&mut self, shared: &Shared, had: usize) -> CheckResult {
        let checker = shared.checker;
        if let Some(attempt) = self.relayed {
            let exchange = &self.exchanges[attempt as usize];
            let same = self.reader.relayed == exchange.reply.body.bytes[..exchange.bytes] && self.reader.chunks == 0;
            return checker
                .require(Invariant::Prefix, same, || "the relayed bytes are not the bytes that arrived".into());
        }
        checker
            .require(Invariant::Prefix, self.reader.ids.len() == 1, || format!("chunks of {:?}", self.reader.ids))?;
        let allowed = self.plan.restart_event || self.reader.restarts == 0;
        checker.require(Invariant::Recovery, allowed, || {
            "the reader got a restart event that the policy does not allow".into()
        })?;
        if let Some(exchange) = self.exchanges.last().filter(|exchange| exchange.recovers()) {
            return check_joined(&self.reader, &mut self.join, shared, exchange, had);
        }
        let sent = self.exchanges.iter().find(|exchange| exchange.reply.id == self.reader.ids[0]);
        let sent = sent.map_or("", |exchange| exchange.received.text());
        checker.require(Invariant::Prefix, sent.starts_with(&self.reader.text), || {
            format!("the reader has {:?}, the upstream sent {sent:?}", self.reader.text)
        })
    }

    /// Checks that no timeout ends while the core waits.
    pub(crate) fn check_wait(&self, shared: &Shared, until: u64, now: u64) -> CheckResult {
        let (checker, deadline) = (shared.checker, self.clock.deadline());
        checker
            .require(Invariant::Deadline, until <= deadline, || format!("waits until {until}, beyond {deadline}"))?;
        for exchange in self.exchanges.iter().filter(|exchange| exchange.is_open()) {
            let bound = self.deadline_of(exchange, shared).min(self.judge_deadline(exchange)) + self.clock.excused;
            checker.require(Invariant::Deadline, until <= bound, || {
                format!("waits until {until}, attempt {} has time until {bound}", exchange.attempt)
            })?;
        }
        checker.require(Invariant::Bounded, until > now, || "waits for a time that is past".into())
    }

    /// The deadline of a judge. No other timeout applies to it.
    fn judge_deadline(&self, exchange: &Exchange) -> u64 {
        let timeout = self.plan.judge.filter(|_| exchange.is_judge()).map(|judge| judge.timeout);
        timeout.map_or(u64::MAX / 2, |timeout| exchange.sent + timeout)
    }

    /// A model is certainly left that could replace a silent one: the call has not asked it, and has no reason not to.
    fn has_unasked(&self, shared: &Shared) -> bool {
        let report = self.call.report();
        let is_left = |server: usize, model: usize| {
            let asked =
                self.exchanges.iter().any(|exchange| exchange.server == server && exchange.batch.contains(&model));
            // If the body that says why is lost, the status alone blames the key.
            let blames_key = |exchange: &Exchange| matches!(exchange.reply.head, Head::Status(401..=403, _));
            let refused = |exchange: &Exchange| {
                exchange.known_fault().map_or(blames_key(exchange), |fault| fault.class.blames_key())
            };
            let name = &shared.models[model].id;
            !asked
                && matches!(self.admissions[server][model], Admission::Free | Admission::Probe)
                && !report.dropped.iter().any(|dropped| dropped.model == *name)
                && !self.ended_at(server).any(refused)
        };
        let servers = shared.servers.iter().enumerate();
        let mut each = servers.flat_map(|(at, server)| server.chain(&self.plan).iter().map(move |&model| (at, model)));
        self.plan.clocks.is_impatient
            && (self.exchanges.len() as u64) < self.plan.attempts
            && each.any(|(server, model)| is_left(server, model))
    }

    /// How long the call waits for a model that another one could replace.
    fn patience(&self, exchange: &Exchange, shared: &Shared) -> u64 {
        let tokens = |model: &usize| self.plan.prompt.tokens(&shared.models[*model].id);
        12_000 + exchange.batch.first().map_or(0, tokens) / 5
    }

    /// The time until which the exchange may continue unchanged, in counted time.
    fn deadline_of(&self, exchange: &Exchange, shared: &Shared) -> u64 {
        let clocks = &self.plan.clocks;
        let first_token = if self.has_unasked(shared) { self.patience(exchange, shared) } else { clocks.first_token };
        let whole = exchange.sent + first_token + 40 * exchange.limit.unwrap_or(4_096);
        match exchange.head_at {
            _ if exchange.is_judge() => u64::MAX / 2,
            None if exchange.streamed => exchange.sent + clocks.headers.min(first_token),
            None => whole,
            // The body of an answer in one piece has not begun.
            Some(_) if exchange.bytes == 0 && exchange.reply.served.is_some() && !exchange.reply.is_stream() => whole,
            Some(_) if exchange.reply.is_stream() && !exchange.received.done => {
                let idle = if exchange.reading { exchange.last_event_at + clocks.idle } else { u64::MAX };
                if exchange.received.is_alive() { idle } else { exchange.sent + first_token }
            }
            Some(_) => u64::MAX / 2,
        }
    }
}

/// Checks that the answer continues the text that the reader had, exactly where the model meant to.
fn check_joined(
    reader: &Reader,
    join: &mut Option<Join>,
    shared: &Shared,
    exchange: &Exchange,
    had: usize,
) -> CheckResult {
    let (text, sent) = (&reader.text, exchange.received.text());
    if text.is_empty() {
        // A restart event cleared the text.
        *join = None;
        return Ok(());
    }
    let known = join.as_ref().is_some_and(|join| join.attempt == exchange.attempt);
    if !known {
        let from = sent.len().saturating_sub(text.len() - had);
        *join = Some(Join { attempt: exchange.attempt, had: text[..had].to_owned(), from });
    }
    let Some(Join { had, from, .. }) = join else { return Ok(()) };
    let new = text.strip_prefix(had.as_str());
    shared.checker.require(Invariant::Prefix, new == sent.get(*from..), || {
        format!("the reader has {text:?}, and had {had:?}; attempt {} sent {sent:?}", exchange.attempt)
    })?;
    let whole = exchange.reply.served.as_ref().and_then(|served| served.whole.as_ref());
    let meant = whole.is_none_or(|whole| whole.starts_with(text.as_str()));
    shared
        .checker
        .require(Invariant::Recovery, meant, || format!("the reader has {text:?}, which is not a part of {whole:?}"))
}
