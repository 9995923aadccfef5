//! What must hold while a call goes on: after every action, and whenever it waits.

use failsoft::{Action, Input, Kind};

use crate::checker::{CheckResult, Invariant};
use crate::exchange::Exchange;
use crate::host::{Host, Join};
use crate::reader::Reader;
use crate::world::Shared;

impl Host {
    /// Nothing begins once the time is over, or the caller has gone.
    pub(crate) fn check_action(&mut self, shared: &Shared, action: &Action, now: u64) -> CheckResult {
        let deadline = self.clock.deadline();
        let working = matches!(action, Action::Send { .. } | Action::Read { .. } | Action::Wait { .. });
        shared.checker.require(Invariant::Deadline, now < deadline || !working, || {
            format!("the time was over at {deadline}, and it goes on with {action:?}")
        })?;
        self.check_after_abort(shared, action)
    }

    /// Whatever comes behind the end changes nothing.
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

    /// What the reader has is how the answer goes that it was begun with.
    pub(crate) fn check_reader(&mut self, shared: &Shared, had: usize) -> CheckResult {
        let checker = shared.checker;
        if let Some(attempt) = self.relayed {
            let exchange = &self.exchanges[attempt as usize];
            let same = self.reader.relayed == exchange.reply.body.bytes[..exchange.bytes] && self.reader.chunks == 0;
            return checker.require(Invariant::Prefix, same, || "what was relayed is not what came".into());
        }
        checker
            .require(Invariant::Prefix, self.reader.ids.len() == 1, || format!("chunks of {:?}", self.reader.ids))?;
        let allowed = self.plan.restart_event || self.reader.restarts == 0;
        checker
            .require(Invariant::Recovery, allowed, || "a reader that does not know how is told to start over".into())?;
        if let Some(exchange) = self.exchanges.last().filter(|exchange| exchange.recovers()) {
            return check_joined(&self.reader, &mut self.join, shared, exchange, had);
        }
        let said = self.exchanges.iter().find(|exchange| exchange.reply.id == self.reader.ids[0]);
        let said = said.map_or("", |exchange| exchange.received.text());
        checker.require(Invariant::Prefix, said.starts_with(&self.reader.text), || {
            format!("the reader has {:?}, the upstream said {said:?}", self.reader.text)
        })
    }

    /// No clock runs out while the machine waits.
    pub(crate) fn check_wait(&self, shared: &Shared, until: u64, now: u64) -> CheckResult {
        let (checker, deadline) = (shared.checker, self.clock.deadline());
        checker
            .require(Invariant::Deadline, until <= deadline, || format!("waits until {until}, beyond {deadline}"))?;
        for exchange in self.exchanges.iter().filter(|exchange| exchange.is_open()) {
            let bound = self.deadline_of(exchange).min(self.judge_deadline(exchange)) + self.clock.excused;
            checker.require(Invariant::Deadline, until <= bound, || {
                format!("waits until {until}, attempt {} has time until {bound}", exchange.attempt)
            })?;
        }
        checker.require(Invariant::Bounded, until > now, || "waits for what is over".into())
    }

    /// A judge has a clock of its own, and no other.
    fn judge_deadline(&self, exchange: &Exchange) -> u64 {
        let timeout = self.plan.judge.filter(|_| exchange.is_judge()).map(|judge| judge.timeout);
        timeout.map_or(u64::MAX / 2, |timeout| exchange.sent + timeout)
    }

    /// Until when the attempt may go on as it does, in time that counts.
    fn deadline_of(&self, exchange: &Exchange) -> u64 {
        let clocks = &self.plan.clocks;
        match exchange.head_at {
            _ if exchange.is_judge() => u64::MAX / 2,
            None if exchange.streamed => exchange.sent + clocks.headers.min(clocks.first_token),
            Some(_) if exchange.reply.is_stream() && !exchange.received.done => {
                let idle = if exchange.reading { exchange.last_event_at + clocks.idle } else { u64::MAX };
                if exchange.received.is_alive() { idle } else { exchange.sent + clocks.first_token }
            }
            None | Some(_) => u64::MAX / 2,
        }
    }
}

/// An answer goes on behind what the reader had: exactly, where the model meant to.
fn check_joined(
    reader: &Reader,
    join: &mut Option<Join>,
    shared: &Shared,
    exchange: &Exchange,
    had: usize,
) -> CheckResult {
    let (text, said) = (&reader.text, exchange.received.text());
    if text.is_empty() {
        // It was told to start over.
        *join = None;
        return Ok(());
    }
    let known = join.as_ref().is_some_and(|join| join.attempt == exchange.attempt);
    if !known {
        let from = said.len().saturating_sub(text.len() - had);
        *join = Some(Join { attempt: exchange.attempt, had: text[..had].to_owned(), from });
    }
    let Some(Join { had, from, .. }) = join else { return Ok(()) };
    let new = text.strip_prefix(had.as_str());
    shared.checker.require(Invariant::Prefix, new == said.get(*from..), || {
        format!("the reader has {text:?}, and had {had:?}; attempt {} said {said:?}", exchange.attempt)
    })?;
    let whole = exchange.reply.served.as_ref().and_then(|served| served.whole.as_ref());
    let meant = whole.is_none_or(|whole| whole.starts_with(text.as_str()));
    shared
        .checker
        .require(Invariant::Recovery, meant, || format!("the reader has {text:?}, and not a part of {whole:?}"))
}
