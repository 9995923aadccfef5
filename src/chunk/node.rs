//! JSON that grows from its pieces.

use super::openai_finish_reason;
use super::seen::{Brought, Seen};
use crate::json::{Fields, Json, push_quoted};
use crate::text::reserve;

/// A value of which more may come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    /// In the object that it is a field of, as a JSON string holds it.
    name: String,
    kind: Kind,
    /// Of what has no nodes.
    text: String,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// JSON text, as it came; none yet, if it is empty.
    #[default]
    Json,
    Text,
    Fields,
    Items,
}

/// How the pieces of a field become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// They do not count.
    Skip,
    /// The first that says something stays.
    First,
    /// The last that says something stays.
    Last,
    /// The first stays, in OpenAI's words: an error, for one, that comes behind it does not change why the answer ended.
    Reason,
    /// Text goes on.
    Text,
    /// Text goes on; it may come in parts, and to be empty says something.
    Content,
    /// Text goes on, unless it is said again.
    Name,
    /// Text goes on, and to be empty says something; what is no string is taken as it stands.
    Whole,
    /// The list goes on.
    Items,
    /// An object whose fields have rules.
    Fields,
    /// A list of objects whose fields have rules: each piece continues one of them, or begins another.
    Records,
}

struct Field {
    name: &'static str,
    rule: Rule,
    /// What a piece of it shows of an answer.
    shows: Seen,
    /// What a field inside it counts as that is not known.
    inside: &'static Field,
}

const fn field(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, shows: Seen::NOTHING, inside: &LATEST }
}

static SKIPPED: Field = field("", Rule::Skip);
static LATEST: Field = field("", Rule::Last);
static LISTED: Field = field("", Rule::Items);

/// The fields that are known.
static FIELDS: [Field; 31] = [
    field("id", Rule::First),
    field("object", Rule::First),
    field("created", Rule::First),
    field("model", Rule::First),
    field("provider", Rule::First),
    field("system_fingerprint", Rule::First),
    field("service_tier", Rule::First),
    Field { inside: &SKIPPED, ..field("choices", Rule::Records) },
    field("usage", Rule::Last),
    field("openrouter_metadata", Rule::Last),
    field("failsoft", Rule::Last),
    field("index", Rule::Last),
    Field { inside: &SKIPPED, ..field("message", Rule::Fields) },
    Field { inside: &LISTED, ..field("logprobs", Rule::Fields) },
    field("finish_reason", Rule::Reason),
    field("native_finish_reason", Rule::First),
    field("role", Rule::First),
    Field { shows: Seen::CONTENT, ..field("content", Rule::Content) },
    Field { shows: Seen::REFUSAL, ..field("refusal", Rule::Text) },
    Field { shows: Seen::REASONING, ..field("reasoning", Rule::Text) },
    Field { shows: Seen::REASONING, ..field("reasoning_details", Rule::Records) },
    Field { shows: Seen::TOOL_CALL, ..field("tool_calls", Rule::Records) },
    Field { shows: Seen::CONTENT, ..field("images", Rule::Items) },
    Field { shows: Seen::CONTENT, ..field("audio", Rule::Fields) },
    field("function", Rule::Fields),
    field("name", Rule::Name),
    field("arguments", Rule::Whole),
    field("text", Rule::Whole),
    field("summary", Rule::Whole),
    field("data", Rule::Whole),
    field("transcript", Rule::Whole),
];

/// Null where nothing was said; other fields are left out then.
const NULLABLE: [&str; 4] = ["content", "refusal", "logprobs", "finish_reason"];

/// The field that `key` means: some have two names for it, and who sends both says the same twice.
fn meant<'a>(key: &'a str, piece: &Fields<'_>) -> Option<&'a str> {
    match key {
        "delta" => Some("message"),
        "message" if piece.get("delta").is_object() => None,
        "reasoning_content" if piece.get("reasoning").is_string() => None,
        "reasoning_content" => Some("reasoning"),
        name => Some(name),
    }
}

impl Node {
    /// A completion before its first piece.
    pub(super) fn completion() -> Self {
        let mut node = Self::default();
        node.begin("object", "chat.completion");
        node
    }

    /// A new object in the list `name`, before its first piece.
    fn begun(name: &str) -> Self {
        let mut node = Self { kind: Kind::Fields, ..Self::default() };
        if name == "choices" {
            node.slot("index").push_text("0");
            let message = node.slot("message");
            message.begin("role", "assistant");
            message.slot("content");
            message.slot("refusal");
            node.slot("logprobs");
            node.slot("finish_reason");
        } else if name == "tool_calls" {
            node.begin("id", "");
            node.begin("type", "function");
            let function = node.slot("function");
            function.begin("name", "");
            function.begin("arguments", "");
        }
        node
    }

    /// The field `name` begins with `text`.
    fn begin(&mut self, name: &str, text: &str) {
        let field = self.slot(name);
        field.kind = Kind::Text;
        field.push_text(text);
    }

    /// Takes a chunk, if it is a completion.
    pub(super) fn feed<'a>(&mut self, chunk: &Fields<'a>, brought: &mut Brought<'a>) {
        self.grow(chunk, &SKIPPED, brought);
    }

    /// Takes the fields of `piece`; those that are not known as `other`.
    fn grow<'a>(&mut self, piece: &Fields<'a>, other: &'static Field, brought: &mut Brought<'a>) {
        let before = self.nodes.len();
        for (key, value) in piece.iter() {
            let Some(name) = meant(key.word(), piece) else { continue };
            let known = |field: &&Field| field.name == name && other.rule != Rule::Items;
            let field = FIELDS.iter().find(known).unwrap_or(other);
            if field.rule != Rule::Skip {
                // Some repeat the whole message at the end.
                brought.is_first &= key.word() != "message";
                self.slot(name).take(field, value, brought);
            } else if name == "error" && !value.is_null() {
                brought.seen.add(Seen::ERROR);
                brought.error = value;
            }
        }
        brought.changed += self.nodes.len() - before;
    }

    /// Takes a piece of `field`.
    fn take<'a>(&mut self, field: &Field, value: Json<'a>, brought: &mut Brought<'a>) {
        let before = self.size();
        match field.rule {
            Rule::Skip => {}
            Rule::First if before > 0 => {}
            Rule::Last | Rule::Reason | Rule::Text if value.says_nothing() => {}
            Rule::First | Rule::Last => self.set(value),
            Rule::Reason => {
                let theirs = value.text().unwrap_or_default();
                let ours = openai_finish_reason(&theirs);
                if ours != theirs {
                    brought.seen.add(Seen::FOREIGN);
                }
                if ours == "error" {
                    brought.seen.add(Seen::ERROR);
                }
                if before == 0 {
                    self.set_text(ours.into());
                }
            }
            Rule::Name if self.is(value) => {}
            Rule::Whole if !value.is_string() && !value.is_null() => self.text.push_str(value.raw()),
            Rule::Text | Rule::Name | Rule::Whole => self.say(value),
            Rule::Content => {
                self.say(value);
                value.items().for_each(|part| self.say(part.get("text")));
                if brought.is_first {
                    brought.text += self.text.len() - before;
                }
            }
            Rule::Items => {
                for item in value.items() {
                    self.kind = Kind::Items;
                    self.nodes.push(Self::of(item));
                }
            }
            Rule::Fields => {
                // What else has a field of the name of the text is not the text.
                let is_first = brought.is_first;
                brought.is_first &= field.name == "message";
                self.grow(&Fields::of(value), field.inside, brought);
                brought.is_first = is_first;
            }
            Rule::Records => {
                let is_first = brought.is_first;
                for piece in value.items() {
                    let piece = &Fields::of(piece);
                    let at = self.place_of(field.name, piece);
                    brought.is_first =
                        field.name == "choices" && at == 0 && piece.get("index").whole().unwrap_or(0) == 0;
                    self.nodes[at].grow(piece, field.inside, brought);
                }
                brought.is_first = is_first;
            }
        }
        let size = self.size();
        if size > before {
            brought.seen.add(field.shows);
        }
        brought.changed += size.abs_diff(before);
    }

    /// The place of the object in this list that `piece` continues, or of a new one. The `index` of a piece may lie: an
    /// id says more. Without both it continues the current one.
    fn place_of(&mut self, name: &str, piece: &Fields<'_>) -> usize {
        let (id, index, kind) = (piece.get("id"), piece.get("index"), piece.get("type"));
        let is_continued = |record: &Self| {
            let (known, same_index) = (record.get("id"), record.get("index").is(index));
            let is_same = if id.says_nothing() {
                same_index || index.is_null()
            } else {
                known.is(id) || same_index && known.size() == 0
            };
            is_same && (kind.says_nothing() || record.get("type").is(kind))
        };
        // Blocks of reasoning come one after the other, whatever their index.
        let is_current = name == "reasoning_details" || id.says_nothing() && index.is_null();
        let from = if is_current { self.nodes.len().saturating_sub(1) } else { 0 };
        if let Some(at) = self.nodes[from..].iter().rposition(is_continued) {
            return from + at;
        }
        let mut at = self.nodes.len();
        if name == "choices" {
            let is_later = |record: &Self| record.get("index").json().whole() > index.whole();
            at = self.nodes.iter().position(is_later).unwrap_or(at);
        }
        self.kind = Kind::Items;
        self.nodes.insert(at, Self::begun(name));
        at
    }

    fn of(value: Json<'_>) -> Self {
        let mut node = Self::default();
        node.set(value);
        node
    }

    /// The place for the field `name`.
    pub(super) fn slot(&mut self, name: &str) -> &mut Self {
        self.kind = Kind::Fields;
        let at = self.find(name).unwrap_or_else(|| {
            self.nodes.push(Self { name: name.into(), ..Self::default() });
            self.nodes.len() - 1
        });
        &mut self.nodes[at]
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|field| field.name == name)
    }

    /// It is `value`.
    pub(super) fn set(&mut self, value: Json<'_>) {
        self.text.clear();
        self.kind = Kind::Json;
        if value.is_string() {
            self.say(value);
        } else if !value.is_null() {
            self.text.push_str(value.raw());
        }
    }

    /// It is `text`.
    pub(super) fn set_text(&mut self, text: String) {
        self.kind = Kind::Text;
        self.text = text;
    }

    /// Makes room for so many bytes of text; for how many there is room then.
    pub(super) fn reserve(&mut self, length: usize) -> usize {
        reserve(&mut self.text, length);
        self.text.capacity() - self.text.len()
    }

    /// Goes on with `text`.
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Goes on with a string.
    fn say(&mut self, value: Json<'_>) {
        if let Some(more) = value.text() {
            self.kind = Kind::Text;
            self.text.push_str(&more);
        }
    }

    fn is(&self, value: Json<'_>) -> bool {
        match self.kind {
            Kind::Text => value.is(&self.text),
            _ => self.json() == value,
        }
    }

    /// The field `name`.
    pub(super) fn get(&self, name: &str) -> &Self {
        static NOTHING: Node = Node { name: String::new(), kind: Kind::Json, text: String::new(), nodes: Vec::new() };
        self.find(name).map_or(&NOTHING, |at| &self.nodes[at])
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> &[Self] {
        &self.nodes
    }

    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        &mut self.nodes
    }

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        if self.kind == Kind::Text { &self.text } else { "" }
    }

    /// How much was said.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.nodes.len()
    }

    /// The value, where it is kept as it came.
    pub(super) fn json(&self) -> Json<'_> {
        Json::or_null(&self.text)
    }

    /// Adds its JSON text to `json`, as the field `name` or in the list of that name.
    pub(super) fn write(&self, name: &str, json: &mut String) {
        match self.kind {
            Kind::Json => json.push_str(self.json().raw()),
            Kind::Text => push_quoted(json, &self.text),
            Kind::Items => {
                json.push('[');
                for (at, item) in self.nodes.iter().enumerate() {
                    json.push_str(if at == 0 { "" } else { "," });
                    item.write(name, json);
                }
                json.push(']');
            }
            Kind::Fields => {
                let calls = self.get("tool_calls").size() > 0;
                json.push('{');
                for field in &self.nodes {
                    let is_nullable = NULLABLE.contains(&&*field.name);
                    // An index is the pieces' own business; and who calls a tool says nothing, rather than an empty text.
                    let is_silent = field.size() == 0 && (field.kind == Kind::Json || is_nullable && calls);
                    if is_silent && !is_nullable || name == "tool_calls" && field.name == "index" {
                        continue;
                    }
                    if !json.ends_with('{') {
                        json.push(',');
                    }
                    json.push('"');
                    json.push_str(&field.name);
                    json.push_str("\":");
                    if is_silent {
                        json.push_str("null");
                    } else {
                        field.write(&field.name, json);
                    }
                }
                json.push('}');
            }
        }
    }
}
