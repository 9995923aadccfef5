//! What must hold while a call goes on: after every action, and whenever it waits.

use failsoft::{Action, Input, Kind};

use crate::flight::Flight;
use crate::host::{Host, Joint};
use crate::judge::{Checked, Invariant};
use crate::reader::Reader;
use crate::world::Shared;

impl Host {
    /// Nothing begins once the time is over, or the caller has gone.
    pub(crate) fn check_action(&mut self, shared: &Shared, action: &Action, now: u64) -> Checked {
        let deadline = self.account.deadline();
        let working = matches!(action, Action::Send { .. } | Action::Read { .. } | Action::Wait { .. });
        shared.judge.hold(Invariant::Deadline, now < deadline || !working, || {
            format!("the time was over at {deadline}, and it goes on with {action:?}")
        })?;
        self.check_after_abort(shared, action)
    }

    /// Whatever comes behind the end changes nothing.
    pub(crate) fn check_over(&mut self, shared: &Shared, now: u64) -> Checked {
        self.call.handle(now, Input::Aborted);
        let action = self.call.poll(now);
        let rests = matches!(action, Action::Wait { .. });
        shared.judge.hold(Invariant::Abort, rests, || format!("after the end came {action:?}"))
    }

    fn check_after_abort(&mut self, shared: &Shared, action: &Action) -> Checked {
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
        shared.judge.hold(Invariant::Abort, allowed, || format!("after the abort came {action:?}"))
    }

    /// What the reader has is how the answer goes that it was begun with.
    pub(crate) fn check_reader(&mut self, shared: &Shared, had: usize) -> Checked {
        let judge = shared.judge;
        if let Some(attempt) = self.relayed {
            let flight = &self.flights[attempt as usize];
            let same = self.reader.relayed == flight.reply.body.bytes[..flight.bytes] && self.reader.chunks == 0;
            return judge.hold(Invariant::Prefix, same, || "what was relayed is not what came".into());
        }
        judge.hold(Invariant::Prefix, self.reader.ids.len() == 1, || format!("chunks of {:?}", self.reader.ids))?;
        let allowed = self.plan.restart_event || self.reader.restarts == 0;
        judge.hold(Invariant::Recovery, allowed, || "a reader that does not know how is told to start over".into())?;
        if let Some(flight) = self.flights.last().filter(|flight| flight.recovers()) {
            return check_joined(&self.reader, &mut self.joint, shared, flight, had);
        }
        let said = self.flights.iter().find(|flight| flight.reply.id == self.reader.ids[0]);
        let said = said.map_or("", |flight| flight.heard.text());
        judge.hold(Invariant::Prefix, said.starts_with(&self.reader.text), || {
            format!("the reader has {:?}, the upstream said {said:?}", self.reader.text)
        })
    }

    /// No clock runs out while the machine waits.
    pub(crate) fn check_wait(&self, shared: &Shared, until: u64, now: u64) -> Checked {
        let (judge, deadline) = (shared.judge, self.account.deadline());
        judge.hold(Invariant::Deadline, until <= deadline, || format!("waits until {until}, beyond {deadline}"))?;
        for flight in self.flights.iter().filter(|flight| flight.is_open()) {
            let bound = self.clock(flight).min(self.gate_clock(flight)) + self.account.excused;
            judge.hold(Invariant::Deadline, until <= bound, || {
                format!("waits until {until}, attempt {} has time until {bound}", flight.attempt)
            })?;
        }
        judge.hold(Invariant::Bounded, until > now, || "waits for what is over".into())
    }

    /// A judge has a clock of its own, and no other.
    fn gate_clock(&self, flight: &Flight) -> u64 {
        let timeout = self.plan.gate.filter(|_| flight.is_judge()).map(|gate| gate.timeout);
        timeout.map_or(u64::MAX / 2, |timeout| flight.sent + timeout)
    }

    /// Until when the attempt may go on as it does, in time that counts.
    fn clock(&self, flight: &Flight) -> u64 {
        let clocks = &self.plan.clocks;
        match flight.head_at {
            _ if flight.is_judge() => u64::MAX / 2,
            None if flight.streamed => flight.sent + clocks.headers.min(clocks.first_token),
            Some(_) if flight.reply.is_stream() && !flight.heard.done => {
                let idle = if flight.reading { flight.heard_at + clocks.idle } else { u64::MAX };
                if flight.heard.is_alive() { idle } else { flight.sent + clocks.first_token }
            }
            None | Some(_) => u64::MAX / 2,
        }
    }
}

/// An answer goes on behind what the reader had: exactly, where the model meant to.
fn check_joined(reader: &Reader, joint: &mut Option<Joint>, shared: &Shared, flight: &Flight, had: usize) -> Checked {
    let (text, said) = (&reader.text, flight.heard.text());
    if text.is_empty() {
        // It was told to start over.
        *joint = None;
        return Ok(());
    }
    let known = joint.as_ref().is_some_and(|joint| joint.attempt == flight.attempt);
    if !known {
        let from = said.len().saturating_sub(text.len() - had);
        *joint = Some(Joint { attempt: flight.attempt, had: text[..had].to_owned(), from });
    }
    let Some(Joint { had, from, .. }) = joint else { return Ok(()) };
    let new = text.strip_prefix(had.as_str());
    shared.judge.hold(Invariant::Prefix, new == said.get(*from..), || {
        format!("the reader has {text:?}, and had {had:?}; attempt {} said {said:?}", flight.attempt)
    })?;
    let whole = flight.reply.served.as_ref().and_then(|served| served.whole.as_ref());
    let meant = whole.is_none_or(|whole| whole.starts_with(text.as_str()));
    shared.judge.hold(Invariant::Recovery, meant, || format!("the reader has {text:?}, and not a part of {whole:?}"))
}
