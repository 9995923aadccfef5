use super::{IsolateState, without_probes};
use crate::breakers::message::{BreakerAnswer, IsolateReport, write_answer};
use crate::breakers::shared::SharedBreakers;
use failsoft::breaker::{Breaker, ModelOutcome};
use failsoft::policy::BreakerPolicy;
use failsoft::{Breakers, Failure, Json, Kind};

const NAME: &str = "u a";
const POLICY: BreakerPolicy = BreakerPolicy { failures: 3, cooldown: 20_000 };

/// An isolate whose calls all use one model.
#[derive(Default)]
struct Isolate {
    state: IsolateState,
    breakers: Breakers,
}

impl Isolate {
    /// Makes a call at `now`, while the model is `down` or not. Returns whether the call reached the model.
    fn call(&mut self, object: Option<&mut SharedBreakers>, now: u64, down: bool) -> bool {
        let Self { state, breakers } = self;
        state.start_call(breakers, [NAME].into_iter(), now);
        let asks = breakers.admit(NAME, now).is_ok();
        let probe = state.report_probe(breakers, [NAME].into_iter(), now);
        let failure = down.then(|| Failure::new(Kind::Unavailable, "down"));
        let outcome = asks.then(|| ModelOutcome { name: NAME.into(), failure });
        let outcomes = state.record_outcomes(breakers, outcome.as_slice(), &[], &POLICY, None, now);
        let mut object = object;
        for message in probe.into_iter().chain(outcomes) {
            let answered = object.as_deref_mut().map(|object| {
                write_answer(&object.handle(&IsolateReport::read(Json::parse(&message.text).expect("JSON")), now))
            });
            state.apply_answer(breakers, message.number, answered.as_deref(), now);
        }
        asks
    }
}

/// Makes 30 calls, 4 s apart and in turn, on `isolates` isolates that share `object`. The model is down for 60 s. Returns
/// how often calls reached the model in that time, and when it answered again.
fn outage(isolates: usize, mut object: Option<SharedBreakers>) -> (usize, u64) {
    let mut all: Vec<Isolate> = (0..isolates).map(|_| Isolate::default()).collect();
    let (mut asked, mut served) = (0, None);
    for turn in 0..30 {
        // No two events share a millisecond.
        let (now, down) = (turn * 4_003, turn < 15);
        let asks = all[turn as usize % isolates].call(object.as_mut(), now, down);
        asked += usize::from(asks && down);
        if asks && !down {
            served.get_or_insert(now - 15 * 4_003);
        }
    }
    (asked, served.expect("it answers again"))
}

#[test]
fn few_calls_reach_a_model_that_is_down_and_it_answers_soon_after() {
    for (isolates, most) in [(1, 6), (2, 8), (4, 10)] {
        let (asked, served) = outage(isolates, Some(SharedBreakers::default()));
        assert!(asked <= most && served <= 30_000, "{isolates}: {asked}, {served} ms");
    }
    let (asked, served) = outage(1, None);
    assert!(asked <= 6 && served <= 30_000, "alone: {asked}, {served} ms");
    assert!(outage(4, None).0 > 10, "four isolates that share nothing call it more often");
}

#[test]
fn a_success_sends_no_message_except_to_refresh_the_known_states() {
    let mut isolate = Isolate::default();
    let mut object = SharedBreakers::default();
    isolate.call(Some(&mut object), 0, false);
    assert_eq!(isolate.state.sent, 1);
    isolate.call(Some(&mut object), 999, false);
    assert_eq!(isolate.state.sent, 1);
    isolate.call(Some(&mut object), 1_000, false);
    assert_eq!((isolate.state.sent, object.rows.len()), (2, 0));
}

#[test]
fn only_the_answer_to_the_last_message_counts() {
    let Isolate { mut state, mut breakers } = Isolate::default();
    let failed = [ModelOutcome { name: NAME.into(), failure: Some(Failure::new(Kind::Unavailable, "down")) }];
    let first = state.record_outcomes(&mut breakers, &failed, &[], &POLICY, None, 0).expect("a message");
    let second = state.record_outcomes(&mut breakers, &failed, &[], &POLICY, None, 1).expect("a message");
    state.apply_answer(&mut breakers, first.number, Some(&write_answer(&[(NAME.into(), BreakerAnswer::Closed(1))])), 2);
    assert_eq!(breakers.state(NAME), Some(Breaker::Closed { failures: 2 }));
    state.apply_answer(&mut breakers, second.number, Some(&write_answer(&[(NAME.into(), BreakerAnswer::Open(9))])), 3);
    assert_eq!(breakers.state(NAME), Some(Breaker::Open { until: 12 }));
}

#[test]
fn without_an_answer_the_isolate_goes_on_alone_and_reports_that_once() {
    let mut isolate = Isolate::default();
    let mut object = SharedBreakers::default();
    for now in 0..3 {
        isolate.call(Some(&mut object), now, true);
    }
    assert!(!isolate.call(Some(&mut object), 20_002, true), "the object gives the probe");
    let Isolate { state, breakers } = &mut isolate;
    assert!(state.apply_answer(breakers, state.sent, None, 20_003));
    assert!(!state.apply_answer(breakers, state.sent, None, 20_003));
    assert!(isolate.call(None, 21_003, false), "the isolate probes by itself");
}

#[test]
fn a_call_whose_outcome_is_not_recorded_takes_no_probe() {
    let mut breakers = Breakers::default();
    breakers.set(NAME, Breaker::Open { until: 5 });
    let mut seen = without_probes(&breakers, [NAME].into_iter(), 5);
    assert!(seen.admit(NAME, 5).is_err());
    assert_eq!(breakers.state(NAME), Some(Breaker::Open { until: 5 }));
}
