//! The host of one call: reports events to the core and performs the core's actions.

use std::sync::Arc;

use failsoft::{AttemptId, Call, Failure, Headers, Input, Kind, Policy};

use crate::breaker_model::Admission;
use crate::checker::{CheckResult, Invariant};
use crate::clock::CallClock;
use crate::exchange::Exchange;
use crate::plan::{Abort, Plan};
use crate::reader::Reader;
use crate::world::Shared;

/// A core that comes to rest never needs this many actions in a row.
const RESTLESS: u32 = 40;

/// What the host does until the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It waits until this time.
    Until(u64),
    /// The reader is busy until this time.
    Busy(u64),
    Over,
}

/// The caller has aborted the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aborted {
    /// The core was at rest, so the call was not over.
    pub(crate) at_rest: bool,
    /// The reader still received chunks after the abort.
    pub(crate) yielded: bool,
}

/// Where a continued answer joins: the text that the reader had, and the offset in the answer of `attempt` from which
/// it continues.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) attempt: AttemptId,
    pub(crate) had: String,
    pub(crate) from: usize,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) number: usize,
    pub(crate) plan: Plan,
    /// The policy as the core read it.
    pub(crate) policy: Arc<Policy>,
    pub(crate) call: Call,
    pub(crate) clock: CallClock,
    pub(crate) now: u64,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) reader: Reader,
    /// Where the last continued answer joins the text that the reader had.
    pub(crate) join: Option<Join>,
    /// For each upstream, the admission of each model.
    pub(crate) admissions: Vec<Vec<Admission>>,
    pub(crate) aborted: Option<Aborted>,
    /// The attempt whose bytes are relayed unchanged.
    pub(crate) relayed: Option<AttemptId>,
    pub(crate) rest: Rest,
    /// The host sleeps until this time.
    pub(crate) asleep_until: u64,
    pub(crate) at_rest: bool,
    /// A hedge was sent.
    pub(crate) hedged: bool,
    actions: u64,
    inputs: u64,
    /// Events of cancelled connections that arrive too late.
    pub(crate) stale_events: Vec<(u64, AttemptId)>,
}

impl Host {
    pub(crate) fn new(
        number: usize,
        plan: Plan,
        policy: Arc<Policy>,
        call: Call,
        admissions: Vec<Vec<Admission>>,
        now: u64,
    ) -> Self {
        let clock = CallClock::new(&plan, now);
        Self {
            number,
            plan,
            policy,
            call,
            clock,
            now,
            exchanges: Vec::new(),
            reader: Reader::default(),
            join: None,
            admissions,
            aborted: None,
            relayed: None,
            rest: Rest::Until(now),
            asleep_until: 0,
            at_rest: false,
            hedged: false,
            actions: 0,
            inputs: 0,
            stale_events: Vec::new(),
        }
    }

    /// When the host does something next.
    pub(crate) fn next(&self) -> Option<u64> {
        let abort = self.abort_at();
        let soonest = match self.rest {
            Rest::Over => return None,
            Rest::Busy(until) => until.min(abort),
            Rest::Until(time) => {
                let exchanges = self.exchanges.iter().filter_map(Exchange::due);
                let stale_events = self.stale_events.iter().map(|(at, _)| *at);
                exchanges.chain(stale_events).chain([time, abort]).min().unwrap_or(time)
            }
        };
        Some(soonest.max(self.asleep_until))
    }

    fn abort_at(&self) -> u64 {
        match self.plan.abort {
            Abort::At(after) if self.aborted.is_none() => self.clock.began + after,
            _ => u64::MAX,
        }
    }

    /// Handles one event, and performs the actions that follow.
    pub(crate) fn step(&mut self, shared: &mut Shared, now: u64) -> CheckResult {
        if self.abort_at() <= now && (self.rest != Rest::Until(now) || shared.random.chance(50)) {
            self.abort(shared, now);
        } else if let Rest::Until(_) = self.rest {
            self.deliver_next_event(shared, now);
        }
        let failed = |exchange: &Exchange| exchange.received.error;
        let behind_error = self.plan.abort == Abort::BehindError && self.exchanges.last().is_some_and(failed);
        if behind_error || self.plan.abort == Abort::BehindInput(self.inputs) {
            self.abort(shared, now);
        }
        self.drain(shared, now)
    }

    /// Handles one of the events that are due.
    fn deliver_next_event(&mut self, shared: &mut Shared, now: u64) {
        let due: Vec<usize> =
            (0..self.exchanges.len()).filter(|&at| self.exchanges[at].due().is_some_and(|due| due <= now)).collect();
        let stale_events = self.stale_events.iter().filter(|(at, _)| *at <= now).count();
        // A host may also wake without a reason.
        let others = due.len() + stale_events;
        let wakes = others == 0 || matches!(self.rest, Rest::Until(time) if time <= now) || shared.random.one_in(10);
        let choice = shared.random.below((others + usize::from(wakes)) as u64) as usize;
        self.enter(now);
        self.inputs += 1;
        if let Some(&exchange) = due.get(choice) {
            self.deliver(shared, exchange, now);
        } else if choice < others {
            self.deliver_stale_event(shared, now);
        } else {
            shared.trace.note(self.number, now, 1, || "woken".into());
            // A timer may also only poll.
            if shared.random.chance(50) {
                self.call.handle(now, Input::Woken);
            }
        }
    }

    fn deliver(&mut self, shared: &mut Shared, at: usize, now: u64) {
        let counted = self.clock.counted(now);
        let exchange = &mut self.exchanges[at];
        let attempt = exchange.attempt;
        exchange.slept = self.clock.slept;
        let input = exchange.happen(now, counted);
        let came = matches!(input, Input::Bytes { .. });
        let detail = if let Input::Bytes { bytes, .. } = &input { bytes.len() as u64 } else { 2 };
        shared.trace.note(self.number, now, detail, || match &input {
            Input::Bytes { bytes, .. } => format!("attempt {attempt} bytes {:?}", String::from_utf8_lossy(bytes)),
            other => format!("{other:?}"),
        });
        if let (Some(relayed), Input::Bytes { bytes, .. }) = (self.relayed, &input)
            && relayed == attempt
        {
            self.reader.relayed.extend_from_slice(bytes);
        }
        self.call.handle(now, input);
        let exchange = &mut self.exchanges[at];
        let kind = exchange.reply.served.as_ref().map(|served| served.kind).filter(|_| came && !exchange.is_judge());
        exchange.shown |= kind.is_some_and(|kind| exchange.received.shows(kind, &self.plan));
    }

    /// Delivers an event of a connection that was cancelled before.
    fn deliver_stale_event(&mut self, shared: &mut Shared, now: u64) {
        let Some(at) = self.stale_events.iter().position(|(at, _)| *at <= now) else { return };
        let (_, attempt) = self.stale_events.remove(at);
        let form = shared.random.below(4);
        shared.trace.note(self.number, now, form, || format!("attempt {attempt} sends a late event ({form})"));
        self.call.handle(
            now,
            match form {
                0 => Input::End { attempt },
                1 => Input::Failed { attempt, failure: Failure::new(Kind::Network, "closed") },
                2 => Input::Bytes { attempt, bytes: b"data: {\"choices\":[{\"delta\":{\"content\":\"ghost\"}}]}\n\n" },
                _ => Input::Head { attempt, status: 400, headers: Headers::default() },
            },
        );
    }

    fn abort(&mut self, shared: &mut Shared, now: u64) {
        if self.aborted.is_some() || self.rest == Rest::Over {
            return;
        }
        shared.trace.note(self.number, now, 3, || "aborted".into());
        shared.coverage.count("host", "aborted");
        self.aborted = Some(Aborted { at_rest: self.at_rest, yielded: false });
        self.enter(now);
        self.call.handle(now, Input::Aborted);
    }

    /// The reader has received something that cannot be taken back.
    pub(crate) fn is_shown(&self) -> bool {
        self.reader.chunks > 0 || self.relayed.is_some()
    }

    /// Another attempt was faster, so the core ignored the end of this one.
    pub(crate) fn was_superseded(&self, exchange: &Exchange) -> bool {
        let row = &self.call.report().attempts[exchange.attempt as usize];
        row.failure.as_ref().is_some_and(|failure| failure.kind == Kind::Superseded)
    }

    /// The attempts to answer through `server` that have ended.
    pub(crate) fn ended_at(&self, server: usize) -> impl Iterator<Item = &Exchange> {
        let ended =
            move |exchange: &&Exchange| exchange.server == server && !exchange.is_open() && !exchange.is_judge();
        self.exchanges.iter().filter(ended).filter(|exchange| !self.was_superseded(exchange))
    }

    fn enter(&mut self, now: u64) {
        self.now = now;
        self.at_rest = false;
        self.clock.enter(now);
    }

    /// Polls and performs actions until the core has nothing more to do.
    fn drain(&mut self, shared: &mut Shared, now: u64) -> CheckResult {
        for _ in 0..RESTLESS {
            self.enter(now);
            let action = self.call.poll(now);
            self.actions += 1;
            self.check_action(shared, &action, now)?;
            if self.perform(shared, action, now)? {
                return Ok(());
            }
            if self.plan.abort == Abort::BetweenActions(self.actions) {
                self.abort(shared, now);
            }
        }
        shared.checker.require(Invariant::Bounded, false, || format!("{RESTLESS} actions without an event"))?;
        self.rest = Rest::Over;
        Ok(())
    }
}
