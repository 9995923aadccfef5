//! The known fields of a chunk, and how the pieces of each become one value.

use super::contents::Seen;
use crate::json::Fields;

/// How the pieces of a field become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Every piece is ignored.
    Skip,
    /// The first piece that is not empty stays.
    First,
    /// The last piece that is not empty stays.
    Last,
    /// The first finish reason stays, in OpenAI's words. A later one, such as that of an error, does not change why the answer
    /// ended.
    Reason,
    /// A text, which grows.
    Text,
    /// A text, which grows. A piece may be a list of parts. An empty text is different from none.
    Content,
    /// A text, which grows, unless a piece is the whole text again.
    Name,
    /// A text, which grows. An empty text is different from none. A piece that is no string counts as its JSON text.
    Whole,
    /// A list, which grows.
    Items,
    /// An object whose fields have rules.
    Fields,
    /// A list of objects whose fields have rules. Each piece continues an object of the list, or begins a new one.
    Records,
}

/// A field of a chunk.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    /// The part of an answer that a piece of it is.
    pub(super) part: Seen,
    /// The rule for an unknown field inside it.
    pub(super) inside: &'static Field,
}

const fn field(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, part: Seen::NOTHING, inside: &LATEST }
}

pub(super) static SKIPPED: Field = field("", Rule::Skip);
static LATEST: Field = field("", Rule::Last);
static LISTED: Field = field("", Rule::Items);

/// The known fields.
pub(super) static FIELDS: [Field; 31] = [
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
    Field { part: Seen::CONTENT, ..field("content", Rule::Content) },
    Field { part: Seen::REFUSAL, ..field("refusal", Rule::Text) },
    Field { part: Seen::REASONING, ..field("reasoning", Rule::Text) },
    Field { part: Seen::REASONING, ..field("reasoning_details", Rule::Records) },
    Field { part: Seen::TOOL_CALL, ..field("tool_calls", Rule::Records) },
    Field { part: Seen::CONTENT, ..field("images", Rule::Items) },
    Field { part: Seen::CONTENT, ..field("audio", Rule::Fields) },
    field("function", Rule::Fields),
    field("name", Rule::Name),
    field("arguments", Rule::Whole),
    field("text", Rule::Whole),
    field("summary", Rule::Whole),
    field("data", Rule::Whole),
    field("transcript", Rule::Whole),
];

/// The name of the field that `key` stands for. Some fields have two names; a piece with both has the same value twice.
pub(super) fn canonical_name<'a>(key: &'a str, piece: &Fields<'_>) -> Option<&'a str> {
    match key {
        "delta" => Some("message"),
        "message" if piece.get("delta").is_object() => None,
        "reasoning_content" if piece.get("reasoning").is_string() => None,
        "reasoning_content" => Some("reasoning"),
        name => Some(name),
    }
}
