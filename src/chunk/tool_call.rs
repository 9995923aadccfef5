//! Tool calls from their pieces. The `index` of a piece may lie: an id says more.

use crate::json::{Json, Object, array};

#[derive(Clone, Debug, Default, PartialEq)]
struct ToolCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// The tool calls of one choice, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ToolCalls(Vec<ToolCall>);

impl ToolCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn any_broken(&self) -> bool {
        self.0.iter().any(|call| !call.arguments.is_empty() && Json::parse(&call.arguments).is_none())
    }

    pub(super) fn feed(&mut self, piece: Json<'_>) {
        let function = piece.get("function");
        let (name, arguments) = (function.get("name").text(), function.get("arguments"));
        let call = self.of(piece.get("index").whole(), &piece.get("id").text().unwrap_or_default());
        call.name.push_str(&name.filter(|name| *name != call.name).unwrap_or_default());
        match arguments.text() {
            Some(text) => call.arguments.push_str(&text),
            None if arguments.is_null() => {}
            // Some send the object itself.
            None => call.arguments.push_str(arguments.raw()),
        }
    }

    /// The call that a piece belongs to: by id; an index that has no id yet takes it; a new id is a new call; without
    /// an id the latest call of that index; without both the current call.
    fn of(&mut self, index: Option<u64>, id: &str) -> &mut ToolCall {
        let found = if id.is_empty() {
            let by_index = index.and_then(|_| self.0.iter().rposition(|call| call.index == index));
            if index.is_some() { by_index } else { self.0.len().checked_sub(1) }
        } else {
            let same_id = self.0.iter().position(|call| call.id == id);
            same_id.or_else(|| self.0.iter().rposition(|call| call.id.is_empty() && call.index == index))
        };
        let at = found.unwrap_or_else(|| {
            self.0.push(ToolCall { index, ..ToolCall::default() });
            self.0.len() - 1
        });
        let call = &mut self.0[at];
        if call.id.is_empty() {
            call.id = id.into();
        }
        call
    }

    /// JSON text, as in a message.
    pub(super) fn completed(&self) -> String {
        array(self.0.iter().map(|call| {
            let (mut function, mut json) = (Object::default(), Object::default());
            function.text("name", &call.name).text("arguments", &call.arguments);
            json.text("id", &call.id).text("type", "function").raw("function", &function.end());
            json.end()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::ToolCalls;
    use crate::json::Json;
    use serde_json::{Value, json};

    fn calls(pieces: &[Value]) -> Vec<(String, String, String)> {
        let mut calls = ToolCalls::default();
        pieces.iter().for_each(|piece| calls.feed(Json::parse(&piece.to_string()).expect("JSON")));
        calls.0.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.into(), name.into(), arguments.into())
    }

    #[test]
    fn a_new_id_on_the_same_index_is_a_new_call() {
        let pieces = [
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}}),
            json!({"index": 0, "function": {"arguments": "}"}}),
            json!({"index": 0, "id": "b", "function": {"name": "two", "arguments": "[1"}}),
            json!({"index": 0, "function": {"arguments": "]"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "{}"), call("b", "two", "[1]")]);
    }

    #[test]
    fn pieces_of_calls_that_run_side_by_side_stay_apart() {
        let pieces = [
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": ""}}),
            json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "1"}}),
            json!({"index": 1, "function": {"arguments": "2"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "1"), call("b", "two", "2")]);
    }

    #[test]
    fn an_id_and_name_repeated_in_every_piece_are_one_call() {
        let piece =
            |arguments: &str| json!({"index": 3, "id": "a", "function": {"name": "one", "arguments": arguments}});
        assert_eq!(calls(&[piece("{\"x\""), piece(":1}")]), [call("a", "one", "{\"x\":1}")]);
    }

    #[test]
    fn a_piece_with_neither_index_nor_id_belongs_to_the_current_call() {
        let pieces = [
            json!({"id": "a", "function": {"name": "one", "arguments": "{"}}),
            json!({"function": {"arguments": "}"}}),
        ];
        assert_eq!(calls(&pieces), [call("a", "one", "{}")]);
    }
}
