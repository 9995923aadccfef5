//! What tells a conversation from others of the same caller.

use super::ChatRequest;
use crate::json::{Fields, Json, Object, patched};

/// The fields in which callers name a conversation: OpenRouter's, and OpenAI's.
const NAMES: [&str; 2] = ["session_id", "prompt_cache_key"];

/// The name that the caller gave the conversation, behind the name of its field. `field` gives the fields of the request. `None`
/// if no name has a letter.
pub fn given_name<'a>(field: impl Fn(&str) -> Json<'a>) -> Option<String> {
    NAMES.into_iter().find_map(|name| {
        let given = field(name).text().filter(|given| !given.is_empty())?;
        Some([name, "\0", &given].concat())
    })
}

/// Adds the `content` of a message to `out`: a text as it is, and another part as its JSON text. Marks for a cache are not a part of
/// it, because clients move them.
pub fn push_beginning(content: Json<'_>, out: &mut String) {
    out.push_str(&content.text().unwrap_or_default());
    for part in content.items() {
        match part.get("text").text() {
            Some(text) => out.push_str(&text),
            None if part.is_object() => {
                out.push_str(&patched(part.raw(), &Object::default().raw("cache_control", "null").end()));
            }
            None => out.push_str(part.raw()),
        }
    }
}

impl ChatRequest {
    /// What tells this conversation from others of the same caller: the name that the caller gave it, or how it begins.
    pub fn conversation(&self) -> String {
        let fields = &Fields::of(Json::or_null(&self.rest));
        if let Some(name) = given_name(|name| fields.get(name)) {
            return name;
        }
        let mut beginning = String::new();
        for message in fields.get("messages").items() {
            beginning.extend([message.get("role").word(), "\n"]);
            push_beginning(message.get("content"), &mut beginning);
            if message.get("role").is("user") {
                break;
            }
        }
        beginning
    }
}

#[cfg(test)]
mod tests {
    use crate::json::Json;
    use crate::request::ChatRequest;

    fn named(content: &str, more: &str) -> String {
        let body = [r#"{"model":"a","messages":[{"role":"user","content":"#, content, "}]", more, "}"].concat();
        ChatRequest::read(Json::parse(&body).expect("JSON")).expect("valid").conversation()
    }

    #[test]
    fn a_conversation_has_the_first_name_that_is_not_empty() {
        for same in [
            r#","session_id":"","prompt_cache_key":"k""#,
            r#","session_id":null,"prompt_cache_key":"k""#,
            r#","prompt_cache_key":"k""#,
        ] {
            assert_eq!(named(r#""a""#, same), named(r#""b""#, same), "{same}");
        }
        for none in [r#","session_id":"""#, r#","session_id":"","prompt_cache_key":"""#, r#","session_id":7"#] {
            assert_ne!(named(r#""a""#, none), named(r#""b""#, none), "{none}");
            assert_eq!(named(r#""a""#, none), named(r#""a""#, ""), "{none}");
        }
    }

    #[test]
    fn conversations_that_begin_with_another_picture_or_file_are_others() {
        let image =
            |url: &str, more: &str| [r#"[{"type":"image_url","image_url":{"url":""#, url, r#""}"#, more, "}]"].concat();
        assert_ne!(named(&image("a", ""), ""), named(&image("b", ""), ""));
        assert_eq!(
            named(&image("a", r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#), ""),
            named(&image("a", ""), "")
        );
        let file = |data: &str| [r#"[{"type":"file","file":{"file_data":""#, data, r#""}}]"#].concat();
        assert_ne!(named(&file("a"), ""), named(&file("b"), ""));
    }
}
