//! Another system prompt: a route can replace one that its callers send by a shorter one, without a change of the callers.

use failsoft::ChatRequest;
use failsoft::invalid::{Invalid, Section};

use super::digest;

/// The most bytes of a system prompt.
const LONGEST: usize = 50_000;

/// The text that takes the place of a system prompt. Callers that send another prompt keep theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SystemPrompt {
    /// The SHA-256 of the prompt that is replaced.
    sha256: [u8; 32],
    text: String,
}

impl SystemPrompt {
    /// Reads the `systemPrompt` of a route.
    pub(super) fn read(route: &Section<'_>) -> Result<Option<Self>, Box<Invalid>> {
        let Some(given) = route.optional("systemPrompt")? else { return Ok(None) };
        given.only("sha256 text")?;
        let sha256 = given.text("sha256")?.and_then(|hex| digest::read(&hex));
        let sha256 = sha256.ok_or_else(|| {
            given.wrong("sha256", "must be the SHA-256 of the system prompt that callers send, 64 hex digits")
        })?;
        let text = given.text("text")?.filter(|text| !text.trim().is_empty() && text.len() <= LONGEST);
        let text = text.ok_or_else(|| given.wrong("text", "must be a text of 1 to 50,000 bytes"))?;
        Ok(Some(Self { sha256, text: text.into() }))
    }

    /// Replaces the system prompt of `request`, if it is the one that this text replaces.
    pub(crate) fn replace_in(&self, request: &mut ChatRequest) {
        if request.system_prompt().is_some_and(|prompt| digest::of(&prompt) == self.sha256) {
            request.set_system_prompt(&self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use failsoft::{ChatRequest, Json};

    use super::SystemPrompt;
    use crate::config::digest;

    #[test]
    fn only_the_prompt_with_this_digest_is_replaced() {
        let replacement = SystemPrompt { sha256: digest::of("Be \"long\"."), text: "Be short.".into() };
        let replaced = |first: &str| {
            let body = format!(r#"{{"model":"m","messages":[{first},{{"role":"user","content":"hi"}}],"top_p":1}}"#);
            let mut request = ChatRequest::read(Json::parse(&body).expect("JSON")).expect("a request");
            replacement.replace_in(&mut request);
            request.conversation_json()
        };
        let short =
            r#"{"top_p":1,"messages":[{"role":"system","content":"Be short."},{"role":"user","content":"hi"}]}"#;
        assert_eq!(replaced(r#"{"role":"system","content":"Be \"long\"."}"#), short);
        assert_eq!(replaced(r#"{"role":"system","content":[{"type":"text","text":"Be \u0022long\"."}]}"#), short);
        for other in [
            r#"{"role":"system","content":"Be \"long\"!"}"#,
            r#"{"role":"user","content":"Be \"long\"."}"#,
            r#"{"role":"system","content":[{"type":"text","text":"Be \"long\"."},{"type":"text","text":"x"}]}"#,
        ] {
            assert!(replaced(other).contains(&other[8..]), "{other}");
        }
    }
}
