//! What of a conversation only its issuer can read, and which part of it each upstream gets.
//!
//! A conversation that changes the vendor carries what the vendors before have made. At another vendor, it is a 400 in every
//! turn that follows. So each request leaves out what its models did not issue, and the report names what was left out.
//!
//! | in the history | its issuer | at another vendor |
//! |---|---|---|
//! | an item of `reasoning_details` with a `signature` or `data` | its `format` | "Invalid `signature` in `thinking` block" (RooCodeInc/Roo-Code#10461), `invalid_encrypted_content` (openai/codex#8145) |
//! | `thinking_blocks` of a message, which LiteLLM writes | Claude | the same |
//! | `extra_content` of a call | Gemini (ai.google.dev/gemini-api/docs/thought-signatures) | an unknown field |
//! | an item of `reasoning_details` with the id of a call | Gemini, by way of OpenRouter or of another protocol | `extra_content` is missing at Google |
//! | `reasoning_content`, `reasoning` of a message | nobody: no signature binds them | strict APIs refuse unknown fields (CherryHQ/cherry-studio#16790) |
//!
//! The models of a request are those of one vendor, as `vendor.rs` knows it by their names. A vendor may also refuse what it
//! issued, after a change of its keys or of the account: then the call sends the request again without all of it.

use super::ids::{IdForm, fitted};
use super::reasoning::{AZURE, CLAUDE, GEMINI, OPENAI};
use super::vendor::Vendor;
use crate::json::{Fields, Json, Object, array, decimal, patched};
use crate::report::Stripped;
use crate::text::find;
use crate::upstream::{Dialect, Protocol};

/// What a request is sent to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The dialect of the upstream.
    pub dialect: Dialect,
    /// The protocol of the request.
    pub protocol: Protocol,
    /// The models that the request names, all of one vendor.
    pub models: &'a [String],
    /// It has refused a signature or an encrypted text of this conversation.
    pub refuses_signatures: bool,
    /// It does not know the fields of reasoning.
    pub refuses_reasoning: bool,
}

/// A chat request as its target gets it.
#[derive(Debug, Default)]
pub(super) struct Fitted {
    /// The JSON text of the messages, if they are not those of the request.
    pub(super) messages: Option<String>,
    /// The ids of some calls are not those of the request.
    pub(super) has_new_ids: bool,
    pub(super) stripped: Vec<Stripped>,
    /// The messages have what only their issuer can read.
    pub(super) has_signatures: bool,
    /// The messages have fields about reasoning.
    pub(super) has_reasoning: bool,
}

/// `messages` may have what only its issuer can read.
pub(crate) fn has_signatures(messages: &str) -> bool {
    ["\"reasoning_details\"", "\"extra_content\"", "\"thinking_blocks\""]
        .iter()
        .any(|name| find(messages, name).is_some())
}

/// The `messages` of a chat request for `target`.
pub(super) fn fit(target: &Target<'_>, messages: Json<'_>) -> Fitted {
    let mut fitting = Fitting { target: *target, vendor: target.vendor(), ids: Vec::new(), fitted: Fitted::default() };
    if !["\"tool_call", "\"reasoning", "\"thinking_blocks\""].iter().any(|name| find(messages.raw(), name).is_some()) {
        return fitting.fitted;
    }
    let mut changed = false;
    let mut written = Vec::new();
    for message in messages.items() {
        let patch = fitting.patch(&Fields::of(message));
        changed |= patch != "{}";
        written.push(if patch == "{}" { message.raw().into() } else { patched(message.raw(), &patch) });
    }
    fitting.fitted.messages = changed.then(|| array(written));
    fitting.fitted
}

impl Target<'_> {
    /// The target can read an item of `reasoning_details` with this `format`. `is_bound`: only its issuer can use it.
    pub(super) fn reads(&self, format: &str, is_bound: bool) -> bool {
        let (issuer, vendor) = (Vendor::of_format(format), self.vendor());
        let is_other = matches!(vendor, Vendor::Other | Vendor::Mistral);
        match self.dialect {
            _ if self.refuses_reasoning || is_bound && self.refuses_signatures => false,
            // Claude reads what Claude signed. Others that speak Messages do not tell their signatures from Claude's by a format.
            Dialect::Anthropic => {
                is_bound && (issuer == Vendor::Claude || vendor != Vendor::Claude && issuer == Vendor::Other)
            }
            // Of OpenAI's items, each API reads its own.
            _ if !self.is_gateway() => self.protocol == Protocol::Responses && format == self.own_format(),
            // OpenRouter alone writes these items, so it knows an item without a format.
            _ => format.is_empty() || issuer == vendor || issuer == Vendor::Other && (!is_bound || is_other),
        }
    }

    fn own_format(&self) -> &'static str {
        if self.dialect == Dialect::Azure { AZURE } else { OPENAI }
    }

    fn vendor(&self) -> Vendor {
        match self.dialect {
            Dialect::Azure => Vendor::OpenAi,
            _ => self.models.first().map_or(Vendor::Other, |model| Vendor::of(model)),
        }
    }

    /// A gateway, which names its models with their vendors and takes OpenRouter's fields.
    fn is_gateway(&self) -> bool {
        match self.dialect {
            Dialect::OpenAi => self.models.iter().any(|model| find(model, "/").is_some()),
            Dialect::OpenRouter | Dialect::Edge => true,
            Dialect::Anthropic | Dialect::Azure => false,
        }
    }

    /// OpenAI's own API, or Azure's.
    pub(super) fn is_openai(&self) -> bool {
        !self.is_gateway() && self.dialect != Dialect::Anthropic && self.vendor() == Vendor::OpenAi
    }

    /// The form of the ids of calls.
    fn id_form(&self, vendor: Vendor) -> IdForm {
        match (self.dialect, vendor) {
            (_, Vendor::Mistral) => IdForm::Nine,
            (Dialect::Anthropic, _) | (_, Vendor::Claude) => IdForm::Word,
            (Dialect::OpenRouter | Dialect::Edge, _) => IdForm::Any(64),
            _ if self.protocol == Protocol::Responses => IdForm::Any(64),
            (Dialect::OpenAi | Dialect::Azure, _) => IdForm::Any(40),
        }
    }
}

/// The item of `reasoning_details` is Gemini's signature of `call`.
fn is_signature_of(detail: Json<'_>, call: Json<'_>) -> bool {
    let id = detail.get("id");
    detail.get("format").is(GEMINI) && !id.is_null_or_empty() && call.get("id").is(&id.text().unwrap_or_default())
}

struct Fitting<'a> {
    target: Target<'a>,
    vendor: Vendor,
    /// The ids of the calls so far: as they came, and as they are sent.
    ids: Vec<(String, String)>,
    fitted: Fitted,
}

impl Fitting<'_> {
    /// What changes in `message`, for [`patched`].
    fn patch(&mut self, message: &Fields<'_>) -> String {
        let mut patch = Object::default();
        let result = message.get("tool_call_id").text().unwrap_or_default();
        if let Some((_, sent)) = self.ids.iter().rev().find(|(came, sent)| *came == result && came != sent) {
            patch.text("tool_call_id", sent);
        }
        if message.get("role").is("assistant") {
            self.patch_details(message, &mut patch);
            self.patch_texts(message, &mut patch);
            self.patch_calls(message.get("tool_calls"), message.get("reasoning_details"), &mut patch);
        }
        patch.end()
    }

    fn patch_details(&mut self, message: &Fields<'_>, patch: &mut Object) {
        let (details, calls) = (message.get("reasoning_details"), message.get("tool_calls"));
        let mut kept = Vec::new();
        for detail in details.items() {
            let is_bound = ["signature", "data"].iter().any(|name| !detail.get(name).is_null_or_empty());
            if self.target.reads(&detail.get("format").text().unwrap_or_default(), is_bound) {
                self.fitted.has_signatures |= is_bound;
                kept.push(detail.raw());
            } else if !(self.reads_extra_content() && calls.items().any(|call| is_signature_of(detail, call))) {
                let format = detail.get("format").text().filter(|format| !format.is_empty());
                self.strip(&detail.get("type").text().unwrap_or_default(), &format.unwrap_or("unknown".into()));
            }
        }
        self.fitted.has_reasoning |= !kept.is_empty();
        if kept.len() < details.items().count() {
            patch.raw("reasoning_details", &if kept.is_empty() { "null".into() } else { array(kept) });
        }
    }

    /// The fields of a message with reasoning as text, and LiteLLM's list of Claude's blocks.
    fn patch_texts(&mut self, message: &Fields<'_>, patch: &mut Object) {
        let is_strict = match self.target.dialect {
            _ if self.target.refuses_reasoning => true,
            Dialect::Anthropic => true,
            _ => !self.target.is_gateway() && self.vendor != Vendor::Other,
        };
        for name in ["reasoning", "reasoning_content"] {
            if message.get(name).is_null() {
                continue;
            }
            if is_strict {
                self.strip(name, "unknown");
                patch.raw(name, "null");
            } else {
                self.fitted.has_reasoning = true;
            }
        }
        let blocks = message.get("thinking_blocks");
        if blocks.is_null() {
            return;
        }
        let is_read = self.vendor == Vendor::Claude && self.target.dialect == Dialect::OpenAi;
        if is_read && !self.target.refuses_signatures && !self.target.refuses_reasoning {
            (self.fitted.has_signatures, self.fitted.has_reasoning) = (true, true);
        } else {
            self.strip("thinking_blocks", CLAUDE);
            patch.raw("thinking_blocks", "null");
        }
    }

    /// The target takes a signature of Gemini beside the call that it belongs to.
    fn reads_extra_content(&self) -> bool {
        self.vendor == Vendor::Gemini && self.target.dialect == Dialect::OpenAi && !self.target.refuses_signatures
    }

    fn patch_calls(&mut self, calls: Json<'_>, details: Json<'_>, patch: &mut Object) {
        let mut written = Vec::new();
        let mut changed = false;
        for call in calls.items() {
            let call_patch = self.patch_call(call, details, written.is_empty());
            changed |= call_patch != "{}";
            written.push(patched(call.raw(), &call_patch));
        }
        if changed {
            patch.raw("tool_calls", &array(written));
        }
    }

    fn patch_call(&mut self, call: Json<'_>, details: Json<'_>, is_first: bool) -> String {
        let mut patch = Object::default();
        let id = call.get("id").text().unwrap_or_default();
        let form = self.target.id_form(self.vendor);
        let mut sent = fitted(&id, form).into_owned();
        // Anthropic refuses an id that was there before, and some servers count their calls from 0 in each answer.
        if form == IdForm::Word && self.ids.iter().any(|(_, other)| *other == sent) {
            sent = fitted(&[&id, ":", &decimal(self.ids.len() as u64)].concat(), form).into_owned();
        }
        if sent != id {
            patch.text("id", &sent);
            self.fitted.has_new_ids = true;
        }
        self.ids.push((id.into(), sent));
        let has_signature = !call.get("extra_content").is_null();
        let reads = self.vendor == Vendor::Gemini && !self.target.refuses_signatures;
        if has_signature && !reads {
            self.strip("thought_signature", GEMINI);
            patch.raw("extra_content", "null");
        }
        self.fitted.has_signatures |= has_signature && reads;
        if self.vendor == Vendor::Gemini && self.target.dialect == Dialect::OpenAi && !(has_signature && reads) {
            let detail = details.items().find(|detail| self.reads_extra_content() && is_signature_of(*detail, call));
            let signature = detail.and_then(|detail| detail.get("data").text());
            self.fitted.has_signatures |= signature.is_some();
            // Gemini refuses the first call of a message without a signature, and has a word for calls that it did not make
            // (ai.google.dev/gemini-api/docs/thought-signatures).
            let signature = signature.or(is_first.then_some("skip_thought_signature_validator".into()));
            if let Some(signature) = signature {
                let google = Object::default().text("thought_signature", &signature).end();
                patch.raw("extra_content", &Object::default().raw("google", &google).end());
            }
        }
        patch.end()
    }

    fn strip(&mut self, what: &str, issuer: &str) {
        let stripped = &mut self.fitted.stripped;
        match stripped.iter_mut().find(|known| known.what == what && known.issuer == issuer) {
            Some(known) => known.count += 1,
            None => stripped.push(Stripped { what: what.into(), issuer: issuer.into(), count: 1 }),
        }
    }
}
