//! Which tool call a piece belongs to, and what it adds to the call.
//!
//! Vendors get each of id, index, name and arguments wrong: an id for every piece, one id for every call, one index for every
//! call, an index for every piece, no id, arguments that repeat all arguments so far. So:
//!
//! - a call begins with a name at an index of its own, or behind a call whose arguments are whole; an id alone begins none;
//! - a piece without a name goes on with the call of its id, else of its index, else with the last call;
//! - the ids of an answer's calls are present, and they differ.
//!
//! A call of a custom tool has an input, which is any text, where a call of a function has arguments.

use std::cell::Cell;

use super::bounds::{self, MOST_RECORDS};
use super::contents::{Contents, Misplaced, Seen};
use super::field::{CUSTOM, UNKNOWN};
use super::growing_value::Node;
use crate::json::Json;

/// The id of a call as the upstream sends it.
const SENT_ID: &str = "#id";
/// The arguments of a function, as long as each piece has repeated the piece before it.
const REPEATED: &str = "#repeated";

/// The name came again behind whole arguments, without arguments and without an id: another call of this function may follow.
const NAMED_AGAIN: &str = "#again";

/// What a piece says about its call.
struct Piece<'a> {
    id: Json<'a>,
    index: Json<'a>,
    name: Json<'a>,
    arguments: Json<'a>,
    /// It has the fields of a piece that begins a call.
    has_head: bool,
    /// It belongs to a call of a custom tool.
    is_custom: bool,
    /// Its arguments begin a JSON value, so the arguments before them may be whole.
    begins_arguments: bool,
}

impl<'a> Piece<'a> {
    fn of(piece: Json<'a>) -> Self {
        let custom = piece.get("custom");
        let is_custom = custom.is_object();
        let function = if is_custom { custom } else { piece.get("function") };
        let (id, index) = (piece.get("id"), piece.get("index"));
        let has_head = piece.fields().any(|(key, _)| key.is("id") || key.is("type"));
        let (name, arguments) = (function.get("name"), function.get("arguments"));
        let text = arguments.text();
        let text = text.as_deref().unwrap_or(arguments.raw());
        let begins_arguments = matches!(text.trim_ascii_start().as_bytes(), [b'{' | b'[', ..]);
        Self { id, index, name, arguments, has_head, is_custom, begins_arguments }
    }
}

impl Node {
    /// Adds a piece of a tool call to this list of calls.
    pub(super) fn take_call<'a>(&mut self, piece: Json<'a>, contents: &mut Contents<'a>) {
        if self.has_more_than(MOST_RECORDS) {
            return;
        }
        let said = Piece::of(piece);
        let found = self.find_call(&said, &contents.readable);
        let at = found.unwrap_or_else(|| self.begin_call(&said));
        let call = &mut self.items_mut()[at];
        let (before, name) = (contents.changed, call.called().get("name").size());
        for (key, value) in piece.fields() {
            match key.word() {
                "id" | "index" => {}
                "function" if said.is_custom => {}
                "function" => call.slot("function").take_function(value, contents),
                "custom" => call.slot("custom").add(&CUSTOM, value, contents),
                other => call.slot(other).add(&UNKNOWN, value, contents),
            }
        }
        if !said.id.is_null_or_empty() && call.get(SENT_ID).size() == 0 {
            call.slot(SENT_ID).set(said.id);
        }
        let is_changed = contents.changed > before;
        if found.is_none() || is_changed {
            contents.seen.add(Seen::TOOL_CALL);
        }
        let is_named_again = name > 0 && !said.name.is_null_or_empty() && call.called().get("name").size() == name;
        if is_named_again
            && !is_changed
            && said.id.is_null_or_empty()
            && call.get("function").is_whole(&contents.readable)
        {
            call.slot(NAMED_AGAIN).set_text("f".into());
        }
        let is_wrong =
            if found.is_none() { call.get("id").size() == 0 } else { !said.id.is_null_or_empty() || is_named_again };
        let has_place = said.index.whole() == Some(at as u64) || said.index.is_null() && contents.is_message;
        if is_wrong || !has_place || !said.arguments.is_string() && !said.arguments.is_null() {
            contents.seen.add(Seen::FOREIGN);
            let is_repetition = found.is_some() && !is_changed;
            let address = piece.raw().as_ptr() as usize;
            contents.misplaced.push(Misplaced { address, at, is_new: found.is_none(), is_repetition });
        }
    }

    /// What this call calls: a function or a custom tool.
    fn called(&self) -> &Self {
        let custom = self.get("custom");
        if custom.size() > 0 { custom } else { self.get("function") }
    }

    /// The place of the call that a piece goes on with. `None`, if the piece begins a call.
    fn find_call(&self, said: &Piece<'_>, readable: &Cell<usize>) -> Option<usize> {
        let calls = self.items();
        let has_id = |call: &Node| !said.id.is_null_or_empty() && call.get(SENT_ID).is(said.id);
        let has_index = |call: &Node| !said.index.is_null() && call.get("index").is(said.index);
        let both = calls.iter().rposition(|call| has_id(call) && has_index(call));
        let (by_id, by_index) = (calls.iter().rposition(has_id), calls.iter().rposition(has_index));
        let last = calls.len().checked_sub(1)?;
        if said.name.is_null_or_empty() {
            let at = both.or(by_id).or(by_index).unwrap_or(last);
            // An empty object may be a placeholder of arguments that follow.
            let is_over = |function: &Node| function.is_over(said, readable) && function.arguments() != "{}";
            return Some(at).filter(|at| !is_over(calls[*at].called()));
        }
        if by_index.is_none() && !said.index.is_null() {
            // The index may count pieces.
            return by_id.filter(|at| {
                let function = calls[*at].called();
                function.get("name").is(said.name) && !function.is_whole(readable)
            });
        }
        let at = both.or(by_index).or(by_id).unwrap_or(last);
        Some(at).filter(|at| calls[*at].goes_on_with(said, readable))
    }

    /// A piece with a name goes on with this call, which has the same index.
    fn goes_on_with(&self, said: &Piece<'_>, readable: &Cell<usize>) -> bool {
        let (function, id) = (self.called(), self.get(SENT_ID));
        let has_other_id = !said.id.is_null_or_empty() && id.size() > 0 && !id.is(said.id);
        let (name, arguments) = (function.get("name"), function.get("arguments"));
        if name.size() == 0 || name.is(said.name) {
            let begins = if has_other_id {
                function.is_whole(readable) || said.index.is_null()
            } else {
                function.is_over(said, readable)
            };
            return !begins;
        }
        // The name comes in pieces.
        arguments.size() == 0 && !has_other_id && (!said.has_head || id.size() > 0 && id.is(said.id))
    }

    fn begin_call(&mut self, said: &Piece<'_>) -> usize {
        let is_used = self.items().iter().any(|call| call.get("id").is(said.id));
        let mut call =
            if said.is_custom { Self::new_call("custom", "input") } else { Self::new_call("function", "arguments") };
        if !said.id.is_null_or_empty() && !is_used {
            call.slot("id").set(said.id);
        }
        if !said.index.is_null() {
            call.slot("index").set(said.index);
        }
        if let Some(last) = self.items().last().filter(|last| last.get(NAMED_AGAIN).size() > 0)
            && said.name.is_null_or_empty()
        {
            let name = last.get("function").get("name").text().to_owned();
            call.slot("function").slot("name").set_text(name);
        }
        self.push_item(call)
    }

    /// Adds a piece of a function: of its name and of its arguments.
    pub(super) fn take_function<'a>(&mut self, piece: Json<'a>, contents: &mut Contents<'a>) {
        for (key, value) in piece.fields() {
            match key.word() {
                "arguments" => self.take_arguments(value, contents),
                "name" => {
                    let name = self.slot("name");
                    if !value.is_null_or_empty() && !name.is(value) {
                        let text = value.text().unwrap_or_default();
                        contents.changed += text.len();
                        let new = text.strip_prefix(name.text()).unwrap_or(&text).to_owned();
                        name.push_text_as(&new);
                    }
                }
                other => self.slot(other).add(&UNKNOWN, value, contents),
            }
        }
    }

    fn take_arguments<'a>(&mut self, value: Json<'a>, contents: &mut Contents<'a>) {
        let text = value.text();
        let text = text.as_deref().unwrap_or(if value.is_null() { "" } else { value.raw() });
        let before = self.get("arguments").text();
        if before.is_empty() {
            self.slot(REPEATED).set_text(text.into());
            // No arguments at all are different from empty arguments.
            self.slot("arguments").set_text(String::new());
        } else if text.is_empty() || before == text && self.is_whole(&contents.readable) {
            return;
        } else if before == "{}" && text.starts_with('{') {
            // The arguments come behind a placeholder.
            contents.changed += 1;
            return self.slot("arguments").set_text(text.into());
        } else {
            let repeated = self.slot(REPEATED);
            let repeats = repeated.size() > 0 && text.starts_with(repeated.text());
            repeated.set_text(if repeats { text.into() } else { String::new() });
        }
        contents.changed += text.len();
        self.slot("arguments").push_text_as(text);
    }

    /// The arguments of this function: its pieces joined, or if only that is JSON, its last piece.
    fn arguments(&self) -> &str {
        let (joined, repeated) = (self.get("arguments").text(), self.get(REPEATED).text());
        let is_last = repeated.len() < joined.len() && Json::parse(repeated).is_some() && Json::parse(joined).is_none();
        if is_last { repeated } else { joined }
    }

    /// The arguments of this function are a JSON value, as far as the bytes that may be read again allow to say so: an answer whose
    /// every piece seems to end its arguments would cause work out of proportion.
    fn is_whole(&self, readable: &Cell<usize>) -> bool {
        let seems_whole = |text: &str| text.ends_with(['}', ']', ' ', '\n']);
        if bounds::APPLY {
            let joined = self.get("arguments").text();
            if !seems_whole(joined) && !seems_whole(self.get(REPEATED).text()) {
                return false;
            }
            let Some(left) = readable.get().checked_sub(joined.len()) else { return false };
            readable.set(left);
        }
        let arguments = self.arguments();
        seems_whole(arguments) && Json::parse(arguments).is_some()
    }

    /// The arguments of this function are whole, and a piece begins others.
    fn is_over(&self, said: &Piece<'_>, readable: &Cell<usize>) -> bool {
        let text = said.arguments.text();
        let text = text.as_deref().unwrap_or(said.arguments.raw());
        said.begins_arguments && self.is_whole(readable) && !text.starts_with(self.arguments())
    }

    /// Corrects the arguments of this function, once no piece follows.
    pub(super) fn settle_function(&mut self) {
        if self.get(REPEATED).size() > 0 {
            let arguments = self.arguments().to_owned();
            self.slot("arguments").set_text(arguments);
            self.slot(REPEATED).set_text(String::new());
        }
    }

    /// This function cannot be called: it has no name, or its arguments are not JSON.
    pub(super) fn is_broken_function(&self) -> bool {
        let arguments = self.arguments();
        self.get("name").size() == 0 || !arguments.is_empty() && Json::parse(arguments).is_none()
    }

    /// Gives this call, the `at`-th, an id if it has none. `salt` differs from answer to answer.
    pub(super) fn name_call(&mut self, at: usize, salt: &str) {
        if self.get("id").size() > 0 {
            return;
        }
        let name = self.called().get("name").text();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ at as u64;
        for byte in salt.bytes().chain(name.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // Mistral accepts ids of nine letters and digits only.
        let digits = (0..9).map(|place| {
            let digit = (hash >> (5 * place)) as u32 & 31;
            char::from_digit(digit, 36).unwrap_or_default()
        });
        let id = digits.collect();
        self.slot("id").set_text(id);
    }
}
