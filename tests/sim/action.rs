//! Performs the actions that the core asks for.

use failsoft::{Action, AttemptId};

use crate::check::{outcome, request};
use crate::checker::{CheckResult, Invariant, Violation};
use crate::exchange::Exchange;
use crate::host::{Host, Rest};
use crate::world::Shared;

impl Host {
    /// Performs `action`. Returns true if the core has nothing more to do for now.
    pub(crate) fn perform(&mut self, shared: &mut Shared, action: Action, now: u64) -> Result<bool, Violation> {
        match action {
            Action::Send { attempt, request } => {
                let exchange = request::send(self, shared, attempt, &request, now)?;
                self.hedged |= self.exchanges.iter().any(Exchange::is_open);
                self.exchanges.push(exchange);
            }
            Action::Read { attempt } => self.read(shared, attempt, now)?,
            Action::Yield(chunks) => {
                shared.trace.note(self.number, now, 4, || format!("yield {:?}", chunks.text()));
                let had = self.reader.text.len();
                let taken = self.reader.take(&chunks);
                shared.checker.require(Invariant::Prefix, taken.is_ok(), || taken.err().unwrap_or_default())?;
                self.check_reader(shared, had)?;
                self.clock.yielded(now);
                if shared.random.chance(self.plan.host.busy) {
                    self.rest = Rest::Busy(now + shared.random.spread(1..=100_000));
                    return Ok(true);
                }
            }
            Action::Relay { attempt, held } => self.relay(shared, attempt, held, now)?,
            Action::Cancel { attempt } => self.cancel(shared, attempt, now)?,
            Action::Wait { until } => {
                self.wait(shared, until, now)?;
                return Ok(true);
            }
            Action::Done(outcome) => {
                self.rest = Rest::Over;
                self.check_over(shared, now)?;
                outcome::check(self, shared, *outcome, now)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read(&mut self, shared: &mut Shared, attempt: AttemptId, now: u64) -> CheckResult {
        let exchange = self
            .exchanges
            .get_mut(attempt as usize)
            .filter(|exchange| exchange.is_open() && !exchange.reading && exchange.head_at.is_some());
        shared
            .checker
            .require(Invariant::Open, exchange.is_some(), || format!("attempt {attempt} has nothing to read"))?;
        exchange.into_iter().for_each(|exchange| exchange.read(now));
        Ok(())
    }

    fn cancel(&mut self, shared: &mut Shared, attempt: AttemptId, now: u64) -> CheckResult {
        shared.trace.note(self.number, now, 5, || format!("cancel {attempt}"));
        let exchange = self.exchanges.get_mut(attempt as usize).filter(|exchange| exchange.is_open());
        shared.checker.require(Invariant::Open, exchange.is_some(), || {
            format!("attempt {attempt} is cancelled, but is not open")
        })?;
        if let Some(exchange) = exchange {
            exchange.slept = self.clock.slept;
            exchange.cancel(now);
        }
        if shared.random.chance(self.plan.host.stale_events) {
            self.stale_events.push((now + shared.random.below(2_000), attempt));
        }
        Ok(())
    }

    fn relay(&mut self, shared: &mut Shared, attempt: AttemptId, held: Vec<u8>, now: u64) -> CheckResult {
        shared
            .trace
            .note(self.number, now, held.len() as u64, || format!("relay {attempt}, {} bytes held", held.len()));
        let first = self.relayed.is_none() && self.reader.chunks == 0 && self.plan.relay;
        shared.checker.require(Invariant::Prefix, first, || "a body is relayed after another answer".into())?;
        self.relayed = Some(attempt);
        self.reader.relayed = held;
        self.check_reader(shared, 0)
    }

    fn wait(&mut self, shared: &mut Shared, until: u64, now: u64) -> CheckResult {
        shared.trace.note(self.number, now, until, || format!("wait {}", until.saturating_sub(now)));
        self.check_wait(shared, until, now)?;
        self.clock.expected(until);
        self.at_rest = true;
        let host = self.plan.host;
        let lateness = if host.lateness > 0 { shared.random.between(0..=host.lateness) } else { 0 };
        self.rest = Rest::Until(until + lateness);
        if shared.random.chance(host.sleeps) {
            shared.coverage.count("host", "slept");
            self.asleep_until = now + shared.random.spread(1_000..=3_600_000);
        } else if host.sleeps > 0 && shared.random.one_in(10) {
            // A host may also poll without a reason.
            self.rest = Rest::Until(now + shared.random.below(until.saturating_sub(now) + 1));
        }
        Ok(())
    }
}
