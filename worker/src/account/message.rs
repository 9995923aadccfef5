//! What isolates tell an account's object, and what it answers: JSON texts.

use serde::{Deserialize, Serialize};

use super::attempt_log::Trace;
use super::balance::{Asked, Ended, Granted};
use super::limit::{Amount, Limits, Refused};

/// Each names the hold that it is about, by an id of the isolate's making.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Message {
    /// May this call be made? If so, what it asks for is held.
    Hold { id: String, limits: Limits, asked: Asked },
    /// A part of what is left, for an isolate to spend by itself.
    Share { id: String, limits: Limits, asked: Asked },
    /// What became of the attempts so far; a later number counts more.
    Note { id: String, number: u64, traces: Vec<Trace> },
    /// The call is over.
    Settle { id: String, ended: Ended },
    /// The share is over, but for so many calls under way and what they can use; `used` is all that the others did use.
    Return { id: String, used: Amount, held: Amount, calls: u64 },
    /// How does the account stand?
    Usage { limits: Limits },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Done,
    Granted(Granted),
    Refused(Refused),
    /// JSON text.
    Usage(String),
}

#[cfg(test)]
mod tests {
    use super::{Answer, Message};
    use crate::account::balance::Granted;
    use crate::account::limit::Amount;

    #[test]
    fn the_largest_amounts_travel_as_they_are() {
        let amount = Amount { requests: 1, tokens: u64::MAX, usd: 1_000_000_000_000_000_001 };
        let text = serde_json::to_string(&Answer::Granted(Granted { amount, slots: u64::MAX, term: 9 })).expect("JSON");
        let Ok(Answer::Granted(granted)) = serde_json::from_str(&text) else { panic!("{text}") };
        assert_eq!((granted.amount, granted.slots), (amount, u64::MAX));
        let text = serde_json::to_string(&Message::Return { id: "a".into(), used: amount, held: amount, calls: 1 })
            .expect("JSON");
        assert!(matches!(serde_json::from_str(&text), Ok(Message::Return { used, .. }) if used == amount), "{text}");
    }
}
