//! The messages of a request: turns that alternate.
//!
//! - Neighbours of one role are one message; the results of parallel calls belong in one (agentjido/req_llm#250).
//! - Each call has its result in the next message, and the results come first.
//! - Thinking goes back unchanged and before everything else of its turn. `issuer.rs` has left out that of other vendors.
//! - The first message is the user's. So is the last, where the model does not continue a message
//!   (anomalyco/opencode#14772).

use super::super::body::add;
use super::model::Generation;
use super::parts;
use super::tools::{call, result};
use crate::json::{Json, Object, array};
use crate::text::trim_end;

/// What stands in for a message of the user, where Anthropic needs one.
const NOTHING: &str = "(no text)";

/// What asks a model that does not continue a message to go on with it.
const GO_ON: &str = "Go on where your last message ends.";

/// The messages of a request, read from those of a chat request.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The JSON texts of the blocks of `system`.
    pub(super) system: Vec<String>,
    turns: Vec<Turn>,
    /// The ids of calls that have no result yet.
    pending: Vec<String>,
    /// The last turn with calls has Claude's signed thinking.
    pub(super) is_signed: bool,
    /// The last message is the result of a call.
    pub(super) is_in_loop: bool,
}

#[derive(Debug)]
struct Turn {
    is_users: bool,
    blocks: Vec<String>,
}

/// Reads the messages of a chat request.
pub(super) fn read(messages: Json<'_>, lost: &mut Vec<String>) -> Turns {
    let mut turns = Turns::default();
    for message in messages.items() {
        let content = message.get("content");
        let role = message.get("role");
        turns.is_in_loop = role.is("tool");
        match role.word() {
            "assistant" => turns.push_assistant(message, lost),
            "tool" | "function" => turns.push_result(message, lost),
            // Instructions in the middle have no form of their own.
            "system" | "developer" if turns.turns.is_empty() => parts::read(content, &mut turns.system, lost),
            _ => {
                turns.end_calls();
                let mut blocks = Vec::new();
                parts::read(content, &mut blocks, lost);
                turns.push(true, blocks);
            }
        }
    }
    turns.end_calls();
    turns
}

impl Turns {
    /// The JSON text of the messages, for a model of this generation.
    pub(super) fn end(mut self, generation: Generation) -> String {
        if self.turns.first().is_none_or(|first| !first.is_users) {
            let mut blocks = Vec::new();
            parts::push_text(NOTHING, Json::NULL, &mut blocks);
            self.turns.insert(0, Turn { is_users: true, blocks });
        }
        if self.turns.last().is_some_and(|last| !last.is_users) && !generation.continues() {
            let mut blocks = Vec::new();
            parts::push_text(GO_ON, Json::NULL, &mut blocks);
            self.push(true, blocks);
        }
        self.trim_prefill();
        for turn in self.turns.iter_mut().filter(|turn| turn.blocks.is_empty()) {
            parts::push_text(NOTHING, Json::NULL, &mut turn.blocks);
        }
        let write = |turn: &Turn| {
            let mut json = Object::default();
            json.text("role", if turn.is_users { "user" } else { "assistant" });
            json.raw("content", &array(&turn.blocks)).end()
        };
        array(self.turns.iter().map(write))
    }

    /// A message that the model continues must not end with white space.
    fn trim_prefill(&mut self) {
        let Some(Turn { is_users: false, blocks }) = self.turns.last_mut() else { return };
        let Some(last) = blocks.last_mut() else { return };
        let block = Json::or_null(last);
        if let Some(text) = block.get("text").text() {
            let trimmed = trim_end(&text);
            *last = crate::json::patched(block.raw(), &Object::default().text("text", trimmed).end());
        }
    }

    /// Adds a turn, or goes on with one of the same role.
    fn push(&mut self, is_users: bool, mut blocks: Vec<String>) {
        match self.turns.last_mut() {
            Some(last) if last.is_users == is_users => last.blocks.append(&mut blocks),
            _ if is_users || !blocks.is_empty() => self.turns.push(Turn { is_users, blocks }),
            _ => {}
        }
    }

    /// Adds the result of a call, before what else the user's message has.
    fn push_first(&mut self, result: String) {
        match self.turns.last_mut().filter(|last| last.is_users) {
            Some(last) => {
                let is_result = |block: &&String| block.starts_with(r#"{"type":"tool_result""#);
                let results = last.blocks.iter().take_while(is_result).count();
                last.blocks.insert(results, result);
            }
            None => self.push(true, vec![result]),
        }
    }

    fn push_assistant(&mut self, message: Json<'_>, lost: &mut Vec<String>) {
        self.end_calls();
        let mut blocks = Vec::new();
        for detail in message.get("reasoning_details").items() {
            blocks.extend(thinking(detail));
        }
        let is_signed = !blocks.is_empty();
        parts::read(message.get("content"), &mut blocks, lost);
        parts::push_text(&message.get("refusal").text().unwrap_or_default(), Json::NULL, &mut blocks);
        for item in message.get("tool_calls").items() {
            self.is_signed = is_signed;
            if item.get("function").is_object() {
                self.pending.push(item.get("id").text().unwrap_or_default().into());
                blocks.push(call(item));
            } else {
                add(lost, "tool_calls");
            }
        }
        self.push(false, blocks);
    }

    fn push_result(&mut self, message: Json<'_>, lost: &mut Vec<String>) {
        let id = message.get("tool_call_id").text().unwrap_or_default();
        let mut blocks = Vec::new();
        parts::read(message.get("content"), &mut blocks, lost);
        match self.pending.iter().position(|pending| *pending == id) {
            Some(at) => {
                self.pending.remove(at);
                self.push_first(result(&id, &blocks, message.get("cache_control")));
            }
            // A result without its call is a 400, and the model may need what it says.
            None => self.push(true, blocks),
        }
    }

    /// Gives each call without a result one: the call was aborted.
    fn end_calls(&mut self) {
        for id in std::mem::take(&mut self.pending) {
            let mut blocks = Vec::new();
            parts::push_text("The tool did not run.", Json::NULL, &mut blocks);
            self.push_first(result(&id, &blocks, Json::NULL));
        }
    }
}

/// The JSON text of the thinking block for an item of `reasoning_details` that is signed.
fn thinking(detail: Json<'_>) -> Option<String> {
    let (signature, data) = (detail.get("signature"), detail.get("data"));
    let mut block = Object::default();
    if !signature.is_null_or_empty() {
        let text = detail.get("text");
        block.text("type", "thinking").raw("thinking", if text.is_string() { text.raw() } else { "\"\"" });
        return Some(block.raw("signature", signature.raw()).end());
    }
    let has_data = data.is_string() && !data.is_null_or_empty();
    has_data.then(|| block.text("type", "redacted_thinking").raw("data", data.raw()).end())
}
