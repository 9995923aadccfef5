//! What a call may do before it gives up: plain data with defaults, read from JSON.
//!
//! Unknown fields and values out of range are refused with the path of the field. The JSON shape is the same in the
//! package's `policy` option, in a route of the edge and in a request's `failsoft` field:
//!
//! ```
//! let json = failsoft::Json::parse(r#"{"attempts": 4, "timeouts": {"idle": 5000}, "empty": "next"}"#).expect("JSON");
//! let policy = failsoft::Policy::read(json)?;
//! assert_eq!((policy.attempts, policy.timeouts.idle, policy.timeouts.total), (4, 5_000, 600_000));
//! # Ok::<(), Box<failsoft::Invalid>>(())
//! ```

use crate::Millis;
use crate::invalid::{Invalid, Section};
use crate::json::Json;

/// Everything that is policy in a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Requests sent at most, retries and fallbacks together. Default 8, from 1 to 32.
    pub attempts: u32,
    /// The four clocks.
    pub timeouts: Timeouts,
    /// Pauses before the same model is asked again.
    pub retry: Retry,
    /// What follows a content filter or a moderation: `next` (default) or `fail`.
    pub on_content_filter: Soft,
    /// What follows an answer without content. Default `retry`.
    pub empty: Soft,
    /// What follows an answer that declines. Default `next`.
    pub refusal: Soft,
    /// What follows an answer that is no JSON although JSON was asked for. Default `next`.
    pub invalid_json: Soft,
    /// What follows an answer that hit the output limit. Default `accept`: a caller may have set it on purpose.
    pub length: Soft,
    /// A request without `stream` is streamed from upstream and put together here, so that a silent model is noticed
    /// early and an abort stops the bill. Default true in a page, false at the edge.
    pub assemble: bool,
    /// When a model is left alone.
    pub breaker: BreakerPolicy,
}

/// Four clocks, in milliseconds. The first three run for each attempt, the last for the whole call.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// From sending to the response headers; of streams only. Default 30,000, from 1 to 600,000.
    pub headers: Millis,
    /// From sending to the first text, reasoning or tool call. Default 60,000, from 1 to 600,000.
    pub first_token: Millis,
    /// Between events of a stream, while one is asked for; comments do not count. Default 30,000, from 1 to 600,000.
    pub idle: Millis,
    /// The whole call. Default 600,000, from 1 to 3,600,000.
    pub total: Millis,
}

/// Pauses before a repetition, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Repetitions of the same model at most. Default 1, from 0 to 10.
    pub same: u32,
    /// The longest wait that a failure may name for the same model to be asked again. Default 2,000, up to 60,000.
    pub max_wait: Millis,
    /// The bound of the first random pause; it doubles with each. Default 500, up to 60,000.
    pub base: Millis,
    /// The bound of every random pause. Default 5,000, up to 60,000.
    pub cap: Millis,
}

/// When a breaker opens, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it; 0 turns breakers off. Default 3, up to 100.
    pub failures: u32,
    /// Milliseconds until one call may probe the model. Default 20,000, from 1 to 3,600,000.
    pub cooldown: Millis,
}

/// What follows an answer that a rule did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soft {
    /// The same model once more, then the next.
    Retry,
    /// The next model.
    Next,
    /// An error.
    Fail,
    /// Nothing: the rule is off.
    Accept,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 8,
            timeouts: Timeouts { headers: 30_000, first_token: 60_000, idle: 30_000, total: 600_000 },
            retry: Retry { same: 1, max_wait: 2_000, base: 500, cap: 5_000 },
            on_content_filter: Soft::Next,
            empty: Soft::Retry,
            refusal: Soft::Next,
            invalid_json: Soft::Next,
            length: Soft::Accept,
            assemble: false,
            breaker: BreakerPolicy { failures: 3, cooldown: 20_000 },
        }
    }
}

impl Policy {
    /// The defaults, with what `value` says instead.
    ///
    /// # Errors
    /// [`Invalid`] with the path below `policy` of the first field that is unknown or out of range.
    pub fn read(value: Json<'_>) -> Result<Self, Box<Invalid>> {
        Self::default().with(value)
    }

    /// This policy, with what `value` says instead. `null` says nothing.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn with(&self, value: Json<'_>) -> Result<Self, Box<Invalid>> {
        let mut policy = self.clone();
        policy.take(Section::object("policy", value)?)?;
        Ok(policy)
    }

    fn take(&mut self, given: Section<'_>) -> Result<(), Box<Invalid>> {
        const FIELDS: &str =
            "attempts timeouts retry onContentFilter empty refusal invalidJson length assemble breaker";
        given.only(FIELDS)?;
        given.count("attempts", 1, 32, &mut self.attempts)?;
        soft(&given, "onContentFilter", "next fail", &mut self.on_content_filter)?;
        soft(&given, "empty", Soft::NAMES, &mut self.empty)?;
        soft(&given, "refusal", Soft::NAMES, &mut self.refusal)?;
        soft(&given, "invalidJson", Soft::NAMES, &mut self.invalid_json)?;
        soft(&given, "length", Soft::NAMES, &mut self.length)?;
        given.flag("assemble", &mut self.assemble)?;

        let clocks = given.section("timeouts")?;
        clocks.only("headers firstToken idle total")?;
        clocks.whole("headers", 1, 600_000, &mut self.timeouts.headers)?;
        clocks.whole("firstToken", 1, 600_000, &mut self.timeouts.first_token)?;
        clocks.whole("idle", 1, 600_000, &mut self.timeouts.idle)?;
        clocks.whole("total", 1, 3_600_000, &mut self.timeouts.total)?;

        let retry = given.section("retry")?;
        retry.only("same maxWait base cap")?;
        retry.count("same", 0, 10, &mut self.retry.same)?;
        retry.whole("maxWait", 0, 60_000, &mut self.retry.max_wait)?;
        retry.whole("base", 0, 60_000, &mut self.retry.base)?;
        retry.whole("cap", 0, 60_000, &mut self.retry.cap)?;

        let breaker = given.section("breaker")?;
        breaker.only("failures cooldown")?;
        breaker.count("failures", 0, 100, &mut self.breaker.failures)?;
        breaker.whole("cooldown", 1, 3_600_000, &mut self.breaker.cooldown)
    }

    /// The pause before repetition number `repetition` (from 0), with full jitter: from nothing to the bound, so that
    /// callers who failed together do not come back together.
    pub fn backoff(&self, repetition: u32, seed: u64) -> Millis {
        let bound = self.retry.base.saturating_mul(1 << repetition.min(16)).min(self.retry.cap);
        mix(seed.wrapping_add(u64::from(repetition))) % (bound + 1)
    }
}

impl Soft {
    const NAMES: &str = "retry next fail accept";
    const ALL: [Self; 4] = [Self::Retry, Self::Next, Self::Fail, Self::Accept];
}

fn soft(given: &Section<'_>, name: &str, allowed: &str, soft: &mut Soft) -> Result<(), Box<Invalid>> {
    if let Some(word) = given.choice(name, allowed)? {
        let named = Soft::NAMES.split(' ').zip(Soft::ALL).find(|(known, _)| *known == word);
        *soft = named.map_or(*soft, |(_, soft)| soft);
    }
    Ok(())
}

/// SplitMix64's output function: a seed becomes a number that looks random.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use crate::json::Json;

    fn refusal(json: &str) -> String {
        Policy::read(Json::parse(json).expect("JSON")).expect_err("invalid").to_string()
    }

    #[test]
    fn a_field_that_does_not_exist_is_refused_with_its_path_and_near_miss() {
        assert_eq!(
            refusal(r#"{"timeouts": {"firsttoken": 1}}"#),
            "`policy.timeouts.firsttoken` is not a known field; did you mean `firstToken`?"
        );
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        assert_eq!(refusal(r#"{"attempts": 0}"#), "`policy.attempts` must be a whole number from 1 to 32");
        assert_eq!(refusal(r#"{"onContentFilter": "retry"}"#), "`policy.onContentFilter` must be one of: next, fail");
    }

    #[test]
    fn a_pause_is_random_within_a_bound_that_doubles_up_to_the_cap() {
        let policy = Policy::default();
        for (repetition, bound) in [(0, 500), (1, 1_000), (2, 2_000), (9, 5_000)] {
            let pauses: Vec<u64> = (0..200).map(|seed| policy.backoff(repetition, seed * 7_919)).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound));
            assert!(pauses.iter().any(|pause| *pause < bound / 4) && pauses.iter().any(|pause| *pause > bound * 3 / 4));
        }
    }
}
