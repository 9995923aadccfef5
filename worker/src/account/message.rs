//! The messages between isolates and the object of an account, as JSON texts. During a deployment both sides can be of
//! different versions, so the names on the wire stay as they are; a comment stands where the name here differs.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::attempt_log::AttemptRecord;
use super::balance::{CallUsage, HoldRequest, LeaseGrant, Quota};
use super::edge_state::EdgeState;
use super::exceeded::Exceeded;
use super::limits::Limits;
use crate::platform::object;

/// A message to the object. `id` names the hold; the isolate chose it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Message {
    /// Asks whether a call may be made. If so, the object holds what the call can use.
    Hold {
        id: String,
        limits: Limits,
        /// The account's quota in the route's budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota: Option<Box<Quota>>,
        /// The account's quota in what the calls of all routes share.
        #[serde(default, rename = "edgeQuota", skip_serializing_if = "Option::is_none")]
        edge_quota: Option<Box<Quota>>,
        // On the wire: `asked`.
        #[serde(rename = "asked")]
        request: HoldRequest,
    },
    /// Asks for a part of a route's budget that the isolate may spend by itself. On the wire: `share`.
    #[serde(rename = "share")]
    Lease {
        id: String,
        limits: Limits,
        // On the wire: `asked`.
        #[serde(rename = "asked")]
        request: HoldRequest,
    },
    /// Reports the attempts so far. Of two notes, the one with the higher number counts.
    Note {
        id: String,
        number: u64,
        // On the wire: `traces`.
        #[serde(rename = "traces")]
        records: Vec<AttemptRecord>,
    },
    /// Reports the end of a call.
    Settle {
        id: String,
        // On the wire: `ended`.
        #[serde(rename = "ended")]
        usage: CallUsage,
    },
    /// Returns a lease. `used` is what finished calls have used in all; `calls` calls still run and can use `held`.
    Return { id: String, used: Amount, held: Amount, calls: u64 },
    /// Reports that a call which began at `began` cost less than was counted.
    Correct { began: Millis, less: Amount },
    /// Pauses the edge since a point in time, or resumes it.
    SetPause { since: Option<Millis> },
    /// Revokes a session, or the sessions of a device's key. Only the object of the edge gets this.
    RevokeSession { id: String },
    /// Announces the change `number` of a stored route.
    AnnounceRoutes { number: u64 },
    /// Asks what the owner decided for all isolates.
    ReadState,
    /// Reports that a call of the account was refused before the object was asked.
    Refuse { limits: Limits },
    /// Asks how much of the account's limits is used.
    Usage { limits: Limits },
}

impl object::Message for Message {
    fn is_idempotent(&self) -> bool {
        match self {
            // What they do is bound to an id, or sets a value.
            Self::Hold { .. } | Self::Lease { .. } | Self::Note { .. } | Self::Settle { .. } | Self::Return { .. } => {
                true
            }
            Self::SetPause { .. } | Self::RevokeSession { .. } | Self::AnnounceRoutes { .. } => true,
            Self::ReadState | Self::Usage { .. } => true,
            // They count.
            Self::Correct { .. } | Self::Refuse { .. } => false,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Done,
    Granted(LeaseGrant),
    /// On the wire: `refused`.
    #[serde(rename = "refused")]
    Exceeded(Exceeded),
    /// JSON text.
    Usage(String),
    /// What the owner decided for all isolates.
    State(EdgeState),
    /// Too many sessions are revoked.
    Full,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Answer, Message};
    use crate::account::amount::Amount;
    use crate::account::balance::LeaseGrant;

    #[test]
    fn the_largest_amounts_travel_as_they_are() {
        let amount = Amount { requests: 1, tokens: u64::MAX, usd: 1_000_000_000_000_000_001 };
        let grant = LeaseGrant { amount, slots: u64::MAX, term: 9 };
        let text = serde_json::to_string(&Answer::Granted(grant)).expect("JSON");
        let Ok(Answer::Granted(granted)) = serde_json::from_str(&text) else { panic!("{text}") };
        assert_eq!((granted.amount, granted.slots), (amount, u64::MAX));
        let text = serde_json::to_string(&Message::Return { id: "a".into(), used: amount, held: amount, calls: 1 })
            .expect("JSON");
        assert!(matches!(serde_json::from_str(&text), Ok(Message::Return { used, .. }) if used == amount), "{text}");
    }

    /// Messages as the first version wrote them.
    #[test]
    fn messages_of_another_version_are_understood() {
        for text in include_str!("message/messages.jsonl").lines() {
            let message: Message = serde_json::from_str(text).expect(text);
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(serde_json::to_value(message).expect("JSON"), expected);
        }
        for text in include_str!("message/answers.jsonl").lines() {
            let answer: Answer = serde_json::from_str(text).expect(text);
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(serde_json::to_value(answer).expect("JSON"), expected);
        }
    }
}
