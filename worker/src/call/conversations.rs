//! The conversations of this isolate: which model answered the last turn of each, and what it has in its cache.
//!
//! A turn that reaches another isolate is a new conversation there. Nothing waits for a memory that all isolates share, and nothing
//! is lost but a cache: a conversation that is not known begins with the first model of its chain.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use failsoft::{ChatRequest, Millis, Turn};

/// The most conversations that an isolate remembers.
const MOST: usize = 1_000;

/// A conversation of an account.
pub(crate) type Name = u64;

struct Known {
    name: Name,
    until: Millis,
    turn: Turn,
}

thread_local! {
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Names the conversation of `request`. Accounts share none.
pub(crate) fn name(account: &str, request: &ChatRequest) -> Name {
    let mut hasher = DefaultHasher::new();
    (account, request.conversation()).hash(&mut hasher);
    hasher.finish()
}

/// The last turn of the conversation, if its model may still remember it.
pub(crate) fn find(name: Name, now: Millis) -> Option<Turn> {
    KNOWN.with_borrow(|known| {
        known.iter().find(|known| known.name == name && now < known.until).map(|known| known.turn.clone())
    })
}

/// Records the turn that ended `now`. The conversation that was silent for longest makes room for it.
pub(crate) fn record(name: Name, turn: Turn, now: Millis) {
    KNOWN.with_borrow_mut(|known| {
        known.retain(|known| known.name != name);
        if known.len() >= MOST {
            known.remove(0);
        }
        known.push(Known { name, until: now.saturating_add(turn.lifetime), turn });
    });
}

#[cfg(test)]
mod tests {
    use super::{MOST, find, name, record};
    use failsoft::{ChatRequest, Json, Turn};

    fn turn(served: &str) -> Turn {
        Turn { served: served.into(), cached: 9, lifetime: 1_000 }
    }

    #[test]
    fn a_conversation_is_remembered_for_its_lifetime_and_the_oldest_makes_room() {
        record(1, turn("a"), 0);
        record(1, turn("b"), 500);
        assert_eq!(find(1, 1_499), Some(turn("b")));
        assert_eq!((find(1, 1_500), find(2, 0)), (None, None));
        (10..10 + MOST as u64).for_each(|name| record(name, turn("c"), 600));
        assert_eq!((find(1, 601), find(10, 601).is_some()), (None, true));
    }

    #[test]
    fn a_conversation_has_a_name_for_each_account_and_keeps_it_in_every_turn() {
        let named = |account: &str, messages: &str, more: &str| {
            let body = [r#"{"model":"a","messages":["#, messages, "]", more, "}"].concat();
            name(account, &ChatRequest::read(Json::parse(&body).expect("JSON")).expect("valid"))
        };
        let first = r#"{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"q","cache_control":{"type":"ephemeral"}}]}"#;
        let later = r#"{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"r"}"#;
        assert_eq!(named("me", first, ""), named("me", later, ""));
        assert_ne!(named("me", first, ""), named("you", first, ""));
        assert_ne!(named("me", first, ""), named("me", r#"{"role":"user","content":"q"}"#, ""));
        let session = r#","session_id":"x""#;
        assert_eq!(named("me", first, session), named("me", r#"{"role":"user","content":"other"}"#, session));
        assert_ne!(named("me", first, session), named("me", first, r#","session_id":"y""#));
    }
}
