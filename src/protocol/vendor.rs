//! Who made a model, and who issued an item of `reasoning_details`.

use super::reasoning::CLAUDE;
use crate::text::find;

/// Who made a model, as far as that decides what the model can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Claude,
    Gemini,
    Grok,
    Mistral,
    OpenAi,
    Other,
}

impl Vendor {
    /// The vendor of the model with this id, such as `anthropic/claude-opus-4.7`, `gpt-5` or `us.anthropic.claude-sonnet-4`.
    pub(crate) fn of(model: &str) -> Self {
        const PARTS: [(&str, Vendor); 9] = [
            ("claude", Vendor::Claude),
            ("gemini", Vendor::Gemini),
            ("grok", Vendor::Grok),
            ("mistral", Vendor::Mistral),
            ("mixtral", Vendor::Mistral),
            ("magistral", Vendor::Mistral),
            ("ministral", Vendor::Mistral),
            ("codestral", Vendor::Mistral),
            ("devstral", Vendor::Mistral),
        ];
        let id = model.to_ascii_lowercase();
        let name = id.rsplit('/').next().unwrap_or_default();
        let is_openai = ["gpt-", "chatgpt", "o1", "o3", "o4", "codex"].iter().any(|begin| name.starts_with(begin))
            || id.starts_with("openai/");
        let known = PARTS.iter().find(|(part, _)| find(name, part).is_some()).map(|(_, vendor)| *vendor);
        known.unwrap_or(if is_openai { Self::OpenAi } else { Self::Other })
    }

    /// The vendor that issued an item with this `format`. Platforms that serve the models of a vendor have formats of their own,
    /// such as `azure-openai-responses-v1`.
    pub(super) fn of_format(format: &str) -> Self {
        const PARTS: [(&str, Vendor); 4] = [
            ("anthropic", Vendor::Claude),
            ("gemini", Vendor::Gemini),
            ("xai", Vendor::Grok),
            ("openai", Vendor::OpenAi),
        ];
        PARTS.iter().find(|(part, _)| find(format, part).is_some()).map_or(Self::Other, |(_, vendor)| *vendor)
    }
}

/// The format of what a model signs at an upstream that speaks Messages. Other vendors than Anthropic offer such APIs, and
/// Claude refuses their signatures (NousResearch/hermes-agent#24401).
pub(super) fn format_at_messages(model: &str) -> &'static str {
    if model.is_empty() || Vendor::of(model) == Vendor::Claude { CLAUDE } else { "unknown" }
}
