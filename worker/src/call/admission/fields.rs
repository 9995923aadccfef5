//! Checks every field of a request. A field that adds cost is priced, bounded or refused; an unknown field is refused,
//! because it may add cost. The registry of the core says which fields exist and which of them need a check.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use failsoft::request::fields::{EdgeRule, FIELDS, find};
use failsoft::tokens::LARGEST_ATTACHMENT;

use crate::config::Limits;

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
const MISTAKEN: [(&str, &str); 9] = [
    ("best_of", "is not accepted: it multiplies what an answer costs; ask for several answers with `n`"),
    ("background", "is not accepted: the client has to wait for the answer"),
    ("base_url", UPSTREAM),
    ("baseURL", UPSTREAM),
    ("api_base", UPSTREAM),
    ("api_key", UPSTREAM),
    ("upstream", UPSTREAM),
    ("upstreams", UPSTREAM),
    ("headers", UPSTREAM),
];
const UPSTREAM: &str = "is not accepted: the owner of this edge configures its upstreams";

/// Fields of a message. Those of an answer are among them: conversations are sent back.
const MESSAGE: &str = "role content name tool_calls tool_call_id refusal reasoning reasoning_content reasoning_details \
                       annotations cache_control prefix";

const PROVIDER: &str = "order only ignore allow_fallbacks require_parameters data_collection zdr \
                        enforce_distillable_text quantizations sort preferred_min_throughput preferred_max_latency \
                        max_price";

/// Plugins that look at what is there and buy nothing.
const PLUGINS: &str = "response-healing context-compression";

/// Of the fields that are known, those that a model reads.
const PROMPT: [&str; 3] = ["messages", "tools", "response_format"];

/// What models are told about tools beside the tools, in tokens.
const TOOLS: u64 = 1_000;

/// Checks every field of `body` but those that the owner `opened`. Returns the most tokens that an answer may have.
///
/// # Errors
/// The first field that is unknown, refused or out of bounds, and what to do about it.
pub(super) fn check(body: Json<'_>, limits: &Limits, opened: &[String]) -> Result<u64, Box<Invalid>> {
    let body = &Section::object("", body)?;
    let mut output = limits.output_tokens;
    for (name, value) in body.fields() {
        let name = &*name.text().unwrap_or_default();
        if value.is_null() || opened.iter().any(|opened| opened == name) {
            continue;
        }
        match find(name).map(|field| field.edge) {
            Some(EdgeRule::Pass) => {}
            Some(EdgeRule::Check) => check_value(body, name, limits, &mut output)?,
            Some(EdgeRule::Refuse) | None => return Err(refused(name, opened)),
        }
    }
    messages(body.get("messages"), limits)?;
    Ok(output)
}

/// Checks the field `name`, and lowers `output`, the most tokens of an answer, if the field is an output limit.
fn check_value(body: &Section<'_>, name: &str, limits: &Limits, output: &mut u64) -> Result<(), Box<Invalid>> {
    match name {
        "n" => body.whole(name, 1, limits.answers, &mut 1),
        "max_tokens" | "max_completion_tokens" => {
            let mut most = *output;
            body.whole(name, 1, limits.output_tokens, &mut most)?;
            *output = most.min(*output);
            Ok(())
        }
        "reasoning" => reasoning(&body.section(name)?, limits),
        "tools" => tools(body),
        "tool_choice" => tool_choice(body),
        "plugins" => plugins(body),
        "provider" => provider(&body.section(name)?),
        "modalities" => modalities(body),
        "service_tier" => body.choice(name, "auto default flex").map(drop),
        "cache_control" => cache(body),
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

fn refused(name: &str, opened: &[String]) -> Box<Invalid> {
    if let Some((_, advice)) = REFUSED.iter().chain(&MISTAKEN).find(|(refused, _)| *refused == name) {
        return Invalid::new(name, *advice);
    }
    let accepted = FIELDS.iter().filter(|field| field.edge != EdgeRule::Refuse).map(|field| field.name);
    let accepted: Vec<&str> = accepted.chain(opened.iter().map(String::as_str)).collect();
    Invalid::unknown("", name, &accepted.join(" "))
}

fn modalities(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    let given = body.get("modalities");
    match given.is_array() && given.items().all(|kind| kind.is("text")) {
        true => Ok(()),
        false => Err(body.wrong("modalities", "can be [\"text\"] only: this edge answers with text")),
    }
}

/// Reasoning is part of the answer: the output limit bounds it.
fn reasoning(given: &Section<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    given.only("effort max_tokens exclude enabled summary")?;
    given.whole("max_tokens", 0, limits.output_tokens, &mut 0)
}

/// Functions are run by the caller. All other tools are run at the upstream, for money.
fn tools(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    for (path, tool) in rows(body, "tools")? {
        let tool = Section::object(path, tool)?;
        if !tool.get("type").is("function") {
            return Err(tool.wrong("type", "must be \"function\": tools that run at the upstream cost extra"));
        }
        tool.only("type function cache_control")?;
        cache(&tool)?;
    }
    Ok(())
}

fn tool_choice(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    if body.get("tool_choice").is_string() {
        return body.choice("tool_choice", "none auto required").map(drop);
    }
    let choice = body.section("tool_choice")?;
    choice.choice("type", "function allowed_tools").map(drop)
}

fn plugins(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    for (path, plugin) in rows(body, "plugins")? {
        let plugin = Section::object(path, plugin)?;
        let known = plugin.get("id");
        if !PLUGINS.split(' ').any(|harmless| known.is(harmless)) {
            let message = format!("must be one of: {}; others cost extra", PLUGINS.replace(' ', ", "));
            return Err(plugin.wrong("id", message));
        }
        plugin.only("id enabled engine")?;
    }
    Ok(())
}

/// Whom OpenRouter asks is the caller's to choose: nobody is asked who takes more than what is held.
fn provider(given: &Section<'_>) -> Result<(), Box<Invalid>> {
    given.only(PROVIDER)?;
    given.section("max_price")?.only("prompt completion request image audio")?;
    let sort = given.get("sort");
    if sort.is_object() {
        let sort = given.section("sort")?;
        sort.only("by partition")?;
        // Otherwise the cheapest or fastest model would come first, and not the first of the chain.
        sort.choice("partition", "model")?;
    }
    Ok(())
}

/// What is kept for five minutes costs more to read for the first time, which is priced. For an hour it costs twice as much.
fn cache(of: &Section<'_>) -> Result<(), Box<Invalid>> {
    let given = of.section("cache_control")?;
    given.only("type ttl")?;
    given.choice("type", "ephemeral")?;
    given.choice("ttl", "5m").map(drop)
}

fn messages(messages: Json<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    let mut images = 0;
    for (at, message) in messages.items().enumerate() {
        let Ok(message) = Section::object(format!("messages[{at}]"), message) else { continue };
        for (name, value) in message.fields() {
            // What says nothing does no harm: answers come with empty fields.
            if !(value.is_null() || value.is_array() && value.is_empty()) {
                let name = name.text().unwrap_or_default();
                if !MESSAGE.split(' ').any(|known| known == name) {
                    return Err(Invalid::unknown(&format!("messages[{at}]"), &name, MESSAGE));
                }
            }
        }
        cache(&message)?;
        if message.get("content").is_object() {
            return Err(message.wrong("content", "must be a string, or an array of parts"));
        }
        for (nth, part) in message.get("content").items().enumerate() {
            let path = format!("messages[{at}].content[{nth}]");
            images += u64::from(part.get("type").is("image_url"));
            content(&Section::object(&*path, part)?)?;
            if images > limits.images {
                let most = match limits.images {
                    0 => "no images; its owner can allow some in `limits.images`".into(),
                    most => format!("{most} at most"),
                };
                return Err(Invalid::new(path, format!("is an image too many: this edge takes {most}")));
            }
        }
    }
    Ok(())
}

/// The most tokens that the prompt in `body` has, which has passed [`check`]. Whoever wrote it does not pay for it: an
/// estimate can be led astray, and no vocabulary makes more tokens of a text than it has bytes. What JSON puts around the
/// text stands for what a model's template does.
pub(super) fn most_tokens(body: Json<'_>) -> u64 {
    let is_read = |name: Json<'_>| {
        let name = &*name.text().unwrap_or_default();
        PROMPT.contains(&name) || find(name).is_none_or(|field| field.edge == EdgeRule::Refuse)
    };
    let bytes: usize = body.fields().filter(|(name, _)| is_read(*name)).map(|(_, value)| value.raw().len()).sum();
    let parts = body.get("messages").items().flat_map(|message| message.get("content").items());
    let (mut images, mut pixels) = (0, 0);
    for image in parts.filter(|part| part.get("type").is("image_url")) {
        images += 1;
        pixels += image.raw().len();
    }
    let tools = if body.get("tools").is_null() { 0 } else { TOOLS };
    (bytes - pixels) as u64 + images * LARGEST_ATTACHMENT + tools
}

fn content(part: &Section<'_>) -> Result<(), Box<Invalid>> {
    let text = |name: &str| match part.get(name).is_string() {
        true => Ok(()),
        false => Err(part.wrong(name, "must be a string")),
    };
    let kind = part.get("type");
    if kind.is("text") {
        part.only("type text cache_control")?;
        text("text")?;
    } else if kind.is("refusal") {
        part.only("type refusal")?;
        text("refusal")?;
    } else if kind.is("image_url") {
        part.only("type image_url cache_control")?;
        part.section("image_url")?.only("url detail")?;
    } else {
        return Err(part.wrong("type", "must be \"text\" or \"image_url\": this edge takes no sound, video and files"));
    }
    cache(part)
}

/// The entries of the array `name`, with their paths.
fn rows<'a>(body: &Section<'a>, name: &str) -> Result<Vec<(String, Json<'a>)>, Box<Invalid>> {
    let rows = body.get(name);
    if !rows.is_array() {
        return Err(body.wrong(name, "must be an array"));
    }
    Ok(rows.items().enumerate().map(|(at, row)| (format!("{name}[{at}]"), row)).collect())
}

/// The path of the first field that an object within `value` has twice: who reads it here and who reads it there might not
/// take the same one.
pub(super) fn twice(value: Json<'_>) -> Option<String> {
    if value.is_array() {
        let mut items = value.items().enumerate();
        return items.find_map(|(at, item)| twice(item).map(|path| format!("[{at}]{}{path}", dot(&path))));
    }
    let mut names: Vec<_> = value.fields().filter_map(|(name, _)| name.text()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(pair[0].clone().into_owned());
    }
    value.fields().find_map(|(name, field)| {
        let path = twice(field)?;
        let name = name.text().unwrap_or_default();
        Some(format!("{name}{}{path}", dot(&path)))
    })
}

/// What stands before `path`, the rest of one.
fn dot(path: &str) -> &'static str {
    if path.starts_with('[') { "" } else { "." }
}

#[cfg(test)]
mod tests {
    use super::{EdgeRule, FIELDS, REFUSED, check};
    use crate::config::Limits;
    use failsoft::Json;

    fn problem(name: &str, value: &str) -> Option<String> {
        let limits = Limits { body_bytes: 1, body_within: 1, messages: 1, output_tokens: 10, answers: 1, images: 0 };
        let body = format!("{{\"{name}\":{value}}}");
        check(Json::parse(&body).expect("JSON"), &limits, &[]).err().map(|invalid| invalid.to_string())
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
