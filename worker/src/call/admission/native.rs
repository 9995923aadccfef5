//! The request in the client's own words, for an upstream that speaks the protocol of the client.

use failsoft::Json;
use failsoft::invalid::Invalid;

/// Refuses what would cost extra and has no form in the chat request, where everything else was checked.
pub(super) fn check(native: &str) -> Result<(), Box<Invalid>> {
    match has_dear_cache(Json::parse(native).unwrap_or(Json::NULL)) {
        true => Err(Invalid::new("cache_control.ttl", "can be \"5m\" only: a cache for an hour costs extra")),
        false => Ok(()),
    }
}

fn has_dear_cache(value: Json<'_>) -> bool {
    let lifetime = value.at("cache_control.ttl");
    let is_dear = !lifetime.is_null() && !lifetime.is("5m");
    is_dear || value.fields().any(|(_, inside)| has_dear_cache(inside)) || value.items().any(has_dear_cache)
}

/// The bytes that the prompt of `native` has beyond the prompt of `chat`: content that a chat request has no form for.
pub(super) fn more_bytes(native: &str, chat: &str) -> u64 {
    let chat = Json::parse(chat).unwrap_or(Json::NULL);
    let prompt = ["messages", "tools", "response_format"].map(|name| chat.get(name).raw().len());
    native.len().saturating_sub(prompt.into_iter().sum()) as u64
}

#[cfg(test)]
mod tests {
    use super::{check, more_bytes};

    #[test]
    fn a_cache_for_an_hour_is_found_at_every_depth() {
        let native = |ttl: &str| {
            format!(
                r#"{{"messages":[{{"content":[{{"type":"tool_result","content":[],"cache_control":{{"ttl":"{ttl}"}}}}]}}]}}"#
            )
        };
        assert!(check(&native("5m")).is_ok());
        assert_eq!(check(&native("1h")).expect_err("an error").path, "cache_control.ttl");
    }

    #[test]
    fn content_without_a_form_in_chat_counts() {
        let chat = r#"{"model":"a","messages":[{"role":"user","content":"hi"}]}"#;
        let native = r#"{"messages":[{"role":"user","content":"hi","novel":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}"#;
        assert!(more_bytes(native, chat) >= 30);
        assert_eq!(more_bytes("{}", chat), 0);
    }
}
