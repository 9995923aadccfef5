//! A split: a part of the calls of a stored route gets another version. The same user or conversation always gets the same one.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use failsoft::request::{given_name, push_beginning};

use super::digest;

/// The parts into which calls are divided. 1 % is a hundred of them.
const PARTS: u64 = 10_000;

/// What stays with one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// All calls of a conversation.
    Conversation,
    /// All calls of a user.
    User,
}

/// Which calls get the second version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// So many of [`PARTS`] get the second version.
    parts: u64,
    unit: Unit,
    /// Since when the split is as it is, in milliseconds since 1970. Stored, never sent by a client.
    pub(crate) since: u64,
}

impl Split {
    /// Reads `{"percent", "by"}`, and with `since`, what is stored.
    ///
    /// # Errors
    /// The field that is wrong, with its path.
    pub(crate) fn read(given: &Section<'_>) -> Result<Self, Box<Invalid>> {
        // Amounts are read as whole numbers of 10^-12, so a hundredth of a percent is exact.
        const UNIT: u64 = 10_000_000_000;
        let parts = given.get("percent").trillionths().filter(|amount| amount % UNIT == 0).map(|amount| amount / UNIT);
        let parts = parts.filter(|parts| *parts <= PARTS);
        let problem = "must be a number from 0 to 100 with at most two decimals";
        let parts = parts.ok_or_else(|| given.wrong("percent", problem))?;
        let unit = match given.choice("by", "conversation user")? {
            Some("user") => Unit::User,
            _ => Unit::Conversation,
        };
        let mut since = 0;
        given.whole("since", 0, u64::MAX, &mut since)?;
        Ok(Self { parts, unit, since })
    }

    /// The JSON text that is stored.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let by = if self.unit == Unit::User { "user" } else { "conversation" };
        serde_json::json!({"percent": self.parts as f64 / 100.0, "by": by, "since": self.since})
    }

    /// From 0 to 1.
    pub(crate) fn chance(&self) -> f64 {
        self.parts as f64 / PARTS as f64
    }

    /// Whether the request `body` of `account` gets the second version, `version` of the route `name`. A user who gets it at some
    /// percentage gets it at every higher one. Another version divides the users in another way.
    pub(crate) fn chooses_second(
        &self,
        (name, version): (&str, Option<u64>),
        account: &str,
        body: &Section<'_>,
    ) -> bool {
        let text =
            [name, "\0", &version.unwrap_or_default().to_string(), "\0", account, "\0", &self.unit.identify(body)]
                .concat();
        let [a, b, c, d, e, f, g, h, ..] = digest::of(&text);
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % PARTS < self.parts
    }
}

impl Unit {
    /// A text that all requests of one unit have in common, within an account. A conversation has its id, or begins with the same
    /// message of the user. A user has an id, or the account has one user.
    fn identify(self, body: &Section<'_>) -> String {
        let field = |name: &str| body.get(name).text().map(|text| [name, "\0", &text].concat());
        let user = ["safety_identifier", "user"].into_iter().find_map(field).unwrap_or_default();
        if self == Self::User {
            return user;
        }
        given_name(|name| body.get(name)).unwrap_or_else(|| {
            let first = body.get("messages").items().find(|message| message.get("role").is("user"));
            let mut beginning = [&user, "\0"].concat();
            push_beginning(first.unwrap_or(Json::NULL).get("content"), &mut beginning);
            beginning
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Split;
    use failsoft::Json;
    use failsoft::invalid::Section;
    use serde_json::json;

    fn split(json: serde_json::Value) -> Result<Split, String> {
        let text = json.to_string();
        let section = Section::object("split", Json::parse(&text).expect("JSON")).expect("an object");
        Split::read(&section).map_err(|invalid| invalid.to_string())
    }

    fn second(split: &Split, account: &str, body: serde_json::Value) -> bool {
        let text = body.to_string();
        let section = Section::object("", Json::parse(&text).expect("JSON")).expect("an object");
        split.chooses_second(("r", Some(2)), account, &section)
    }

    #[test]
    fn a_split_over_ten_thousand_users_is_within_its_statistical_error_and_sticky() {
        for percent in [0.5_f64, 1.0, 10.0, 50.0, 90.0] {
            let split = split(json!({"percent": percent, "by": "user"})).expect("a split");
            let of = |user: u32| second(&split, "key:web", json!({"user": format!("user-{user}")}));
            let count = (0..10_000).filter(|user| of(*user)).count() as f64;
            let error = (10_000.0 * percent / 100.0 * (1.0 - percent / 100.0)).sqrt();
            assert!((count - 100.0 * percent).abs() < 3.5 * error, "{percent} %: {count}");
            assert!((0..500).all(|user| of(user) == of(user)));
        }
    }

    #[test]
    fn a_higher_percentage_moves_nobody_out_of_the_second_version() {
        let splits =
            [0.0, 0.01, 5.0, 20.0, 75.5, 100.0].map(|percent| split(json!({"percent": percent})).expect("a split"));
        for user in 0..2_000 {
            let chosen = splits.each_ref().map(|split| second(split, &format!("user:{user}"), json!({"messages": []})));
            assert!(chosen.is_sorted() && !chosen[0] && chosen[5], "{chosen:?}");
        }
    }

    #[test]
    fn a_conversation_stays_with_its_version_and_a_user_with_all_conversations() {
        let conversation = split(json!({"percent": 50})).expect("a split");
        let user = split(json!({"percent": 50, "by": "user"})).expect("a split");
        let body = |first: u32, more: bool| {
            let mut messages = vec![
                json!({"role": "system", "content": format!("it is {more}")}),
                json!({"role": "user", "content": format!("question {first}")}),
            ];
            if more {
                messages
                    .extend([json!({"role": "assistant", "content": "a"}), json!({"role": "user", "content": "b"})]);
            }
            json!({"user": "u", "messages": messages})
        };
        let chosen: Vec<bool> = (0..50).map(|first| second(&conversation, "a", body(first, false))).collect();
        assert!(chosen.contains(&true) && chosen.contains(&false));
        assert!((0..50).all(|first| second(&conversation, "a", body(first, true)) == chosen[first as usize]));
        let users: Vec<bool> = (0..50).map(|first| second(&user, "a", body(first, false))).collect();
        assert!(users.iter().all(|chosen| *chosen == users[0]));
        let with_id = |first: u32| json!({"session_id": "s", "messages": body(first, false)["messages"]});
        assert!(
            (0..50).all(|first| second(&conversation, "a", with_id(first)) == second(&conversation, "a", with_id(0)))
        );
        let accounts =
            |split: &Split| (0..50).map(|at| second(split, &format!("key:{at}"), json!({}))).collect::<Vec<_>>();
        assert!(accounts(&user).contains(&true) && accounts(&user).contains(&false), "accounts are divided, too");
    }

    #[test]
    fn a_mark_for_a_cache_or_an_empty_name_changes_no_version() {
        let split = split(json!({"percent": 50})).expect("a split");
        let mark = json!({"type": "ephemeral"});
        let chosen: Vec<bool> = (0..50)
            .map(|at| {
                let text = format!("question {at}");
                let bodies = [
                    json!({"messages": [{"role": "user", "content": text}]}),
                    json!({"session_id": "", "messages": [{"role": "user", "content": text}]}),
                    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}),
                    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": text, "cache_control": mark}]}]}),
                ];
                let [first, others @ ..] = bodies.map(|body| second(&split, "a", body));
                assert_eq!(others, [first; 3], "{text}");
                first
            })
            .collect();
        assert!(chosen.contains(&true) && chosen.contains(&false));
        let key = |at: u32| json!({"session_id": "", "prompt_cache_key": "k", "messages": [{"role": "user", "content": at.to_string()}]});
        assert!((0..50).all(|at| second(&split, "a", key(at)) == second(&split, "a", key(0))));
    }

    #[test]
    fn a_wrong_split_is_refused_with_its_path() {
        for (given, path) in [
            (json!({}), "split.percent"),
            (json!({"percent": 101}), "split.percent"),
            (json!({"percent": -1}), "split.percent"),
            (json!({"percent": 0.001}), "split.percent"),
            (json!({"percent": "10"}), "split.percent"),
            (json!({"percent": 10, "by": "call"}), "split.by"),
        ] {
            let problem = split(given).expect_err(path);
            assert!(problem.contains(path), "{problem}");
        }
        let stored = split(json!({"percent": 12.5, "by": "user", "since": 7})).expect("a split");
        assert_eq!(split(stored.to_json()), Ok(stored));
    }
}
