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

mod reading;

use crate::Millis;
use crate::usd::Usd;

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
    /// What follows an answer that is reasoning and nothing else. Default `retry`; some models do so on purpose.
    pub reasoning_only: Soft,
    /// What follows an answer that declines. Default `next`.
    pub refusal: Soft,
    /// How refusals begin, in place of the built-in phrases: lower case, straight quotes. JSON: `refusal.phrases`.
    pub refusal_phrases: Vec<String>,
    /// What follows an answer that is no JSON although JSON was asked for. Default `next`.
    pub invalid_json: Soft,
    /// JSON inside a fence or between prose is taken out of it. Default false. JSON: `invalidJson.repair`.
    pub repair_json: bool,
    /// What follows JSON that is not what the request's `json_schema` describes. Default `next`.
    pub schema_mismatch: Soft,
    /// What follows an answer that hit the output limit. Default `accept`: a caller may have set it on purpose.
    pub length: Soft,
    /// What follows an answer of less than [`Policy::shortest`]. Default `next`.
    pub too_short: Soft,
    /// Characters that an answer has at least. Default 0, which is no rule; up to 100,000. JSON: `tooShort.chars`.
    pub shortest: u64,
    /// What follows an answer that holds one of [`Policy::literals`]. Default `next`.
    pub pattern: Soft,
    /// Texts that no answer may hold. Default none. JSON: `pattern.literals`.
    pub literals: Vec<String>,
    /// A stream is held until it has this many characters, so that rules can look at its beginning. Default 0, up to
    /// 100,000.
    pub hold_chars: u64,
    /// A stream is held until it is whole, and every rule runs. Default false. A judge asks for it by itself.
    pub buffer: bool,
    /// What follows a stream that breaks after the commit point. Default `continue`.
    pub recover: Recover,
    /// The reader understands an event that tells it to start over. Default false: OpenAI's clients do not.
    pub restart_event: bool,
    /// Milliseconds without a first token after which a second model is asked too, where [`Policy::max_cost`] can pay for
    /// both. Default none, up to 600,000. JSON: `hedge.after`.
    pub hedge: Option<Millis>,
    /// A model that scores every answer. Default none.
    pub judge: Option<JudgePolicy>,
    /// What the call may cost in USD, all attempts and judges together: none is made that could go beyond. One counts at the
    /// most that it can cost, until it is refused or has told its cost at its end; so without an output limit a first
    /// answer that is lost leaves nothing for a second. A model without a known price is left out. Through an edge, the
    /// edge keeps to it in each request. Default no bound.
    pub max_cost: Option<Usd>,
    /// What a model may cost in USD for a million tokens: of the prompt, of the answer. Default no bound. JSON:
    /// `maxPrice.prompt`, `maxPrice.completion`.
    pub max_price: (Option<Usd>, Option<Usd>),
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

/// How far a call goes to mend a stream that broke after its commit point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// A model that continues what was said is asked to; else as with `restart`.
    Continue,
    /// A model is asked anew, and joined where its answer begins with what was said.
    Restart,
    /// The stream ends with an error.
    Error,
}

/// A model that scores answers from 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgePolicy {
    /// Its id, on the upstream of the answer.
    pub model: String,
    /// The score that passes. Default 50, from 1 to 100.
    pub threshold: u64,
    /// What the score is about, in words. Default: whether the answer is correct, complete and to the point.
    pub criteria: String,
    /// Milliseconds that it may take. Default 10,000, from 1 to 600,000.
    pub timeout: Millis,
    /// What follows an answer below the threshold. Default `next`.
    pub action: Soft,
    /// An answer that the judge could not score passes. Default true.
    pub open: bool,
    /// What one score may cost in USD, where the price is known. Default no bound.
    pub max_cost: Option<Usd>,
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
            reasoning_only: Soft::Retry,
            refusal: Soft::Next,
            refusal_phrases: Vec::new(),
            invalid_json: Soft::Next,
            repair_json: false,
            schema_mismatch: Soft::Next,
            length: Soft::Accept,
            too_short: Soft::Next,
            shortest: 0,
            pattern: Soft::Next,
            literals: Vec::new(),
            hold_chars: 0,
            buffer: false,
            recover: Recover::Continue,
            restart_event: false,
            hedge: None,
            judge: None,
            max_cost: None,
            max_price: (None, None),
            assemble: false,
            breaker: BreakerPolicy { failures: 3, cooldown: 20_000 },
        }
    }
}

impl Policy {
    /// A stream is held until it is whole.
    pub fn buffers(&self) -> bool {
        self.buffer || self.judge.is_some()
    }
}

impl Default for JudgePolicy {
    fn default() -> Self {
        Self {
            model: String::new(),
            threshold: 50,
            criteria: "Is it correct, complete and to the point?".into(),
            timeout: 10_000,
            action: Soft::Next,
            open: true,
            max_cost: None,
        }
    }
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
}
