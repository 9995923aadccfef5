//! What an isolate knows, beside the breakers that its calls use.

use failsoft::breaker::{Breaker, ModelOutcome};
use failsoft::policy::BreakerPolicy;
use failsoft::{Breakers, Millis};

use super::AGE;
use super::message::{Heard, Message, News, Told, named_wait, read_answer};

/// So long behind its time a model that others should have probed is believed to rest, in milliseconds. Whoever comes by
/// later than that has missed the news.
const BELIEVED: Millis = 60_000;

/// Names kept at most of each sort.
const MOST: usize = 1_000;

/// An isolate's side of the breakers that all share.
#[derive(Debug, Default)]
pub(crate) struct Local {
    /// The object has answered last time.
    shares: bool,
    /// The number of messages that were sent, and when the last was.
    sent: u64,
    asked: Option<Millis>,
    /// When the last call came, and how long after the one before.
    visited: Option<Millis>,
    gap: Millis,
    /// What the object last told.
    told: Vec<(String, State)>,
    /// When models served that have no failure to their name: not worth a message, until one fails.
    served: Vec<(String, Millis)>,
    /// Breakers that kept a call from a model since the last message.
    wanted: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum State {
    Closed,
    Open {
        until: Millis,
    },
    /// The probe is this isolate's; from `until` on it may be someone else's, which an answer will tell.
    Probe {
        until: Millis,
    },
}

impl Local {
    /// A call that could ask for `names` begins: those of them that are another isolate's to probe stay open.
    pub(crate) fn visit<'a>(&mut self, breakers: &mut Breakers, names: impl Iterator<Item = &'a str>, now: Millis) {
        self.gap = self.visited.map_or(0, |before| now.saturating_sub(before));
        self.visited = Some(now);
        for name in names {
            let Some(Breaker::Open { until }) = breakers.state(name) else { continue };
            self.want(name);
            if now >= until && self.leaves_alone(name, now) {
                breakers.set(name, Breaker::Open { until: now + AGE });
            }
        }
    }

    fn want(&mut self, name: &str) {
        if !self.wanted.iter().any(|wanted| wanted == name) && self.wanted.len() < MOST {
            self.wanted.push(name.into());
        }
    }

    /// `name`, whose time has come, is for another isolate to probe.
    fn leaves_alone(&self, name: &str, now: Millis) -> bool {
        match self.told.iter().find(|(told, _)| told == name) {
            Some((_, State::Open { until })) => self.shares && now < until + BELIEVED,
            Some((_, State::Closed | State::Probe { .. })) | None => false,
        }
    }

    /// A call has begun: what to tell at once, if it took a probe among `names`.
    pub(crate) fn begun<'a>(
        &mut self,
        breakers: &Breakers,
        names: impl Iterator<Item = &'a str>,
        now: Millis,
    ) -> Option<Message> {
        let mut probing = Vec::new();
        for name in names {
            if let Some(Breaker::HalfOpen { lease }) = breakers.state(name)
                && let Some(at) = self.told.iter().position(|(told, state)| told == name && is_probe(state))
            {
                self.told.swap_remove(at);
                probing.push((name.to_owned(), lease.saturating_sub(now)));
            }
        }
        (!probing.is_empty()).then(|| self.message(News { probing, ..News::default() }, now))
    }

    /// A call is over: teaches `breakers`, and says what to tell, if anything is worth it or it is time to ask.
    pub(crate) fn learn(
        &mut self,
        breakers: &mut Breakers,
        model_outcomes: &[ModelOutcome],
        unused: &[String],
        policy: &BreakerPolicy,
        now: Millis,
    ) -> Option<Message> {
        let mut heard = Vec::new();
        for lesson in model_outcomes.iter().filter(|_| policy.failures > 0) {
            let well = matches!(breakers.state(&lesson.name), None | Some(Breaker::Closed { failures: 0 }));
            breakers.record(now, lesson, policy);
            let served = self.served.iter().position(|(name, _)| *name == lesson.name);
            let told = Heard { name: lesson.name.clone(), served: Some(0), failed: None, policy: policy.clone() };
            match (&lesson.failure, served) {
                (Some(failure), served) => {
                    let served = served.map(|at| now.saturating_sub(self.served.swap_remove(at).1));
                    heard.push(Heard { served, failed: Some(named_wait(failure)), ..told });
                }
                (None, _) if !well => heard.push(told),
                (None, Some(at)) => self.served[at].1 = now,
                (None, None) if self.served.len() < MOST => self.served.push((lesson.name.clone(), now)),
                (None, None) => {}
            }
        }
        for name in unused {
            breakers.release(name, now);
            // It is the object's to give again, and this isolate still wants it.
            self.told.retain(|(told, _)| told != name);
            self.told.push((name.clone(), State::Open { until: now }));
            self.want(name);
        }
        let news = News { heard, released: unused.to_vec(), ..News::default() };
        let due = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= AGE);
        (due || !news.heard.is_empty() || !news.released.is_empty()).then(|| self.message(news, now))
    }

    fn message(&mut self, news: News, now: Millis) -> Message {
        self.asked = Some(now);
        self.sent += 1;
        let wanted = std::mem::take(&mut self.wanted);
        let text = News { back: self.gap.max(AGE), wanted, ..news }.to_json();
        Message { number: self.sent, text }
    }

    /// Takes over what message `number` was answered with. Without an answer, this isolate goes on alone; true, if that is
    /// news.
    pub(crate) fn take(&mut self, breakers: &mut Breakers, number: u64, answer: Option<&str>, now: Millis) -> bool {
        let Some(answer) = answer.and_then(read_answer) else {
            return std::mem::take(&mut self.shares) || number == 1;
        };
        self.shares = true;
        // What was said to an earlier message does not know what the later one told.
        if number != self.sent {
            return false;
        }
        let before = std::mem::take(&mut self.told);
        for (name, _) in before.iter().filter(|(name, _)| !answer.iter().any(|(told, _)| told == name)) {
            keep(breakers, name, Breaker::Closed { failures: 0 }, now);
        }
        for (name, told) in answer {
            let own = before.iter().find(|(known, _)| *known == name);
            self.told.push((name.clone(), keep_told(breakers, &name, &told, own.map(|(_, state)| state), now)));
        }
        false
    }
}

/// `breakers` for a call that leaves no trace in them: it never takes a probe among `names`.
pub(crate) fn onlooker<'a>(breakers: &Breakers, names: impl Iterator<Item = &'a str>, now: Millis) -> Breakers {
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

fn is_probe(state: &State) -> bool {
    matches!(state, State::Probe { .. })
}

/// Takes over what was told of `name`, where `own` is what had been told before.
fn keep_told(breakers: &mut Breakers, name: &str, told: &Told, own: Option<&State>, now: Millis) -> State {
    let (breaker, state) = match (told, own) {
        (Told::Closed(failures), _) => (Breaker::Closed { failures: *failures }, State::Closed),
        // It is open for all but the one that has the probe.
        (Told::Open(_), Some(State::Probe { until })) if now < *until => return State::Probe { until: *until },
        (Told::Open(wait), _) => (Breaker::Open { until: now + wait }, State::Open { until: now + wait }),
        (Told::Probe(wait, lease), _) => {
            (Breaker::Open { until: now + wait }, State::Probe { until: now + wait + lease })
        }
    };
    keep(breakers, name, breaker, now);
    state
}

/// What a probe of this isolate finds out is better than what others know.
fn keep(breakers: &mut Breakers, name: &str, breaker: Breaker, now: Millis) {
    match breakers.state(name) {
        Some(Breaker::HalfOpen { lease }) if now < lease => {}
        Some(_) | None => breakers.set(name, breaker),
    }
}

#[cfg(test)]
mod tests {
    use super::{Local, onlooker};
    use crate::breakers::message::{News, Told, answer};
    use crate::breakers::shared::Shared;
    use failsoft::breaker::{Breaker, ModelOutcome};
    use failsoft::policy::BreakerPolicy;
    use failsoft::{Breakers, Failure, Json, Kind};

    const NAME: &str = "u a";
    const POLICY: BreakerPolicy = BreakerPolicy { failures: 3, cooldown: 20_000 };

    /// An isolate whose calls could all ask for one model.
    #[derive(Default)]
    struct Isolate {
        local: Local,
        breakers: Breakers,
    }

    impl Isolate {
        /// A call at `now`, while the model is `down` or not. True: it was asked.
        fn call(&mut self, object: Option<&mut Shared>, now: u64, down: bool) -> bool {
            let Self { local, breakers } = self;
            local.visit(breakers, [NAME].into_iter(), now);
            let asks = breakers.admit(NAME, now).is_ok();
            let begun = local.begun(breakers, [NAME].into_iter(), now);
            let failure = down.then(|| Failure::new(Kind::Unavailable, "down"));
            let lesson = asks.then(|| ModelOutcome { name: NAME.into(), failure });
            let learnt = local.learn(breakers, lesson.as_slice(), &[], &POLICY, now);
            let mut object = object;
            for message in begun.into_iter().chain(learnt) {
                let answered = object
                    .as_deref_mut()
                    .map(|object| answer(&object.take(&News::read(Json::parse(&message.text).expect("JSON")), now)));
                local.take(breakers, message.number, answered.as_deref(), now);
            }
            asks
        }
    }

    /// 20 calls, 4 s apart and in turn, to `isolates` that share what they know. The model is down for 60 s. How often it was
    /// asked in that time, and when it served again.
    fn outage(isolates: usize, mut object: Option<Shared>) -> (usize, u64) {
        let mut all: Vec<Isolate> = (0..isolates).map(|_| Isolate::default()).collect();
        let (mut asked, mut served) = (0, None);
        for turn in 0..30 {
            // Nothing falls on the same millisecond.
            let (now, down) = (turn * 4_003, turn < 15);
            let asks = all[turn as usize % isolates].call(object.as_mut(), now, down);
            asked += usize::from(asks && down);
            if asks && !down {
                served.get_or_insert(now - 15 * 4_003);
            }
        }
        (asked, served.expect("it serves again"))
    }

    #[test]
    fn a_model_that_is_down_is_asked_a_few_times_and_serves_soon_after() {
        for (isolates, most) in [(1, 6), (2, 8), (4, 10)] {
            let (asked, served) = outage(isolates, Some(Shared::default()));
            assert!(asked <= most && served <= 30_000, "{isolates}: {asked}, {served} ms");
        }
        let (asked, served) = outage(1, None);
        assert!(asked <= 6 && served <= 30_000, "alone: {asked}, {served} ms");
        assert!(outage(4, None).0 > 10, "four that do not share ask more often");
    }

    #[test]
    fn a_model_that_serves_costs_no_message_but_the_question_how_things_stand() {
        let mut isolate = Isolate::default();
        let mut object = Shared::default();
        isolate.call(Some(&mut object), 0, false);
        assert_eq!(isolate.local.sent, 1);
        isolate.call(Some(&mut object), 999, false);
        assert_eq!(isolate.local.sent, 1);
        isolate.call(Some(&mut object), 1_000, false);
        assert_eq!((isolate.local.sent, object.rows.len()), (2, 0));
    }

    #[test]
    fn only_the_answer_to_the_last_message_says_how_things_stand() {
        let Isolate { mut local, mut breakers } = Isolate::default();
        let failed = [ModelOutcome { name: NAME.into(), failure: Some(Failure::new(Kind::Unavailable, "down")) }];
        let first = local.learn(&mut breakers, &failed, &[], &POLICY, 0).expect("a message");
        let second = local.learn(&mut breakers, &failed, &[], &POLICY, 1).expect("a message");
        local.take(&mut breakers, first.number, Some(&answer(&[(NAME.into(), Told::Closed(1))])), 2);
        assert_eq!(breakers.state(NAME), Some(Breaker::Closed { failures: 2 }));
        local.take(&mut breakers, second.number, Some(&answer(&[(NAME.into(), Told::Open(9))])), 3);
        assert_eq!(breakers.state(NAME), Some(Breaker::Open { until: 12 }));
    }

    #[test]
    fn without_an_answer_it_goes_on_alone_and_says_so_once() {
        let mut isolate = Isolate::default();
        let mut object = Shared::default();
        for now in 0..3 {
            isolate.call(Some(&mut object), now, true);
        }
        assert!(!isolate.call(Some(&mut object), 20_002, true), "the probe has to be handed out");
        let Isolate { local, breakers } = &mut isolate;
        assert!(local.take(breakers, local.sent, None, 20_003));
        assert!(!local.take(breakers, local.sent, None, 20_003));
        assert!(isolate.call(None, 21_003, false), "nobody hands out probes any more");
    }

    #[test]
    fn a_call_that_leaves_no_trace_takes_no_probe() {
        let mut breakers = Breakers::default();
        breakers.set(NAME, Breaker::Open { until: 5 });
        let mut seen = onlooker(&breakers, [NAME].into_iter(), 5);
        assert!(seen.admit(NAME, 5).is_err());
        assert_eq!(breakers.state(NAME), Some(Breaker::Open { until: 5 }));
    }
}
