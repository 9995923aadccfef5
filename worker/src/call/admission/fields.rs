//! The fields that a request may have. What is not listed here does not leave: a field that multiplies what a call costs is
//! priced, bounded or refused, and one that nobody has looked at may be such a field.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use failsoft::tokens::LARGEST_ATTACHMENT;

use crate::config::Limits;

/// They cost nothing that the output limit and the prompt do not bound.
const FREE: &str = "model models messages failsoft stream temperature top_p top_k min_p top_a frequency_penalty \
                    presence_penalty repetition_penalty seed stop logit_bias logprobs top_logprobs parallel_tool_calls \
                    response_format reasoning_effort include_reasoning verbosity user session_id metadata trace \
                    prompt_cache_key safety_identifier";

/// They are looked at: see [`check`].
const CHECKED: &str = "n max_tokens max_completion_tokens reasoning tools tool_choice plugins provider modalities \
                       service_tier cache_control stream_options usage route store";

/// What is known, and not taken; and what to do instead.
const REFUSED: [(&str, &str); 21] = [
    ("audio", "is not taken: this edge answers with text"),
    ("image_config", "is not taken: this edge answers with text"),
    ("best_of", "is not taken: it multiplies what an answer costs; ask for several with `n`"),
    ("prediction", "is not taken: what it gets wrong is charged beside the answer; leave it out"),
    ("preset", "is not taken: it stands for fields that this edge cannot see; send them"),
    ("web_search_options", "is not taken: a search costs extra; leave it out"),
    ("stop_server_tools_when", "is not taken: tools that run at the upstream cost extra; leave it out"),
    ("functions", "is not taken: it is the old form of `tools`"),
    ("function_call", "is not taken: it is the old form of `tool_choice`"),
    ("transforms", "is not taken: use the plugin `context-compression`"),
    ("prompt_cache_options", "is not taken: use `cache_control`"),
    ("prompt_cache_retention", "is not taken: use `cache_control`"),
    ("debug", "is not taken: it would show what this edge sends"),
    ("background", "is not taken: an answer is waited for"),
    ("base_url", UPSTREAM),
    ("baseURL", UPSTREAM),
    ("api_base", UPSTREAM),
    ("api_key", UPSTREAM),
    ("upstream", UPSTREAM),
    ("upstreams", UPSTREAM),
    ("headers", UPSTREAM),
];
const UPSTREAM: &str = "is not taken: whom this edge asks, and how, is its owner's to say";

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

/// The most tokens that an answer to `body` may have, once every field of it is one that may be sent. Those that are
/// `opened` by the owner go as they are.
///
/// # Errors
/// The first field that is unknown, refused or beyond a bound, and what to do about it.
pub(super) fn check(body: Json<'_>, limits: &Limits, opened: &[String]) -> Result<u64, Box<Invalid>> {
    let body = &Section::object("", body)?;
    let mut output = limits.output_tokens;
    for (name, value) in body.fields() {
        let name = &*name.text().unwrap_or_default();
        let is_free = FREE.split(' ').any(|free| free == name) || opened.iter().any(|opened| opened == name);
        if is_free || value.is_null() {
            continue;
        }
        match name {
            "n" => body.whole(name, 1, limits.answers, &mut 1)?,
            "max_tokens" | "max_completion_tokens" => {
                let mut most = output;
                body.whole(name, 1, limits.output_tokens, &mut most)?;
                output = output.min(most);
            }
            "reasoning" => reasoning(&body.section(name)?, limits)?,
            "tools" => tools(body)?,
            "tool_choice" => tool_choice(body)?,
            "plugins" => plugins(body)?,
            "provider" => provider(&body.section(name)?)?,
            "modalities" if value.items().all(|kind| kind.is("text")) && value.is_array() => {}
            "modalities" => return Err(body.wrong(name, "can be [\"text\"] only: this edge answers with text")),
            "service_tier" => body.choice(name, "auto default flex").map(drop)?,
            "cache_control" => cache(body)?,
            "stream_options" => body.section(name)?.only("include_usage include_obfuscation")?,
            "usage" => body.section(name)?.only("include")?,
            "route" => body.choice(name, "fallback").map(drop)?,
            "store" if value.flag() == Some(false) => {}
            "store" => return Err(body.wrong(name, "can be false only: answers are not kept at the upstream")),
            _ => return Err(unknown(name, opened)),
        }
    }
    messages(body.get("messages"), limits)?;
    Ok(output)
}

fn unknown(name: &str, opened: &[String]) -> Box<Invalid> {
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, why)) => Invalid::new(name, *why),
        None => {
            let known = [FREE, CHECKED].into_iter().chain(opened.iter().map(String::as_str));
            Invalid::unknown("", name, &known.collect::<Vec<_>>().join(" "))
        }
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
        PROMPT.contains(&name) || ![FREE, CHECKED].iter().any(|known| known.split(' ').any(|known| known == name))
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
