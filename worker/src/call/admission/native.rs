//! What the client's own request, in its own words, has beyond the chat request that was checked: bytes, and caches that cost extra.

use failsoft::Json;

/// Whether `value` may ask for a cache that lives longer than five minutes, at any depth. The JSON text `value` is searched only
/// if it can have such a field.
pub(super) fn has_long_cache(value: &str) -> bool {
    // A name may be written with escapes.
    let may = value.contains("ttl") || value.contains("\\u00");
    may && Json::parse(value).is_some_and(finds_long_cache)
}

fn finds_long_cache(value: Json<'_>) -> bool {
    let lifetime = value.at("cache_control.ttl");
    let is_long = !lifetime.is_null() && !lifetime.is("5m");
    is_long || value.fields().any(|(_, inside)| finds_long_cache(inside)) || value.items().any(finds_long_cache)
}

/// The bytes that the prompt of `native` has beyond the prompt of `chat`: content that a chat request has no form for.
pub(super) fn more_bytes(native: &str, chat: &str) -> u64 {
    let chat = Json::parse(chat).unwrap_or(Json::NULL);
    let prompt = ["messages", "tools", "response_format"].map(|name| chat.get(name).raw().len());
    native.len().saturating_sub(prompt.into_iter().sum()) as u64
}

#[cfg(test)]
mod tests {
    use super::{has_long_cache, more_bytes};

    #[test]
    fn a_cache_for_an_hour_is_found_at_every_depth_and_however_it_is_written() {
        let native = |name: &str, ttl: &str| {
            format!(
                r#"{{"messages":[{{"content":[{{"type":"tool_result","content":[],"cache_control":{{"{name}":"{ttl}"}}}}]}}]}}"#
            )
        };
        assert!(!has_long_cache(&native("ttl", "5m")) && !has_long_cache("{}"));
        for (name, ttl) in [("ttl", "1h"), ("ttl", "1d"), (r"t\u0074l", "1h"), ("ttl", r"\u0031h")] {
            assert!(has_long_cache(&native(name, ttl)), "{name} {ttl}");
        }
    }

    #[test]
    fn content_without_a_form_in_chat_counts() {
        let chat = r#"{"model":"a","messages":[{"role":"user","content":"hi"}]}"#;
        let native = r#"{"messages":[{"role":"user","content":"hi","novel":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}"#;
        assert!(more_bytes(native, chat) >= 30);
        assert_eq!(more_bytes("{}", chat), 0);
    }
}
