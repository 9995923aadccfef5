//! The system prompt of a request, and a request as it can be sent once more.

use std::borrow::Cow;

use super::ChatRequest;
use crate::json::{Json, Object, array, patched};
use crate::tokens::Prompt;

impl ChatRequest {
    /// The text of the first message, if its role is `system` or `developer` and it has nothing but one text.
    pub fn system_prompt(&self) -> Option<Cow<'_, str>> {
        let first = Json::or_null(self.messages()).items().next()?;
        let content = first.get("content");
        let mut parts = content.items();
        let only = parts.next().filter(|_| parts.next().is_none());
        let text = content.text().or_else(|| only?.get("text").text())?;
        ["system", "developer"].iter().any(|role| first.get("role").is(role)).then_some(text)
    }

    /// Puts `text` into the place of [`ChatRequest::system_prompt`].
    pub fn set_system_prompt(&mut self, text: &str) {
        let messages = Json::or_null(self.messages());
        let first =
            messages.items().next().map(|first| patched(first.raw(), &Object::default().text("content", text).end()));
        let later = messages.items().skip(1).map(|message| message.raw().to_owned());
        let messages = array(first.into_iter().chain(later));
        self.rest = patched(&self.rest, &Object::default().raw("messages", &messages).end());
        let rest = Json::or_null(&self.rest);
        self.prompt = Prompt::chat(rest.get("messages"), rest.get("tools"), rest.get("response_format"));
        self.prompt_most = self.prompt_most.map(|most| most.saturating_add(text.len() as u64));
        // The form of the client's own protocol still has the old prompt.
        self.native = None;
    }

    /// The JSON text of the request without models, and without how the answer is sent.
    pub fn conversation_json(&self) -> String {
        match self.max_tokens {
            Some(most) => patched(&self.rest, &Object::default().whole("max_tokens", most).end()),
            None => self.rest.clone(),
        }
    }
}
