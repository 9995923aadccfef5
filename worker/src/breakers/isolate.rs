//! What one isolate knows about the shared breakers, beside the breakers that its calls use.

use failsoft::breaker::{Breaker, ModelOutcome};
use failsoft::policy::BreakerPolicy;
use failsoft::{Breakers, Millis};

use super::AGE;
use super::message::{BreakerAnswer, IsolateReport, Message, ModelReport, named_wait, read_answer};
use super::witnesses::Witnesses;

/// How long after the end of its wait a model is left to another isolate's probe, in milliseconds. After that, the answer
/// that named the wait is too old.
const ANSWER_AGE: Millis = 60_000;

/// The most names in each list.
const MOST: usize = 1_000;

/// What one isolate knows about the shared breakers.
#[derive(Debug, Default)]
pub(crate) struct IsolateState {
    /// The object answered the last message.
    is_connected: bool,
    /// The number of messages, and when the last one was sent.
    sent: u64,
    last_message: Option<Millis>,
    /// When the last call began, and how long after the call before it.
    last_call: Option<Millis>,
    call_gap: Millis,
    /// The states in the object's last answer.
    known: Vec<(String, KnownState)>,
    /// When each model without a failure last answered. A success is reported only with the next failure.
    served: Vec<(String, Millis)>,
    /// Whose calls failed, for each model that failed lately.
    failing: Vec<(String, Witnesses)>,
    /// The breakers that kept a call from a model since the last message.
    wanted: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum KnownState {
    Closed,
    Open {
        until: Millis,
    },
    /// This isolate may probe the model. After `until`, the object may give the probe to another isolate.
    Probe {
        until: Millis,
    },
}

impl IsolateState {
    /// Prepares `breakers` for a call that could use the models `names`. A breaker stays open if another isolate probes its
    /// model.
    pub(crate) fn start_call<'a>(
        &mut self,
        breakers: &mut Breakers,
        names: impl Iterator<Item = &'a str>,
        now: Millis,
    ) {
        self.call_gap = self.last_call.map_or(0, |before| now.saturating_sub(before));
        self.last_call = Some(now);
        for name in names {
            let Some(Breaker::Open { until }) = breakers.state(name) else { continue };
            self.record_wanted(name);
            if now >= until && self.is_left_to_others(name, now) {
                breakers.set(name, Breaker::Open { until: now + AGE });
            }
        }
    }

    fn record_wanted(&mut self, name: &str) {
        if !self.wanted.iter().any(|wanted| wanted == name) && self.wanted.len() < MOST {
            self.wanted.push(name.into());
        }
    }

    /// Whether another isolate is to probe the model `name`, whose wait is over.
    fn is_left_to_others(&self, name: &str, now: Millis) -> bool {
        match self.known.iter().find(|(known, _)| known == name) {
            Some((_, KnownState::Open { until })) => self.is_connected && now < until + ANSWER_AGE,
            Some((_, KnownState::Closed | KnownState::Probe { .. })) | None => false,
        }
    }

    /// Returns the message to send at once, if the call that has begun probes one of the models `names`.
    pub(crate) fn report_probe<'a>(
        &mut self,
        breakers: &Breakers,
        names: impl Iterator<Item = &'a str>,
        now: Millis,
    ) -> Option<Message> {
        let mut probing = Vec::new();
        for name in names {
            if let Some(Breaker::HalfOpen { lease }) = breakers.state(name)
                && let Some(at) = self.known.iter().position(|(known, state)| known == name && is_probe(state))
            {
                self.known.swap_remove(at);
                probing.push((name.to_owned(), lease.saturating_sub(now)));
            }
        }
        (!probing.is_empty()).then(|| self.message(IsolateReport { probing, ..IsolateReport::default() }, now))
    }

    /// Records the outcomes of a call in `breakers`. Returns the message to send, if there is something to report or the
    /// known states are old.
    pub(crate) fn record_outcomes(
        &mut self,
        breakers: &mut Breakers,
        model_outcomes: &[ModelOutcome],
        unused: &[String],
        policy: &BreakerPolicy,
        account: Option<u32>,
        now: Millis,
    ) -> Option<Message> {
        let mut models = Vec::new();
        for outcome in model_outcomes.iter().filter(|_| policy.failures > 0) {
            let is_healthy = matches!(breakers.state(&outcome.name), None | Some(Breaker::Closed { failures: 0 }));
            if self.counts(breakers, outcome, account, policy) {
                breakers.record(now, outcome, policy);
            }
            let served = self.served.iter().position(|(name, _)| *name == outcome.name);
            let (name, policy) = (outcome.name.clone(), policy.clone());
            let model = ModelReport { name, served: Some(0), failed: None, account, policy };
            match (&outcome.failure, served) {
                (Some(failure), served) => {
                    let served = served.map(|at| now.saturating_sub(self.served.swap_remove(at).1));
                    models.push(ModelReport { served, failed: Some(named_wait(failure)), ..model });
                }
                (None, _) if !is_healthy => models.push(model),
                (None, Some(at)) => self.served[at].1 = now,
                (None, None) if self.served.len() < MOST => self.served.push((outcome.name.clone(), now)),
                (None, None) => {}
            }
        }
        for name in unused {
            breakers.release(name, now);
            // The object may give the probe to any isolate again, and this one still wants the model.
            self.known.retain(|(known, _)| known != name);
            self.known.push((name.clone(), KnownState::Open { until: now }));
            self.record_wanted(name);
        }
        let report = IsolateReport { models, released: unused.to_vec(), ..IsolateReport::default() };
        let due = self.last_message.is_none_or(|sent| now.saturating_sub(sent) >= AGE);
        (due || !report.models.is_empty() || !report.released.is_empty()).then(|| self.message(report, now))
    }

    /// Whether `outcome` counts in this isolate's breaker of the model.
    fn counts(
        &mut self,
        breakers: &Breakers,
        outcome: &ModelOutcome,
        account: Option<u32>,
        policy: &BreakerPolicy,
    ) -> bool {
        let at = self.failing.iter().position(|(name, _)| *name == outcome.name);
        let Some(failure) = &outcome.failure else {
            at.map(|at| self.failing.swap_remove(at));
            return true;
        };
        let at = at.unwrap_or_else(|| {
            if self.failing.len() >= MOST {
                self.failing.remove(0);
            }
            self.failing.push((outcome.name.clone(), Witnesses::default()));
            self.failing.len() - 1
        });
        let witnesses = &mut self.failing[at].1;
        witnesses.add(account);
        named_wait(failure).is_some() || witnesses.may_count(breakers.state(&outcome.name), policy)
    }

    fn message(&mut self, report: IsolateReport, now: Millis) -> Message {
        self.last_message = Some(now);
        self.sent += 1;
        let wanted = std::mem::take(&mut self.wanted);
        let text = IsolateReport { next_message: self.call_gap.max(AGE), wanted, ..report }.to_json();
        Message { number: self.sent, text }
    }

    /// Applies the object's answer to message `number`. Without an answer, the isolate goes on with what it knows. Returns
    /// whether the connection to the object was lost with this message.
    pub(crate) fn apply_answer(
        &mut self,
        breakers: &mut Breakers,
        number: u64,
        answer: Option<&str>,
        now: Millis,
    ) -> bool {
        let Some(answer) = answer.and_then(read_answer) else {
            return std::mem::take(&mut self.is_connected) || number == 1;
        };
        self.is_connected = true;
        // The answer to an earlier message does not contain what a later message reported.
        if number != self.sent {
            return false;
        }
        let before = std::mem::take(&mut self.known);
        for (name, _) in before.iter().filter(|(name, _)| !answer.iter().any(|(answered, _)| answered == name)) {
            set_breaker(breakers, name, Breaker::Closed { failures: 0 }, now);
        }
        for (name, state) in answer {
            let before = before.iter().find(|(known, _)| *known == name).map(|(_, state)| state);
            self.known.push((name.clone(), apply_state(breakers, &name, &state, before, now)));
        }
        false
    }
}

/// Copies `breakers` for a call whose outcome is not recorded. The call never probes one of the models `names`.
pub(crate) fn without_probes<'a>(breakers: &Breakers, names: impl Iterator<Item = &'a str>, now: Millis) -> Breakers {
    let mut seen = breakers.clone();
    for name in names {
        match seen.state(name) {
            Some(Breaker::Open { until } | Breaker::HalfOpen { lease: until }) if now >= until => {
                seen.set(name, Breaker::Open { until: now + AGE });
            }
            Some(_) | None => {}
        }
    }
    seen
}

fn is_probe(state: &KnownState) -> bool {
    matches!(state, KnownState::Probe { .. })
}

/// Applies the state `answer` of the breaker `name`, of which the isolate knew the state `before`.
fn apply_state(
    breakers: &mut Breakers,
    name: &str,
    answer: &BreakerAnswer,
    before: Option<&KnownState>,
    now: Millis,
) -> KnownState {
    let (breaker, state) = match (answer, before) {
        (BreakerAnswer::Closed(failures), _) => (Breaker::Closed { failures: *failures }, KnownState::Closed),
        // The breaker is open for all isolates but the one that has the probe.
        (BreakerAnswer::Open(_), Some(KnownState::Probe { until })) if now < *until => {
            return KnownState::Probe { until: *until };
        }
        (BreakerAnswer::Open(wait), _) => (Breaker::Open { until: now + wait }, KnownState::Open { until: now + wait }),
        (BreakerAnswer::Probe(wait, lease), _) => {
            (Breaker::Open { until: now + wait }, KnownState::Probe { until: now + wait + lease })
        }
    };
    set_breaker(breakers, name, breaker, now);
    state
}

/// Sets a breaker, unless this isolate probes its model: the result of the probe will be newer.
fn set_breaker(breakers: &mut Breakers, name: &str, breaker: Breaker, now: Millis) {
    match breakers.state(name) {
        Some(Breaker::HalfOpen { lease }) if now < lease => {}
        Some(_) | None => breakers.set(name, breaker),
    }
}

#[cfg(test)]
mod tests;
