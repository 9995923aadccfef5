//! Ids for responses, messages and items, and the ids of calls in the form that a vendor accepts.

use std::borrow::Cow;

use crate::json::decimal;
use crate::text::text;

/// Mints ids from a seed: the same seed gives the same ids.
#[derive(Clone, Debug)]
pub(super) struct Ids(u64);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A new id: `prefix` and 24 letters and digits, which every vendor accepts in an id of a tool call.
    pub(super) fn mint(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut id = String::with_capacity(prefix.len() + 24);
        id.push_str(prefix);
        for _ in 0..2 {
            let mut bits = self.next();
            for _ in 0..12 {
                id.push(char::from(LETTERS[(bits & 31) as usize]));
                bits >>= 5;
            }
        }
        id
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}

/// A form of the ids of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdForm {
    /// Up to this many bytes. OpenAI's chat completions take 40 (agno-agi/agno#5382), and its Responses 64.
    Any(usize),
    /// Up to 64 letters, digits, `_` and `-`: Anthropic (maximhq/bifrost#5097).
    Word,
    /// Nine letters and digits: Mistral (anomalyco/opencode#1680).
    Nine,
}

/// `id` in the form that a vendor accepts. The same id has the same form on a call and on its result, in every turn.
pub(super) fn fitted(id: &str, form: IdForm) -> Cow<'_, str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let fits = match form {
        IdForm::Any(longest) => id.len() <= longest,
        IdForm::Word => !id.is_empty() && id.len() <= 64 && id.bytes().all(is_word),
        IdForm::Nine => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    };
    if fits {
        return id.into();
    }
    // FNV-1a, so that ids that differ in a wrong character still differ.
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if form == IdForm::Nine {
        return Ids::new(hash).mint("")[..9].to_owned().into();
    }
    let kept = id.chars().filter(|character| character.is_ascii() && is_word(*character as u8)).take(19);
    text!(&kept.collect::<String>(), "_", &decimal(hash)).into()
}

#[cfg(test)]
mod tests {
    use super::{IdForm, Ids, fitted};

    #[test]
    fn ids_differ_and_repeat_with_their_seed() {
        let (mut one, mut two) = (Ids::new(7), Ids::new(7));
        let (first, second) = (one.mint("msg_"), one.mint("msg_"));
        assert!(first != second && first.len() == 28 && first.starts_with("msg_"));
        assert_eq!(first, two.mint("msg_"));
        assert_ne!(first, Ids::new(8).mint("msg_"));
    }

    #[test]
    fn ids_of_calls_have_a_form_that_is_accepted_and_differ() {
        let ids = [
            "functions.get:0",
            "functions.get.0",
            "functions_get:0",
            "",
            "é",
            "call_0",
            &"x".repeat(65),
            &"x".repeat(66),
        ];
        let is_word = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let is_nine = |id: &str| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        for (form, accepts) in [
            (IdForm::Any(40), &(|id: &str| id.len() <= 40) as &dyn Fn(&str) -> bool),
            (IdForm::Word, &|id: &str| !id.is_empty() && id.len() <= 64 && is_word(id)),
            (IdForm::Nine, &is_nine),
        ] {
            let fit: Vec<String> = ids.iter().map(|id| fitted(id, form).into_owned()).collect();
            for (at, id) in fit.iter().enumerate() {
                assert!(accepts(id), "{form:?}: {id}");
                assert!(!fit[..at].contains(id), "{form:?}: {id}");
                assert_eq!(fitted(id, form), *id, "an id that fits stays");
            }
        }
        assert_eq!(fitted("toolu_01-A", IdForm::Word), "toolu_01-A");
    }
}
