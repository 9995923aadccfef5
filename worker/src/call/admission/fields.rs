//! Checks every field of a request. A field that adds cost is priced, bounded or refused; an unknown field is not sent, because
//! it may add cost. The registry of the core says which fields exist and which of them need a check.

use failsoft::invalid::{Invalid, Section, not_sent};
use failsoft::json::Fields;
use failsoft::request::fields::{EdgeRule, FIELDS, find};
use failsoft::request::{MOST_FIELDS, has_long_cache};
use failsoft::tokens::LARGEST_ATTACHMENT;

use crate::config::Limits;

use super::messages::{self, check_cache};
use super::openrouter::{check_plugins, check_provider};
use super::tools::{check_tool_choice, check_tools};

/// Why the edge refuses a field of the registry, and what to do instead.
const REFUSED: [(&str, &str); 13] = [
    ("audio", "is not accepted: this edge answers with text"),
    ("debug", "is not accepted: the answer would show what this edge sends"),
    ("function_call", "is not accepted: it is the old form of `tool_choice`"),
    ("functions", "is not accepted: it is the old form of `tools`"),
    ("image_config", "is not accepted: this edge answers with text"),
    ("moderation", "is not accepted: a second model would read the conversation; leave this field out"),
    ("prediction", "is not accepted: wrongly predicted tokens are charged beside the answer; leave this field out"),
    ("preset", "is not accepted: it stands for fields that this edge cannot see; send those fields"),
    ("prompt_cache_options", "is not accepted: use `cache_control`"),
    ("prompt_cache_retention", "is not accepted: use `cache_control`"),
    ("stop_server_tools_when", "is not accepted: tools that run at the upstream cost extra; leave this field out"),
    ("transforms", "is not accepted: use the plugin `context-compression`"),
    ("web_search_options", "is not accepted: a search costs extra; leave this field out"),
];

/// Names that are no fields of a chat request, but that clients send, and what to do instead.
const MISTAKEN: [(&str, &str); 2] = [
    ("best_of", "is not accepted: it multiplies what an answer costs; ask for several answers with `n`"),
    ("background", "is not accepted: the client has to wait for the answer"),
];

/// The known fields that are part of the prompt. A field that only the owner knows may be a part of it, too.
const PROMPT: [&str; 3] = ["messages", "tools", "response_format"];

/// The most tokens that a model's template adds for tools.
const TOOLS: u64 = 1_000;

/// The most unknown fields that a warning names.
const MOST_NAMED: usize = 10;

/// What the checks found out.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    /// The fields of the request, without those that are not known.
    pub(super) fields: Fields<'a>,
    /// The most tokens that an answer may have.
    pub(super) output: u64,
    /// The most tokens that the prompt can have. No vocabulary makes more tokens of a text than the text has bytes. An
    /// estimate would be lower, but a client could lead an estimate astray, and the owner would pay. The JSON around the
    /// text stands for what a model's template adds.
    pub(super) prompt: u64,
    pub(super) has_files: bool,
    /// The prompt may be written to a cache for an hour.
    pub(super) hour_in_cache: bool,
    /// What the client should know about its request, in sentences.
    pub(super) warnings: Vec<String>,
}

/// Checks every field of `body` but those that the owner `opened`.
///
/// # Errors
/// The first field that is refused or out of bounds, and what to do about it.
pub(super) fn check<'a>(body: &Section<'a>, limits: &Limits, opened: &[String]) -> Result<Checked<'a>, Box<Invalid>> {
    let (mut bytes, mut fields, mut unknown) = (0, Vec::new(), Vec::new());
    let mut output = Output { most: limits.output_tokens, warnings: Vec::new() };
    for (at, (key, value)) in body.fields().enumerate() {
        if at == MOST_FIELDS {
            return Err(Invalid::new("body", format!("has more than {MOST_FIELDS} fields")));
        }
        let name = &*key.text().unwrap_or_default();
        let is_opened = opened.iter().any(|opened| opened == name);
        let rule = find(name).map(|field| field.edge);
        if rule.is_none() && !is_opened && !is_mistaken(name) && !limits.refuses_unknown {
            unknown.extend((!value.is_null()).then(|| name.to_owned()));
            continue;
        }
        fields.push((key, value));
        if PROMPT.contains(&name) || matches!(rule, None | Some(EdgeRule::Refuse)) {
            bytes += value.raw().len();
        }
        if value.is_null() || is_opened {
            continue;
        }
        match rule {
            Some(EdgeRule::Pass) => {}
            Some(EdgeRule::Check) => check_value(body, name, limits, &mut output)?,
            Some(EdgeRule::Refuse) | None => return Err(refused(name, opened)),
        }
    }
    let attachments = messages::check(body.get("messages"), limits)?;
    let tools = if body.get("tools").is_null() { 0 } else { TOOLS };
    let attached = attachments.images * LARGEST_ATTACHMENT + attachments.files.saturating_mul(limits.file_tokens);
    let Output { most: output, mut warnings } = output;
    let known = if unknown.is_empty() { String::new() } else { accepted(opened) };
    warnings.extend(warn_about_unknown(&unknown, &known));
    Ok(Checked {
        fields: fields.into_iter().collect(),
        output,
        prompt: ((bytes - attachments.bytes) as u64 + tools).saturating_add(attached),
        has_files: attachments.files > 0,
        hour_in_cache: has_long_cache(body.fields()),
        warnings,
    })
}

/// Warnings about the fields `unknown`, which are not sent. The fields `known` may be meant.
pub(super) fn warn_about_unknown(unknown: &[String], known: &str) -> Vec<String> {
    let mut warnings: Vec<String> = unknown.iter().take(MOST_NAMED).map(|name| not_sent(name, known)).collect();
    if let Some(more @ 1..) = unknown.len().checked_sub(MOST_NAMED) {
        warnings.push(format!("{more} more fields are not known, and were not sent"));
    }
    warnings
}

/// The output limit of a request.
struct Output {
    /// The most tokens of an answer.
    most: u64,
    warnings: Vec<String>,
}

impl Output {
    /// Takes the output limit in the field `name`, or lowers it to the `limit` of the edge.
    fn lower(&mut self, body: &Section<'_>, name: &str, limit: u64) -> Result<(), Box<Invalid>> {
        let Some(given @ 1..) = body.get(name).whole() else {
            return Err(body.wrong(name, "must be a whole number from 1 on"));
        };
        if given > limit {
            self.warnings.push(format!("`{name}` was lowered from {given} to {limit} (`limits.outputTokens`)"));
        }
        self.most = self.most.min(given);
        Ok(())
    }
}

/// Checks the field `name`, and lowers `output`, the most tokens of an answer, if the field is an output limit.
fn check_value(body: &Section<'_>, name: &str, limits: &Limits, output: &mut Output) -> Result<(), Box<Invalid>> {
    match name {
        "n" => body.whole(name, 1, limits.answers, &mut 1).map_err(|invalid| invalid.within("limits.answers")),
        "max_tokens" | "max_completion_tokens" => output.lower(body, name, limits.output_tokens),
        "reasoning" => check_reasoning(&body.section(name)?, limits),
        "tools" => check_tools(body, limits),
        "tool_choice" => check_tool_choice(body),
        "plugins" => check_plugins(body),
        "provider" => check_provider(&body.section(name)?),
        "modalities" => check_modalities(body),
        "service_tier" => body.choice(name, "auto default flex").map(drop),
        "cache_control" => check_cache(body),
        // What a stream looks like costs nothing.
        "stream_options" if !limits.refuses_unknown => body.section(name).map(drop),
        "stream_options" => body.section(name)?.only("include_usage include_obfuscation"),
        "usage" => body.section(name)?.only("include"),
        "route" => body.choice(name, "fallback").map(drop),
        "store" if body.get(name).flag() == Some(false) => Ok(()),
        "store" => Err(body.wrong(name, "can be false only: answers are not kept at the upstream")),
        // All messages are checked together, after the fields beside them.
        "messages" => Ok(()),
        _ => Err(body.wrong(name, "is not accepted: this edge has no check for it")),
    }
}

/// Whether `name` is no field of a chat request, but has advice of its own.
fn is_mistaken(name: &str) -> bool {
    MISTAKEN.iter().any(|(mistaken, _)| *mistaken == name)
}

/// The names that this edge accepts, separated by spaces.
fn accepted(opened: &[String]) -> String {
    let accepted = FIELDS.iter().filter(|field| field.edge != EdgeRule::Refuse).map(|field| field.name);
    accepted.chain(opened.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

fn refused(name: &str, opened: &[String]) -> Box<Invalid> {
    if let Some((_, advice)) = REFUSED.iter().chain(&MISTAKEN).find(|(refused, _)| *refused == name) {
        return Invalid::new(name, *advice);
    }
    Invalid::unknown("", name, &accepted(opened))
}

fn check_modalities(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    let given = body.get("modalities");
    match given.is_array() && given.items().all(|kind| kind.is("text")) {
        true => Ok(()),
        false => Err(body.wrong("modalities", "can be [\"text\"] only: this edge answers with text")),
    }
}

/// Reasoning is part of the answer, so the output limit bounds it. Where an upstream bills reasoning beyond this limit,
/// `reasoning.max_tokens` is held, too.
fn check_reasoning(given: &Section<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    given.only("effort max_tokens exclude enabled summary")?;
    given.whole("max_tokens", 0, limits.output_tokens, &mut 0).map_err(|invalid| invalid.within("limits.outputTokens"))
}

#[cfg(test)]
mod tests {
    use super::{EdgeRule, FIELDS, REFUSED, check};
    use crate::config::Limits;
    use failsoft::Json;
    use failsoft::invalid::Section;

    fn problem(name: &str, value: &str) -> Option<String> {
        let limits = Limits {
            cache_bytes: 1,
            body_bytes: 1,
            bytes_in_flight: 1,
            body_within: 1,
            messages: 1,
            output_tokens: 10,
            answers: 1,
            inputs: 1,
            images: 0,
            files: 0,
            file_tokens: 1,
            refuses_unknown: false,
        };
        let body = format!("{{\"{name}\":{value}}}");
        check(&Section::object("", Json::parse(&body).expect("JSON")).expect("an object"), &limits, &[])
            .err()
            .map(|invalid| invalid.to_string())
    }

    #[test]
    fn every_row_of_the_registry_is_treated_as_its_rule_says() {
        for field in &FIELDS {
            let problem = problem(field.name, "[[]]");
            let has_advice = REFUSED.iter().any(|(name, _)| *name == field.name);
            assert_eq!(has_advice, field.edge == EdgeRule::Refuse, "{}", field.name);
            match field.edge {
                EdgeRule::Pass => assert_eq!(problem, None),
                EdgeRule::Refuse => assert!(problem.is_some_and(|said| said.contains("is not accepted: "))),
                // Messages of another type are refused when the request is read.
                EdgeRule::Check if field.name == "messages" => {}
                EdgeRule::Check => {
                    let problem = problem.unwrap_or_default();
                    assert!(!problem.is_empty() && !problem.contains("has no check"), "{}: {problem}", field.name);
                }
            }
        }
    }
}
