//! How long the prompt may stay in a cache of its upstream.

use crate::json::Json;
use crate::text::find;

/// Whether one of the `fields` of a request may ask for a cache that lives longer than five minutes, at any depth: whether a
/// `cache_control` has another `ttl` than `5m`.
pub fn has_long_cache<'a>(mut fields: impl Iterator<Item = (Json<'a>, Json<'a>)>) -> bool {
    // Most values have no such name, however it is written, and need no search.
    fields.any(|(name, value)| {
        ["ttl", "\\u00"].into_iter().any(|part| find(value.raw(), part).is_some()) && finds_long_cache(name, value)
    })
}

fn finds_long_cache(name: Json<'_>, value: Json<'_>) -> bool {
    let lifetime = if name.is("cache_control") { value.get("ttl") } else { Json::NULL };
    (!lifetime.is_null() && !lifetime.is("5m"))
        || value.fields().any(|(name, inside)| finds_long_cache(name, inside))
        || value.items().any(|item| finds_long_cache(Json::NULL, item))
}

#[cfg(test)]
mod tests {
    use super::has_long_cache;
    use crate::json::Json;

    fn finds(request: &str) -> bool {
        has_long_cache(Json::parse(request).expect("JSON").fields())
    }

    #[test]
    fn a_cache_for_an_hour_is_found_at_every_depth_and_however_it_is_written() {
        for (name, ttl) in [("ttl", "1h"), ("ttl", "1d"), (r"t\u0074l", "1h"), ("ttl", r"\u0031h")] {
            for mark in ["cache_control", r"cache\u005fcontrol"] {
                let mark = format!(r#""{mark}":{{"type":"ephemeral","{name}":"{ttl}"}}"#);
                assert!(finds(&format!("{{{mark}}}")), "{mark}");
                assert!(finds(&format!(r#"{{"tools":[{{"function":{{}},{mark}}}]}}"#)), "{mark}");
                let block = format!(r#"{{"type":"tool_result","content":[],{mark}}}"#);
                assert!(finds(&format!(r#"{{"messages":[{{"content":[{{}},{block}]}}]}}"#)), "{mark}");
            }
        }
    }

    #[test]
    fn five_minutes_and_other_things_of_this_name_are_no_long_cache() {
        for request in [
            "{}",
            r#"{"cache_control":{"type":"ephemeral"}}"#,
            r#"{"cache_control":{"ttl":"5m"}}"#,
            r#"{"cache_control":{"ttl":null}}"#,
            r#"{"messages":[{"content":[{"text":"ttl","cache_control":{"ttl":"5m"}}]}]}"#,
            r#"{"tools":[{"function":{"parameters":{"properties":{"ttl":{"type":"string"}}}}}]}"#,
            r#"{"metadata":{"ttl":"1h"}}"#,
        ] {
            assert!(!finds(request), "{request}");
        }
    }
}
