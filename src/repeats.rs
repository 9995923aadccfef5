//! Calls that an SDK repeats. Some SDKs send a failed request again, whatever `x-should-retry` says: the AI SDK twice,
//! LangChain six times, @openrouter/sdk for an hour. failsoft has asked all models of the chain already, so a repetition gets
//! the same failure from memory.

use crate::{Failure, Millis};

/// A repetition comes within this time, in milliseconds. The pauses of an SDK grow, so the time grows with them.
const FIRST_PAUSE: Millis = 10_000;

/// After this time, in milliseconds, the models are asked again in any case.
const LONGEST: Millis = 130_000;

/// failsoft itself waits this long for a model, in milliseconds. A longer wait is for the SDK: after the wait, the call is new.
const SHORT_WAIT: Millis = 2_000;

/// A call that failed, and its repetitions.
#[derive(Debug)]
struct Repeat<Identity> {
    call: Identity,
    began_at: Millis,
    /// When the models were last asked.
    asked_at: Millis,
    /// When the failure was last given, and how often since the models were asked.
    given_at: Millis,
    given: u32,
    failure: Box<Failure>,
}

/// The failures of calls that an SDK may repeat. An `Identity` is what makes two requests the same call.
#[derive(Debug)]
pub struct Repeats<Identity> {
    failed: Vec<Repeat<Identity>>,
    most: usize,
    most_times: u32,
}

impl<Identity: PartialEq> Repeats<Identity> {
    /// Remembers at most `most` failures, and gives each at most `most_times` before the models are asked again.
    pub const fn new(most: usize, most_times: u32) -> Self {
        Self { failed: Vec::new(), most, most_times }
    }

    /// The failure of `call`, if the call is a repetition. Its wait is what is left of the wait.
    pub fn find(&mut self, call: &Identity, now: Millis) -> Option<Box<Failure>> {
        self.failed.retain(|repeat| repeat.goes_on(now));
        let repeat = self.failed.iter_mut().find(|repeat| repeat.call == *call)?;
        let age = now.saturating_sub(repeat.asked_at);
        if age >= repeat.wait().unwrap_or(LONGEST).min(LONGEST) || repeat.given == self.most_times {
            return None;
        }
        repeat.given_at = now;
        repeat.given += 1;
        let mut failure = repeat.failure.clone();
        failure.retry_after = failure.retry_after.map(|wait| wait.saturating_sub(age));
        Some(failure)
    }

    /// Notes how `call` ended: with a failure that SDKs repeat, or otherwise.
    pub fn record(&mut self, call: Identity, failure: Option<&Failure>, now: Millis) {
        let known = self.failed.iter().position(|repeat| repeat.call == call).map(|at| self.failed.remove(at));
        let Some(failure) = failure else { return };
        if self.failed.len() == self.most {
            self.failed.remove(0);
        }
        let began_at = known.map_or(now, |known| known.began_at);
        let failure = Box::new(failure.clone());
        self.failed.push(Repeat { call, began_at, asked_at: now, given_at: now, given: 0, failure });
    }
}

impl<Identity> Repeat<Identity> {
    /// The wait that is left to the SDK.
    fn wait(&self) -> Option<Millis> {
        self.failure.retry_after.filter(|wait| *wait > SHORT_WAIT)
    }

    /// The next repetition may still come.
    fn goes_on(&self, now: Millis) -> bool {
        let pause =
            FIRST_PAUSE.max(3 * self.given_at.saturating_sub(self.began_at)).max(self.wait().unwrap_or_default());
        now.saturating_sub(self.given_at) <= pause
    }
}

#[cfg(test)]
mod tests {
    use super::Repeats;
    use crate::{Failure, Kind};

    /// Whether the memory answers the calls of `call` at these times, in seconds; each call that it does not answer fails.
    fn answers(repeats: &mut Repeats<&'static str>, call: &'static str, times: &[u64]) -> Vec<bool> {
        let failure = Failure::new(Kind::ServerError, "x");
        let answer = |at: &u64| {
            let found = repeats.find(&call, at * 1_000).is_some();
            if !found {
                repeats.record(call, Some(&failure), at * 1_000);
            }
            found
        };
        times.iter().map(answer).collect()
    }

    #[test]
    fn a_failure_is_given_as_often_as_an_sdk_repeats_and_then_the_models_are_asked() {
        let mut repeats = Repeats::new(9, 2);
        assert_eq!(
            answers(&mut repeats, "a", &[0, 1, 3, 7, 15, 31, 63]),
            [false, true, true, false, true, true, false]
        );
        // Unlimited repetitions end with the time: two minutes after the models failed, or after a pause that no SDK makes.
        let mut repeats = Repeats::new(9, u32::MAX);
        assert_eq!(answers(&mut repeats, "a", &[0, 5, 20, 75, 135, 195]), [false, true, true, true, false, true]);
        assert_eq!(answers(&mut repeats, "b", &[0, 11]), [false, false]);
    }

    #[test]
    fn the_wait_that_an_upstream_named_ends_the_memory_if_the_sdk_has_to_wait() {
        let mut repeats = Repeats::new(9, 9);
        let mut busy = Failure::new(Kind::RateLimited, "x");
        busy.retry_after = Some(40_000);
        repeats.record("a", Some(&busy), 0);
        assert_eq!(repeats.find(&"a", 25_000).and_then(|failure| failure.retry_after), Some(15_000));
        assert_eq!(repeats.find(&"a", 40_000), None);
        // failsoft has waited this long itself.
        busy.retry_after = Some(1_000);
        repeats.record("a", Some(&busy), 0);
        assert_eq!(repeats.find(&"a", 1_500).and_then(|failure| failure.retry_after), Some(0));
    }

    #[test]
    fn an_answer_ends_the_memory_and_the_oldest_of_too_many_failures_is_forgotten() {
        let mut repeats = Repeats::new(2, 9);
        let failure = Failure::new(Kind::ServerError, "x");
        for call in ["a", "b", "c"] {
            repeats.record(call, Some(&failure), 0);
        }
        repeats.record("c", None, 0);
        assert_eq!(["a", "b", "c"].map(|call| repeats.find(&call, 1).is_some()), [false, true, false]);
    }
}
