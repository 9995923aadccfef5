//! The known fields of a chunk, and how the pieces of each become one value.

use super::contents::Seen;
use crate::json::{Fields, Json};
use crate::text::split;

/// How the pieces of a field become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Every piece is ignored.
    Skip,
    /// The first piece that is not empty stays.
    First,
    /// The last piece that is not empty stays.
    Last,
    /// A list grows by the items that it does not have yet: some upstreams repeat a list in every chunk. Of another value the
    /// last piece stays.
    Any,
    /// The first finish reason stays, in OpenAI's words. A later one, such as that of an error, does not change why the answer
    /// ended.
    Reason,
    /// A text, which grows. A piece may be a list of parts.
    Text,
    /// A text, which grows. A piece may be a list of parts, some of which are no text. An empty text is different from none.
    Content,
    /// A text, which grows, unless a piece is the whole text again.
    Name,
    /// A text, which grows. An empty text is different from none. A piece that is no string counts as its JSON text.
    Whole,
    /// A list, which grows.
    Items,
    /// An object whose fields have rules.
    Fields,
    /// The name and the arguments of a function.
    Function,
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

/// A field that is not known. An assembled completion has the unknown fields that a completion in one piece has.
pub(super) static UNKNOWN: Field = field("", Rule::Any);
/// The name and the input of a custom tool.
pub(super) static CUSTOM: Field = field("custom", Rule::Fields);
static LATEST: Field = field("", Rule::Last);
static LISTED: Field = field("", Rule::Items);

/// The known fields.
static FIELDS: [Field; 34 + cfg!(feature = "protocols") as usize] = [
    field("id", Rule::First),
    field("object", Rule::First),
    field("created", Rule::First),
    field("model", Rule::First),
    field("provider", Rule::First),
    field("system_fingerprint", Rule::First),
    field("service_tier", Rule::First),
    Field { inside: &UNKNOWN, ..field("choices", Rule::Records) },
    field("usage", Rule::Last),
    field("openrouter_metadata", Rule::Last),
    field("failsoft", Rule::Last),
    field("index", Rule::Last),
    Field { inside: &UNKNOWN, ..field("message", Rule::Fields) },
    Field { inside: &LISTED, ..field("logprobs", Rule::Fields) },
    field("finish_reason", Rule::Reason),
    field("native_finish_reason", Rule::First),
    field("role", Rule::First),
    Field { part: Seen::CONTENT, ..field("content", Rule::Content) },
    Field { part: Seen::REFUSAL, ..field("refusal", Rule::Text) },
    Field { part: Seen::REASONING, ..field("reasoning", Rule::Text) },
    Field { part: Seen::REASONING, ..field("reasoning_details", Rule::Records) },
    Field { part: Seen::TOOL_CALL, ..field("tool_calls", Rule::Records) },
    Field { part: Seen::TOOL_CALL, ..field("function_call", Rule::Function) },
    Field { part: Seen::CONTENT, ..field("images", Rule::Any) },
    Field { part: Seen::CONTENT, ..field("audio", Rule::Fields) },
    field("function", Rule::Function),
    field("name", Rule::Name),
    // Of a call of a custom tool: a text, and no JSON.
    field("input", Rule::Text),
    field("text", Rule::Whole),
    field("summary", Rule::Whole),
    field("data", Rule::Whole),
    field("transcript", Rule::Whole),
    // Of a detail of the reasoning. Anthropic documents one piece for each thought (vercel/ai#19663).
    field("signature", Rule::Whole),
    // Random letters that hide the length of a chunk (OpenAI's `stream_options.include_obfuscation`).
    field("obfuscation", Rule::Skip),
    // What only a client of the upstream's own protocol reads. The last piece may be the whole answer.
    #[cfg(feature = "protocols")]
    field("native", Rule::Last),
];

/// Other names of known fields, in lower case and without separators. A field counts under another name only if its own name
/// is not there: vLLM has `stop_reason`, the matched token, beside `finish_reason`.
const OTHER_NAMES: [(&str, &str); 2] = [
    ("finish_reason", "finishreason finishdetails stopreason donereason"),
    (
        "reasoning",
        "reasoningcontent thinking thinkingcontent thought thoughts reasoningtext thoughtcontent reasoningsummary",
    ),
];

/// The known field with this name.
#[inline(never)]
pub(super) fn known(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The name of the field that `key` stands for. A piece with two names of one field has the same value twice.
pub(super) fn canonical_name<'a>(key: &'a str, piece: &Fields<'_>) -> Option<&'a str> {
    match key {
        "delta" => Some("message"),
        "message" if piece.get("delta").is_object() => None,
        "reasoning_content" if !piece.get("reasoning").is_null_or_empty() => None,
        "reasoning_content" => Some("reasoning"),
        name => Some(name),
    }
}

/// The known field that `key`, no known name itself, stands for.
#[cold]
pub(super) fn other_name(key: &str, value: Json<'_>, piece: &Fields<'_>) -> Option<&'static str> {
    let (name, _) = OTHER_NAMES.iter().find(|(_, names)| split(names, b' ').any(|name| is_spelling(key, name)))?;
    let is_reason = *name == "finish_reason";
    // A number is a token, and no reason.
    if value.is_number() {
        return None;
    }
    let has_own = piece.iter().any(|(other, value)| {
        let other = other.word();
        if is_reason {
            other != key && is_spelling(other, "finishreason")
        } else {
            matches!(other, "reasoning" | "reasoning_content") && !value.is_null_or_empty()
        }
    });
    if has_own { None } else { Some(name) }
}

/// The letters of `key`, in any case, are `name`.
fn is_spelling(key: &str, name: &str) -> bool {
    let letters = key.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase());
    letters.eq(name.bytes())
}
