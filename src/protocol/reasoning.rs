//! Reasoning that only its issuer can read: signatures and encrypted texts.
//!
//! The chat request and its chunks carry reasoning as OpenRouter's `reasoning_details`, whose `format` names the issuer
//! (openrouter.ai/docs/use-cases/reasoning-tokens). A signature or an encrypted text is a 400 at any other vendor.
//!
//! A client keeps what it gets in the opaque field of its own protocol: `encrypted_content` of Responses, `signature` and
//! `data` of Messages. Reasoning of another vendor travels in that field as a *carrier*, which names its issuer. Nothing is
//! ever signed here: an invented signature would be refused in every turn that follows (router-for-me/CLIProxyAPI#1584).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Json, Object};
use crate::text::text;

/// The format of Claude's signatures. They are valid at every platform that serves Claude.
pub(super) const CLAUDE: &str = "anthropic-claude-v1";

/// The format of the encrypted reasoning of OpenAI's Responses.
pub(super) const OPENAI: &str = "openai-responses-v1";

/// The format of that of Azure, which has keys of its own.
pub(super) const AZURE: &str = "azure-openai-responses-v1";

/// The format of Gemini's thought signatures. One that belongs to a call has the id of the call, as OpenRouter writes it.
pub(super) const GEMINI: &str = "google-gemini-v1";

/// What a carrier begins with. No vendor's signature has a colon.
const CARRIER: &str = "failsoft:1:";

/// What an item of `reasoning_details` has beside its text. Its pieces are merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    /// `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`. Empty for reasoning without details.
    pub(super) kind: String,
    index: Option<u64>,
    pub(super) id: String,
    /// The issuer.
    pub(super) format: String,
    pub(super) signature: String,
    pub(super) data: String,
}

impl Detail {
    /// The signature of Gemini for the call `id`.
    pub(super) fn of_call(id: &str, signature: &str) -> Self {
        let (kind, format) = ("reasoning.encrypted".into(), GEMINI.into());
        Self { kind, format, id: id.into(), data: signature.into(), ..Self::default() }
    }

    /// `piece` belongs to this item.
    pub(super) fn matches(&self, piece: Json<'_>) -> bool {
        let index = piece.get("index").whole();
        let is_at = index.is_none() || self.index.is_none() || index == self.index;
        // A thought ends with its signature.
        let is_next = is_encrypted(piece) || !self.signature.is_empty() && !text_of(piece).is_empty();
        // A text without details may get a signature.
        self.has_id(piece) || !is_next && (self.kind.is_empty() || piece.get("type").is(&self.kind) && is_at)
    }

    /// `piece` has the id of this item. OpenAI's items have a summary and an encrypted text.
    pub(super) fn has_id(&self, piece: Json<'_>) -> bool {
        !self.id.is_empty() && piece.get("id").is(&self.id)
    }

    /// Adds a piece.
    pub(super) fn take(&mut self, piece: Json<'_>) {
        for (field, name) in [(&mut self.kind, "type"), (&mut self.id, "id"), (&mut self.format, "format")] {
            if field.is_empty() {
                *field = piece.get(name).text().unwrap_or_default().into();
            }
        }
        self.index = self.index.or(piece.get("index").whole());
        self.signature.push_str(&piece.get("signature").text().unwrap_or_default());
        self.data.push_str(&piece.get("data").text().unwrap_or_default());
    }

    /// Only the issuer can use the item.
    pub(super) fn is_bound(&self) -> bool {
        !self.signature.is_empty() || !self.data.is_empty()
    }

    /// Claude made the item.
    pub(super) fn is_claudes(&self) -> bool {
        self.format == CLAUDE
    }

    /// The JSON text of the item, with its `text`.
    pub(super) fn to_json(&self, text: &str) -> String {
        let mut json = Object::default();
        json.text("type", if self.kind.is_empty() { "reasoning.text" } else { &self.kind });
        let name = if self.kind == "reasoning.summary" { "summary" } else { "text" };
        for (name, value) in [
            (name, text),
            ("data", &self.data),
            ("signature", &self.signature),
            ("id", &self.id),
            ("format", &self.format),
        ] {
            json.maybe_text(name, Some(value).filter(|value| !value.is_empty()));
        }
        json.maybe_whole("index", self.index).end()
    }

    /// The item as an opaque text for a client whose protocol has no form for it.
    pub(super) fn carrier(&self, text: &str) -> String {
        text!(CARRIER, &self.to_json(text))
    }
}

/// Items of `reasoning_details` that no piece can be added to any more.
#[derive(Debug, Default)]
pub(super) struct EndedDetails {
    ids: BTreeSet<String>,
    /// The indexes of the items of each kind.
    indexes: BTreeMap<String, BTreeSet<Option<u64>>>,
    data: BTreeSet<String>,
}

impl EndedDetails {
    pub(super) fn add(&mut self, detail: &Detail) {
        self.indexes.entry(detail.kind.clone()).or_default().insert(detail.index);
        for (set, text) in [(&mut self.ids, &detail.id), (&mut self.data, &detail.data)] {
            if !text.is_empty() {
                set.insert(text.clone());
            }
        }
    }

    /// [`Detail::matches`] for one of the items.
    pub(super) fn matches(&self, piece: Json<'_>) -> bool {
        let (kind, index) = (piece.get("type").text().unwrap_or_default(), piece.get("index").whole());
        let is_of = |indexes: &BTreeSet<_>| index.is_none() || [None, index].iter().any(|one| indexes.contains(one));
        self.ids.contains(&*piece.get("id").text().unwrap_or_default())
            || !is_encrypted(piece) && (self.indexes.contains_key("") || self.indexes.get(&*kind).is_some_and(is_of))
    }

    /// One of the items has this encrypted text.
    pub(super) fn has_data(&self, data: &str) -> bool {
        self.data.contains(data)
    }
}

/// An encrypted text comes in one piece, so `piece` is another item than one without its id.
fn is_encrypted(piece: Json<'_>) -> bool {
    !piece.get("data").is_null_or_empty() || piece.get("type").is("reasoning.encrypted")
}

/// The readable text of an item of `reasoning_details`.
pub(super) fn text_of(item: Json<'_>) -> Cow<'_, str> {
    let text = item.get("text").text().filter(|text| !text.is_empty());
    text.or_else(|| item.get("summary").text()).unwrap_or_default()
}

/// The item of `reasoning_details` in a carrier.
pub(super) fn unpack(carrier: &str) -> Option<Json<'_>> {
    Json::parse(carrier.strip_prefix(CARRIER)?)?.as_object()
}

/// The JSON text of an item of `reasoning_details`.
pub(super) fn detail(kind: &str, format: &str, fields: &[(&str, &str)]) -> String {
    let mut json = Object::default();
    json.text("type", kind);
    for (name, value) in fields {
        json.maybe_text(name, Some(*value).filter(|value| !value.is_empty()));
    }
    json.text("format", format).end()
}

#[cfg(test)]
mod tests {
    use super::{Detail, EndedDetails, unpack};
    use crate::json::Json;

    #[test]
    fn a_piece_matches_ended_details_if_it_matches_one_of_them() {
        let mut pieces = Vec::new();
        for kind in ["", r#""type":"reasoning.text","#, r#""type":"reasoning.encrypted","data":"d","#] {
            for id in ["", r#""id":"","#, r#""id":"rs_1","#, r#""id":"rs_2","#] {
                for index in ["0", "1", "null"] {
                    pieces.push(format!(r#"{{{kind}{id}"index":{index}}}"#));
                }
            }
        }
        let of = |piece: &str| {
            let mut detail = Detail::default();
            detail.take(Json::parse(piece).expect("JSON"));
            detail
        };
        let mut matching = 0;
        for (one, other) in pieces.iter().flat_map(|one| pieces.iter().map(move |other| (of(one), of(other)))) {
            let mut ended = EndedDetails::default();
            ended.add(&one);
            ended.add(&other);
            for piece in &pieces {
                let piece = Json::parse(piece).expect("JSON");
                assert_eq!(
                    ended.matches(piece),
                    one.matches(piece) || other.matches(piece),
                    "{one:?} {other:?} {piece:?}"
                );
                matching += usize::from(ended.matches(piece));
            }
            assert!(ended.has_data("d") == (one.data == "d" || other.data == "d") && !ended.has_data(""));
        }
        assert!((1..pieces.len().pow(3)).contains(&matching));
    }

    #[test]
    fn pieces_of_a_signature_are_joined() {
        let mut detail = Detail::default();
        for piece in [
            r#"{"type":"reasoning.text","text":"a","index":0,"format":"anthropic-claude-v1"}"#,
            r#"{"type":"reasoning.text","signature":"Eu","index":0}"#,
            r#"{"type":"reasoning.text","signature":"YB","index":0}"#,
        ] {
            let piece = Json::parse(piece).expect("JSON");
            assert!(detail.matches(piece));
            detail.take(piece);
        }
        let json =
            r#"{"type":"reasoning.text","text":"a","signature":"EuYB","format":"anthropic-claude-v1","index":0}"#;
        assert_eq!(detail.to_json("a"), json);
        assert_eq!(unpack(&detail.carrier("a")).map(Json::raw), Some(json));
    }

    #[test]
    fn a_vendors_own_signature_is_no_carrier() {
        for text in ["", "EuYBCkQYAiJA", "failsoft:1:", "failsoft:1:null", "failsoft:2:{}"] {
            assert_eq!(unpack(text), None, "{text}");
        }
    }
}
