//! What the owner decided for all isolates: whether the edge is paused, which sessions are revoked, and the number of the last
//! change of a stored route. Plain data, which the object of the edge stores.

use std::collections::BTreeMap;

use failsoft::Millis;
use serde::{Deserialize, Serialize};

/// The longest time that a session lasts, in milliseconds: `visitors.lifetime` has this bound.
const LONGEST_SESSION: Millis = 86_400_000;

/// The most revoked sessions. Each isolate reads all of them.
const MOST_REVOKED: usize = 1_000;

/// The decisions of the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EdgeState {
    /// Since when the edge is paused, if it is.
    pub(crate) pause: Option<Millis>,
    /// The ids of revoked sessions and the objects of revoked device keys, and when their last session has expired.
    revoked: BTreeMap<String, Millis>,
    /// The number of the last change of a stored route; 0 without stored routes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) routes: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl EdgeState {
    /// Pauses the edge since a point in time, or resumes it. A pause that lasts keeps its beginning.
    pub(super) fn set_pause(&mut self, since: Option<Millis>) {
        self.pause = since.map(|since| self.pause.unwrap_or(since));
    }

    /// Revokes the session `id`. Returns false if too many sessions are revoked.
    pub(super) fn revoke(&mut self, id: &str, now: Millis) -> bool {
        self.revoked.retain(|_, until| now < *until);
        let has_room = self.revoked.len() < MOST_REVOKED || self.revoked.contains_key(id);
        if has_room {
            self.revoked.insert(id.into(), now + LONGEST_SESSION);
        }
        has_room
    }

    /// Announces the change `number` of a stored route. Announcements may overtake each other.
    pub(super) fn announce_routes(&mut self, number: u64) {
        self.routes = self.routes.max(number);
    }

    pub(super) fn is_revoked(&self, id: &str) -> bool {
        self.revoked.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::{EdgeState, LONGEST_SESSION, MOST_REVOKED};

    #[test]
    fn a_pause_keeps_its_beginning_until_it_ends() {
        let mut state = EdgeState::default();
        for (since, expected) in [(Some(7), Some(7)), (Some(9), Some(7)), (None, None), (Some(11), Some(11))] {
            state.set_pause(since);
            assert_eq!(state.pause, expected);
        }
    }

    #[test]
    fn of_two_announcements_the_later_change_counts() {
        let mut state = EdgeState::default();
        for (number, expected) in [(3, 3), (2, 3), (4, 4)] {
            state.announce_routes(number);
            assert_eq!(state.routes, expected);
        }
    }

    #[test]
    fn a_session_is_revoked_for_as_long_as_it_could_last_and_the_number_is_bounded() {
        let mut state = EdgeState::default();
        for at in 0..MOST_REVOKED {
            assert!(state.revoke(&at.to_string(), 5));
        }
        assert!(state.is_revoked("0") && !state.is_revoked("x"));
        assert!(!state.revoke("x", 5) && state.revoke("0", 6));
        assert!(state.revoke("x", 5 + LONGEST_SESSION));
        assert!(state.is_revoked("x") && state.is_revoked("0") && !state.is_revoked("1"));
    }
}
