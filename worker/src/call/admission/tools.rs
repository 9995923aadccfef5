//! Checks the tools of a request. The caller runs functions and custom tools. The upstream runs all other tools, for money.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use super::attachments::find_hidden;
use super::messages::check_cache;
use crate::config::Limits;

/// The types of tools that the caller runs. Each has its content in a field of the same name.
const CALLERS: [&str; 2] = ["function", "custom"];

/// Fields of a tool that describe it, whatever their value is.
const DESCRIBING: &str = "parameters input_schema input_examples metadata";

/// Checks `tools`.
///
/// # Errors
/// The first tool that is not the caller's, or a field of a tool that may stand for such a tool.
pub(super) fn check_tools(body: &Section<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    for (path, tool) in items(body, "tools")? {
        let tool = Section::object(path, tool)?;
        let Some(own) = CALLERS.into_iter().find(|kind| tool.get("type").is(kind)) else {
            let problem = "must be \"function\" or \"custom\": tools that run at the upstream cost extra";
            return Err(tool.wrong("type", problem));
        };
        check_fields(&tool, own, limits)?;
        check_cache(&tool)?;
        check_cache(&tool.section(own)?)?;
    }
    Ok(())
}

/// Refuses an unknown field that is an object or a list, because it may configure a tool of the upstream.
fn check_fields(tool: &Section<'_>, own: &str, limits: &Limits) -> Result<(), Box<Invalid>> {
    let known = ["type cache_control ", own].concat();
    for (name, value) in tool.fields().filter(|(name, _)| !known.split(' ').any(|known| name.is(known))) {
        let describes = DESCRIBING.split(' ').any(|field| name.is(field));
        let is_plain = !value.is_object() && !value.is_array();
        let name = name.text().unwrap_or_default();
        if limits.refuses_unknown || !describes && !is_plain {
            return Err(Invalid::unknown(tool.path(), &name, &known));
        }
        if let Some(problem) = find_hidden(value) {
            return Err(tool.wrong(&name, problem));
        }
    }
    Ok(())
}

/// Checks `tool_choice`.
///
/// # Errors
/// A choice of a tool that the caller does not run.
pub(super) fn check_tool_choice(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    if body.get("tool_choice").is_string() {
        return body.choice("tool_choice", "none auto required").map(drop);
    }
    let choice = body.section("tool_choice")?;
    match choice.choice("type", "function custom allowed_tools")? {
        // OpenAI nests the list; its Responses API and some gateways do not.
        Some("allowed_tools") => {
            choice.only("type allowed_tools mode tools")?;
            let nested = choice.section("allowed_tools")?;
            nested.only("mode tools")?;
            [&choice, &nested].into_iter().try_for_each(check_allowed_tools)
        }
        kind => {
            let own = kind.unwrap_or(CALLERS[0]);
            choice.only(&["type name ", own].concat())?;
            choice.section(own)?.only("name")
        }
    }
}

/// The tools among which the model may choose are the caller's, as those of the request.
fn check_allowed_tools(given: &Section<'_>) -> Result<(), Box<Invalid>> {
    given.choice("mode", "auto required")?;
    let is_callers = |tool: Json<'_>| CALLERS.iter().any(|kind| tool.get("type").is(kind));
    match given.get("tools").items().all(is_callers) {
        true => Ok(()),
        false => {
            Err(given
                .wrong("tools", "can name functions and custom tools only: tools that run at the upstream cost extra"))
        }
    }
}

/// The items of the array `name`, with their paths.
pub(super) fn items<'a>(body: &Section<'a>, name: &str) -> Result<Vec<(String, Json<'a>)>, Box<Invalid>> {
    let items = body.get(name);
    if !items.is_array() {
        return Err(body.wrong(name, "must be an array"));
    }
    Ok(items.items().enumerate().map(|(at, item)| (format!("{name}[{at}]"), item)).collect())
}
