//! The fields of a request.

use super::super::body::{Body, add};
use super::model::{Generation, Thinking};
use super::parts::push_text;
use super::{tools, turns};
use crate::json::{Fields, Json, Object, array, decimal};
use crate::text::is_blank;

/// The fields of a chat request that have no form in Messages, and change the answer.
const LOST: [&str; 9] = [
    "n",
    "seed",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "min_p",
];

/// The least budget for thinking (platform.claude.com/docs/en/build-with-claude/extended-thinking).
const LEAST_BUDGET: u64 = 1_024;

/// The request for the body of a chat request, without what the upstream cannot read. `native` is an object with the fields
/// that a client sent in the form of Messages, or `null`: its messages, tools and instructions are sent byte for byte, so that
/// prompt caches survive, unless the model refuses their last message.
pub fn body(chat: Json<'_>, native: Json<'_>) -> Body {
    let fields = &Fields::of(chat);
    let model = fields.get("model").text().unwrap_or_default();
    let generation = Generation::of(&model);
    let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| fields.get(name).whole());
    let limit = limit.unwrap_or_else(|| generation.usual_limit());
    let mut lost: Vec<String> = Vec::new();
    for name in LOST {
        let value = fields.get(name);
        if !value.is_null() && value.flag() != Some(false) && !(name == "n" && value.whole() == Some(1)) {
            add(&mut lost, name);
        }
    }
    let mut json = Object::default();
    json.text("model", &model).whole("max_tokens", limit);
    if fields.get("stream").flag() == Some(true) {
        json.flag("stream", true);
    }
    let mut turns = turns::read(fields.get("messages"), &mut lost);
    let thinking = Plan::of(fields, generation, limit, &turns);
    write_format(fields, generation, &thinking, &mut turns.system, &mut json);
    thinking.write(&mut json);
    write_sampling(fields, generation, thinking.is_on(), &mut json);
    if is_sendable(native, fields.get("messages"), generation) {
        for name in ["system", "messages", "tools", "tool_choice"] {
            let value = native.get(name);
            if !value.is_null() {
                json.raw(name, value.raw());
            }
        }
        lost.retain(|name| LOST.contains(&&**name));
    } else {
        write_tools(fields, &mut json, &mut lost);
        let system = std::mem::take(&mut turns.system);
        if !system.is_empty() {
            json.raw("system", &array(system));
        }
        json.raw("messages", &turns.end(generation));
    }
    Body { json: json.end(), lost }
}

/// The client's own messages can be sent: the last one is the user's where the model needs that.
fn is_sendable(native: Json<'_>, chat: Json<'_>, generation: Generation) -> bool {
    // A recovery adds a message to those of the client.
    native.get("messages").items().last().is_some_and(|last| {
        let is_users = last.get("role").is("user");
        let same = chat.items().last().is_some_and(|chat| chat.get("role").is("assistant") != is_users);
        same && (is_users || generation.continues())
    })
}

fn write_tools(fields: &Fields<'_>, json: &mut Object, lost: &mut Vec<String>) {
    let given = tools::read(fields.get("tools"), lost);
    if !given.is_empty() {
        json.raw("tools", &array(given));
        json.maybe_raw("tool_choice", tools::choice(fields).as_deref());
        return;
    }
    let known = tools::of_calls(fields.get("messages"));
    if !known.is_empty() {
        json.raw("tools", &array(known)).raw("tool_choice", r#"{"type":"none"}"#);
    }
}

/// The fields about sampling, the end of the answer and the user.
fn write_sampling(fields: &Fields<'_>, generation: Generation, thinks: bool, json: &mut Object) {
    let (temperature, top_p, top_k) = (fields.get("temperature"), fields.get("top_p"), fields.get("top_k"));
    if generation.samples() && !thinks {
        // Claude has temperatures up to 1, and takes one of the two.
        if temperature.is_number() {
            let is_high = temperature.trillionths().is_some_and(|value| value > 1_000_000_000_000);
            json.raw("temperature", if is_high { "1" } else { temperature.raw() });
        } else if top_p.is_number() {
            json.raw("top_p", top_p.raw());
        }
        if top_k.whole().is_some_and(|top_k| top_k > 0) {
            json.raw("top_k", top_k.raw());
        }
    }
    let stop = fields.get("stop");
    let all = stop.items().chain(Some(stop)).filter(|stop| stop.text().is_some_and(|text| !is_blank(&text)));
    let all: Vec<&str> = all.map(Json::raw).collect();
    if !all.is_empty() {
        json.raw("stop_sequences", &array(all));
    }
    if let Some(user) = fields.get("user").text() {
        json.open("metadata", "{").text("user_id", &user).close("}");
    }
    let cache = fields.get("cache_control");
    if cache.is_object() {
        json.raw("cache_control", cache.raw());
    }
}

/// The format of the answer, and the effort, which stands beside the format.
fn write_format(fields: &Fields<'_>, generation: Generation, plan: &Plan, system: &mut Vec<String>, json: &mut Object) {
    let format = fields.get("response_format");
    let schema = format.at("json_schema.schema");
    let has_schema = schema.is_object() && generation.has_formats();
    if !has_schema && (format.get("type").is("json_object") || schema.is_object()) {
        push_text("Answer with one JSON value and nothing else.", Json::NULL, system);
        if schema.is_object() {
            push_text(&["The value must match this JSON Schema: ", schema.raw()].concat(), Json::NULL, system);
        }
    }
    let effort = plan.effort.as_deref();
    if has_schema || effort.is_some() {
        json.open("output_config", "{").maybe_text("effort", effort);
        if has_schema {
            json.open("format", "{").text("type", "json_schema").raw("schema", schema.raw()).close("}");
        }
        json.close("}");
    }
}

/// How a request makes a model think.
#[derive(Debug, Default)]
struct Plan {
    /// The JSON text of `thinking`; empty without one.
    thinking: String,
    /// The `effort` of an adaptive model.
    effort: Option<String>,
}

impl Plan {
    fn of(fields: &Fields<'_>, generation: Generation, limit: u64, turns: &turns::Turns) -> Self {
        let reasoning = fields.get("reasoning");
        let effort = fields.get("reasoning_effort").text().or_else(|| reasoning.get("effort").text());
        let budget = reasoning.get("max_tokens").whole();
        let is_off = reasoning.get("enabled").flag() == Some(false) || effort.as_deref() == Some("none");
        let is_asked = !is_off && (reasoning.is_object() || effort.is_some());
        let shows = reasoning.get("exclude").flag() != Some(true);
        match generation.thinking() {
            Thinking::Never => Self::default(),
            // A later model thinks by itself.
            _ if is_off && generation.hides_thinking() => {
                Self { thinking: r#"{"type":"disabled"}"#.into(), effort: None }
            }
            _ if !is_asked || tools::is_forced(fields) => Self::default(),
            Thinking::Budget => Self::with_budget(budget, effort.as_deref(), limit, turns),
            Thinking::Adaptive => {
                let shown = if generation.hides_thinking() && shows { r#","display":"summarized""# } else { "" };
                let thinking = [r#"{"type":"adaptive""#, shown, "}"].concat();
                Self { thinking, effort: effort.map(|effort| of_claude(&effort, generation).into()) }
            }
        }
    }

    /// A budget below the output limit. Inside a loop of tool calls, the turn with the calls has to begin with its thinking
    /// (anomalyco/opencode#3077).
    fn with_budget(budget: Option<u64>, effort: Option<&str>, limit: u64, turns: &turns::Turns) -> Self {
        let wanted = budget.unwrap_or_else(|| match effort {
            Some("minimal" | "low") => limit / 5,
            Some("high" | "xhigh" | "max") => limit / 5 * 4,
            _ => limit / 2,
        });
        let budget = wanted.clamp(LEAST_BUDGET, limit.saturating_sub(1).clamp(LEAST_BUDGET, 64_000));
        if budget >= limit || turns.is_in_loop && !turns.is_signed {
            return Self::default();
        }
        Self { thinking: [r#"{"type":"enabled","budget_tokens":"#, &decimal(budget), "}"].concat(), effort: None }
    }

    fn is_on(&self) -> bool {
        !self.thinking.is_empty() && !self.thinking.contains("disabled")
    }

    fn write(&self, json: &mut Object) {
        if !self.thinking.is_empty() {
            json.raw("thinking", &self.thinking);
        }
    }
}

/// An effort in Claude's words.
fn of_claude(effort: &str, generation: Generation) -> &str {
    match effort {
        "minimal" => "low",
        // Only later models have a word between high and max.
        "xhigh" if !generation.hides_thinking() => "high",
        other => other,
    }
}
