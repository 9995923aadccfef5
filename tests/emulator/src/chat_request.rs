//! The fields of a chat request, read leniently: `validate` has already refused invalid ones.

use serde_json::Value;

/// How the request came, and how its answer goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    #[default]
    Chat,
    /// Anthropic's.
    Messages,
    /// OpenAI's own chat completions, which know no field of OpenRouter.
    OpenAi,
    /// Azure's form of chat completions.
    Azure,
    /// OpenAI's, and OpenRouter's form of it.
    Responses,
    /// Not a chat: each text becomes a vector.
    Embeddings,
}

/// What a request for embeddings asks for.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) texts: Vec<String>,
    pub(crate) dimensions: Option<u64>,
    pub(crate) base64: bool,
}

/// The parts of a chat request that change the answer.
#[derive(Debug)]
pub(crate) struct ChatRequest {
    pub(crate) wire: Wire,
    pub(crate) stream: bool,
    /// The header `X-OpenRouter-Metadata: enabled`.
    pub(crate) metadata: bool,
    pub(crate) max_tokens: Option<u64>,
    /// The most tokens of the reasoning.
    pub(crate) max_reasoning: Option<u64>,
    /// The text of the last user message; or of the results of tools, if the request ends with them.
    pub(crate) prompt: String,
    /// The number of words of all messages, which the ledger charges as prompt tokens.
    pub(crate) prompt_tokens: u64,
    /// The number of characters / 4, which must fit into the context.
    pub(crate) estimate: u64,
    /// The first tool, if the prompt says to use it.
    pub(crate) tool: Option<String>,
    /// The prompt wants the calls of several tools at the same time.
    pub(crate) at_once: bool,
    /// The function that `tool_choice` forces, and its first argument.
    pub(crate) forced: Option<(String, String)>,
    /// The first tool is a custom tool, whose input is text.
    pub(crate) is_custom: bool,
    /// The tools after the first one, if the prompt says to use all of them.
    pub(crate) more_tools: Vec<String>,
    pub(crate) reasoning: bool,
    /// The answer has `reasoning_details`.
    pub(crate) signs: bool,
    /// Of Responses: the request asks for a summary of the reasoning.
    pub(crate) shows_summary: bool,
    /// Of Responses: the request includes what only the vendor can read.
    pub(crate) includes_encrypted: bool,
    pub(crate) json: bool,
    /// The text of a trailing assistant message.
    pub(crate) prefill: Option<String>,
    pub(crate) inputs: Inputs,
}

impl ChatRequest {
    pub(crate) fn read(body: &Value, metadata: bool, wire: Wire) -> Self {
        let empty = Vec::new();
        let messages = body["messages"].as_array().unwrap_or(&empty);
        let texts: Vec<String> = messages.iter().map(text_of).collect();
        let prompt = prompt(messages, &texts);
        let characters = texts.iter().map(|text| text.chars().count() as u64);
        // A context window holds one input.
        let characters = if wire == Wire::Embeddings { characters.max().unwrap_or(0) } else { characters.sum() };
        let last_is_assistant = messages.last().is_some_and(|message| role(message) == "assistant");
        Self {
            wire,
            stream: body["stream"] == true,
            metadata,
            max_tokens: body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64()),
            max_reasoning: body["reasoning"]["max_tokens"].as_u64(),
            prompt_tokens: texts.iter().map(|text| text.split_whitespace().count() as u64).sum(),
            estimate: characters.div_ceil(4),
            tool: tool(body).filter(|_| prompt.contains("use the tool")),
            at_once: prompt.contains("use the tools at once"),
            forced: forced(body),
            is_custom: body["tools"][0]["type"] == "custom",
            more_tools: if prompt.contains("use the tools") { more_tools(body) } else { Vec::new() },
            reasoning: wants_reasoning(body),
            signs: wire == Wire::Chat && prompt.contains("with signatures"),
            shows_summary: body["reasoning"]["summary"].is_string(),
            includes_encrypted: includes(body, "reasoning.encrypted_content"),
            json: matches!(body["response_format"]["type"].as_str(), Some("json_object" | "json_schema")),
            prefill: texts.last().filter(|_| last_is_assistant).cloned(),
            inputs: Inputs {
                dimensions: body["dimensions"].as_u64(),
                base64: body["encoding_format"] == "base64",
                texts: if wire == Wire::Embeddings { texts } else { Vec::new() },
            },
            prompt,
        }
    }

    /// The number after `NAME:` in the prompt, such as `words:12`.
    pub(crate) fn directive(&self, name: &str) -> Option<u64> {
        let (_, rest) = self.prompt.split_once(&format!("{name}:"))?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }
}

fn role(message: &Value) -> &str {
    message["role"].as_str().unwrap_or_default()
}

/// What the answer is about: the results of tools at the end of the messages, or the last user message.
fn prompt(messages: &[Value], texts: &[String]) -> String {
    let results = messages.iter().rev().take_while(|message| role(message) == "tool").count();
    if results > 0 {
        return texts[texts.len() - results..].join(" ");
    }
    let last = messages.iter().zip(texts).rev().find(|(message, _)| role(message) == "user");
    last.map(|(_, text)| text.clone()).unwrap_or_default()
}

/// The text of a message, or of a result of a tool in Messages. Results are separated by a space.
fn text_of(message: &Value) -> String {
    let text = |part: &Value| {
        if part["type"] == "tool_result" { text_of(part) } else { part["text"].as_str().unwrap_or_default().to_owned() }
    };
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let separator = if parts.iter().any(|part| part["type"] == "tool_result") { " " } else { "" };
            parts.iter().map(text).collect::<Vec<_>>().join(separator)
        }
        _ => String::new(),
    }
}

fn tool(body: &Value) -> Option<String> {
    let tool = body["tools"].get(0)?;
    Some(tool["function"]["name"].as_str().or(tool["custom"]["name"].as_str())?.to_owned())
}

fn includes(body: &Value, name: &str) -> bool {
    body["include"].as_array().is_some_and(|include| include.iter().any(|included| included == name))
}

fn forced(body: &Value) -> Option<(String, String)> {
    let choice = &body["tool_choice"];
    let named = choice["function"]["name"].as_str();
    let mut functions = body["tools"].as_array()?.iter().map(|tool| &tool["function"]);
    let function =
        functions.find(|function| choice == "required" || named.is_some_and(|name| function["name"] == name))?;
    let (argument, _) = function["parameters"]["properties"].as_object()?.iter().next()?;
    Some((function["name"].as_str()?.to_owned(), argument.clone()))
}

fn more_tools(body: &Value) -> Vec<String> {
    let tools = body["tools"].as_array().into_iter().flatten().skip(1);
    tools.filter_map(|tool| Some(tool["function"]["name"].as_str()?.to_owned())).collect()
}

fn wants_reasoning(body: &Value) -> bool {
    let effort = body["reasoning_effort"].as_str().or(body["reasoning"]["effort"].as_str());
    let asked = body["reasoning"].is_object() || effort.is_some();
    asked && effort != Some("none") && body["reasoning"]["enabled"] != false
}
