//! The policy of a call: plain data with defaults, read from JSON.
//!
//! An unknown field or a value out of range is an error that names the field. The JSON is the same in the package's option
//! `policy`, in a route of the edge, and in a request's field `failsoft`:
//!
//! ```
//! let json = failsoft::Json::parse(r#"{"attempts": 4, "timeouts": {"idle": 5000}, "empty": "next"}"#).expect("JSON");
//! let policy = failsoft::Policy::read(json)?;
//! assert_eq!((policy.attempts, policy.timeouts.idle, policy.timeouts.total), (4, 5_000, 600_000));
//! # Ok::<(), Box<failsoft::Invalid>>(())
//! ```

mod reading;

use std::sync::Arc;

use crate::Millis;
use crate::usd::Usd;

/// The policy of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The most requests of a call: retries, fallbacks and judges together. Default 8, from 1 to 32.
    pub attempts: u32,
    /// The four clocks.
    pub timeouts: Timeouts,
    /// Whether and when the same model is asked again.
    pub retry: Retry,
    /// After a content filter or a moderation: `next` (default) or `fail`.
    pub on_content_filter: Soft,
    /// After an answer without content. Default `retry`.
    pub empty: Soft,
    /// After an answer that has reasoning and nothing else. Default `retry`; some models answer this way on purpose.
    pub reasoning_only: Soft,
    /// After an answer that declines and does not go on to help. Default `next`.
    pub refusal: Soft,
    /// How refusals begin, instead of the built-in rule: in lower case, with straight quotes. JSON: `refusal.phrases`.
    pub refusal_phrases: Vec<String>,
    /// After an answer that is not JSON, although the request asks for JSON. Default `next`.
    pub invalid_json: Soft,
    /// Takes JSON out of the text around it. A code fence that is all of the answer is removed without this. Default false.
    /// JSON: `invalidJson.repair`.
    pub repair_json: bool,
    /// After JSON that does not match the request's `json_schema`. Default `next`.
    pub schema_mismatch: Soft,
    /// After an answer that reached the output limit. Default `accept`: a caller may have set the limit on purpose.
    pub length: Soft,
    /// After an answer that is shorter than [`Policy::shortest`]. Default `next`.
    pub too_short: Soft,
    /// The fewest characters of an answer. Default 0, which turns the rule off; up to 100,000. JSON: `tooShort.chars`.
    pub shortest: u64,
    /// After an answer that contains one of [`Policy::literals`]. Default `next`.
    pub pattern: Soft,
    /// Texts that no answer may contain. Default none. JSON: `pattern.literals`.
    pub literals: Vec<String>,
    /// Holds a stream until it has this many characters, so that rules can check its beginning. Default 0, up to 100,000.
    pub hold_chars: u64,
    /// Holds a stream until it is whole, so that every rule can check it. Default false. With a judge, always.
    pub buffer: bool,
    /// How a stream goes on that breaks after the commit point. Default `continue`.
    pub recover: Recover,
    /// The reader understands the event that tells a reader to start over. Default false: OpenAI's clients do not.
    pub restart_event: bool,
    /// After this many milliseconds without a first token, a second model is asked as well, if [`Policy::max_cost`] can pay
    /// for both. Default none, up to 600,000. JSON: `hedge.after`.
    pub hedge: Option<Millis>,
    /// Whether and for how long a conversation stays with the model that answered its last turn. Default [`Sticky::Off`]. Only
    /// an edge does this. JSON: `sticky.seconds`.
    pub sticky: Sticky,
    /// A model that scores every answer. Default none.
    pub judge: Option<JudgePolicy>,
    /// The most that the call may cost in USD, all attempts and judges together. No request is sent that could exceed it. An
    /// attempt counts at the most that it can cost, until it is refused or reports its cost at its end. So without an output
    /// limit, a first answer that is lost leaves nothing for a second. A model without a known price leaves the chain. An edge
    /// keeps to the limit in each request by itself. Default no limit.
    pub max_cost: Option<Usd>,
    /// The most that a model may cost in USD for a million tokens: of the prompt, of the answer. Default no limit. JSON:
    /// `maxPrice.prompt`, `maxPrice.completion`.
    pub max_price: (Option<Usd>, Option<Usd>),
    /// Streams a request without `stream` from the upstream and assembles the completion. So a silent model is noticed early,
    /// and an abort stops the bill. Default true. Without effect for a lane that passes bytes, and for an upstream that does
    /// not stream.
    pub assemble: bool,
    /// When a model has to rest.
    pub breaker: BreakerPolicy,
    /// The policy of the owner, where a caller has changed some of it. What only the caller's rules reject is not asked again,
    /// and the caller's clocks add at most one request: callers do not multiply the cost. Default none. Not in the JSON.
    pub owner: Option<Arc<Self>>,
}

/// The four clocks, in milliseconds. The first three run for each attempt, the last for the whole call. An answer in one piece
/// has to begin within [`Timeouts::first_token`] and [`Timeouts::PER_TOKEN`] for each token that it may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// From sending to the response headers; of streams only. Default 30,000, or 120,000 for a model that thinks. From 1 to
    /// 600,000.
    pub headers: Option<Millis>,
    /// From sending to the first text, reasoning or tool call. The default depends on the request: 300,000 for a model that
    /// thinks; 12,000 and 1 ms for every 5 tokens of the prompt, while another model could answer instead; else 60,000.
    /// From 1 to 600,000.
    pub first_token: Option<Millis>,
    /// Between two events of a stream, while the call waits for one. Comments do not count. Default 30,000, from 1 to 600,000.
    pub idle: Millis,
    /// The whole call. Default 600,000, from 1 to 3,600,000.
    pub total: Millis,
}

impl Timeouts {
    /// The default of [`Timeouts::headers`].
    pub const HEADERS: Millis = 30_000;
    /// The same for a model that thinks: a proxy may hold the headers back until the first event.
    pub const HEADERS_OF_THOUGHT: Millis = 120_000;
    /// The default of [`Timeouts::first_token`], for a model that nobody can replace.
    pub const FIRST_TOKEN: Millis = 60_000;
    /// The same for a model that thinks: models think for minutes in silence.
    pub const FIRST_TOKEN_OF_THOUGHT: Millis = 300_000;
    /// The same while another model could answer: a reader does not wait longer than 15 s for a silent model.
    pub const FIRST_TOKEN_OF_ONE_OF_SEVERAL: Millis = 12_000;
    /// A long prompt takes longer to read: one more millisecond for this many tokens.
    pub const TOKENS_PER_MILLISECOND: u64 = 5;
    /// An answer in one piece comes when all of it is written: at 25 tokens per second, as slow models write.
    pub const PER_TOKEN: Millis = 40;
    /// The tokens of an answer in one piece that has no output limit.
    pub const TOKENS_WITHOUT_LIMIT: u64 = 4_096;
}

/// Whether the same model is asked again, and after which pause. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How often the same model may be asked again. Default 1, from 0 to 10.
    pub same: u32,
    /// The longest wait that a failure may name. After a longer one, the same model is not asked again. Default 2,000, up to
    /// 60,000.
    pub max_wait: Millis,
    /// The longest first random pause. It doubles with each retry. Default 500, up to 60,000.
    pub base: Millis,
    /// The longest random pause of all. Default 5,000, up to 60,000.
    pub cap: Millis,
}

/// When a breaker opens, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// The failures in a row that open a breaker; 0 turns breakers off. Default 3, up to 100.
    pub failures: u32,
    /// Milliseconds until one call may probe the model. Default 20,000, from 1 to 3,600,000.
    pub cooldown: Millis,
}

/// How a stream goes on that breaks after its commit point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// A model continues the text, if the chain has one that is known to do so; otherwise as `restart`.
    Continue,
    /// A model answers from the beginning. The stream goes on if that answer begins with the text so far.
    Restart,
    /// The stream ends with an error.
    Error,
}

/// Whether a conversation stays with the model that answered its last turn, while that model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// Each turn begins with the first model of the chain.
    Off,
    /// Until the vendor forgets the conversation: ten minutes for OpenAI's models, an hour for a cache of an hour, else five
    /// minutes.
    WhileCached,
    /// For this many seconds after each turn, from 1 to 86,400.
    Seconds(u64),
}

/// A model that scores answers from 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgePolicy {
    /// The id of the judge, on the upstream of the answer.
    pub model: String,
    /// The lowest score that passes. Default 50, from 1 to 100.
    pub threshold: u64,
    /// What the judge should look at, in words. Default: whether the answer is correct, complete and to the point.
    pub criteria: String,
    /// The time for a score, in milliseconds. Default 10,000, from 1 to 600,000.
    pub timeout: Millis,
    /// After an answer below the threshold: `next` (default) or `fail`.
    pub action: Soft,
    /// An answer passes that the judge could not score. Default true. JSON: `onError`.
    pub open: bool,
    /// The most that one score may cost in USD, if the price is known. Default no limit.
    pub max_cost: Option<Usd>,
}

/// What follows after an answer that fails a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soft {
    /// The same model is asked again once, then the next.
    Retry,
    /// The next model is asked.
    Next,
    /// The call fails.
    Fail,
    /// Nothing. The rule is off.
    Accept,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 8,
            timeouts: Timeouts { headers: None, first_token: None, idle: 30_000, total: 600_000 },
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
            sticky: Sticky::Off,
            judge: None,
            max_cost: None,
            max_price: (None, None),
            assemble: true,
            breaker: BreakerPolicy { failures: 3, cooldown: 20_000 },
            owner: None,
        }
    }
}

impl Policy {
    /// The call holds a stream until it is whole.
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
