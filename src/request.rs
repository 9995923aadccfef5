//! What is asked: OpenAI's chat request, checked once, and written anew for every window of models.
//!
//! A body that leaves names `model` or `models`, never both: OpenRouter tries a `model` beside `models` first, which
//! would change the order and the bill.

pub mod fields;

use crate::catalog::{LISTED_ANSWER, LISTED_PROMPT, Price};
use crate::invalid::Invalid;
use crate::json::{Fields, Json, Object, array, decimal, patched, quoted};
use crate::text::{is_blank, text};
use crate::tokens::Prompt;
use crate::upstream::Dialect;
use crate::usd::Usd;
use crate::verdict::Wanted;

/// The names of the output limit.
const LIMITS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// An output limit is lowered to what a window or a bound on money leaves, but not below this: rather another model is
/// asked.
pub(crate) const LEAST_ANSWER: u64 = 1_000;

/// The longest chain. More is a mistake of whoever wrote it, or an attack on the bill.
const LONGEST_CHAIN: usize = 32;

/// What becomes of the chunk that carries the usage of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// It is passed on as it came.
    AsSent,
    /// It is passed on with the call's report in a field `failsoft`.
    Annotated,
    /// It is left out: the client speaks OpenAI's protocol and did not ask for it.
    Hidden,
}

/// How the bytes of a stream reach the reader once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Whole chunks, each judged first.
    Gate,
    /// As they come, past the machine; it reads along for the report.
    Relay,
    /// As they come, past the machine, which learns of their end and of nothing else: what the answer cost is not known, if
    /// not all of it had come by then.
    Lean,
}

/// A chat request, ready to be sent to any window of its chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The chain, in order; at least one, each once.
    pub models: Vec<String>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The JSON text of the request's own `failsoft` field.
    pub policy: Option<String>,
    /// What becomes of the usage chunk.
    pub usage_chunk: UsageChunk,
    /// How a stream reaches the reader.
    pub lane: Lane,
    /// What the caller should know about the request.
    pub warnings: Vec<String>,
    /// The caller set clocks of its own: that a model did not keep to them teaches no breaker.
    pub callers_clocks: bool,
    /// Nobody else can be asked: a reader gets everything that came, also what came together with an error.
    pub(crate) as_it_comes: bool,
    /// The caller asked for JSON.
    pub(crate) wants_json: bool,
    /// The caller asked to see the reasoning.
    pub(crate) wants_reasoning: bool,
    /// The tokens of the prompt, estimated, without what the answer may take.
    pub(crate) prompt: Prompt,
    /// The most tokens that the prompt can have, where whoever pays did not write it; else that is estimated.
    pub prompt_most: Option<u64>,
    /// The most tokens that an answer may have; without one, what a model can do.
    pub max_tokens: Option<u64>,
    /// The answers that the caller wants at once.
    answers: u64,
    /// The parameters without which the answer would not be what was asked for, as a catalog names them.
    pub(crate) required: Vec<&'static str>,
    /// JSON text of the schema that the answer should have; empty without one.
    schema: String,
    /// How the caller named the output limit.
    limits: Vec<&'static str>,
    /// JSON text; empty where it was not given.
    stream_options: String,
    /// All other fields as JSON text, without the braces.
    rest: String,
}

impl ChatRequest {
    /// Reads the body of a chat request, an object.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the field that is missing, wrong or given twice.
    pub fn read(body: Json<'_>) -> Result<Self, Box<Invalid>> {
        if !body.is_object() {
            return Err(Invalid::new("body", "must be an object"));
        }
        let body = &Fields::of(body);
        let prompt = check_messages(body)?;
        check_numbers(body)?;
        let mut warnings = Vec::new();
        let models = chain(body, &mut warnings)?;
        let stream = body.get("stream");
        if stream.flag().is_none() && !stream.is_null() {
            return Err(Invalid::new("stream", "must be true or false"));
        }
        let stream_options = body.get("stream_options");
        if !stream_options.is_object() && !stream_options.is_null() {
            return Err(Invalid::new("stream_options", "must be an object"));
        }
        let policy = body.get("failsoft");
        let format = body.get("response_format").get("type");
        let answers = body.get("n");
        // A number that is not written as a whole one may be any.
        let answers = if answers.is_null() { 1 } else { answers.whole().unwrap_or(u64::MAX).max(1) };
        Ok(Self {
            models,
            stream: stream.flag() == Some(true),
            policy: (!policy.is_null()).then(|| policy.raw().into()),
            usage_chunk: UsageChunk::AsSent,
            lane: Lane::Gate,
            callers_clocks: false,
            as_it_comes: false,
            warnings,
            wants_json: format.is("json_object") || format.is("json_schema"),
            wants_reasoning: wants_reasoning(body),
            prompt,
            prompt_most: None,
            max_tokens: LIMITS.iter().find_map(|name| body.get(name).whole()),
            required: required(body),
            answers,
            limits: LIMITS.into_iter().filter(|name| body.get(name).is_number()).collect(),
            schema: body.get("response_format").at("json_schema.schema").raw().into(),
            stream_options: if stream_options.is_null() { String::new() } else { stream_options.raw().into() },
            rest: rest(body)?,
        })
    }

    /// The most that an answer of up to `tokens`, behind what was `said`, can cost at this price.
    pub fn cost(&self, price: &Price, said: Prompt, tokens: u64) -> Usd {
        let tokens = Usd(tokens).times(self.answers).0;
        price.cost(self.ceiling(said), self.prompt.attachments, tokens)
    }

    /// The tokens of an answer, `limit` of them where there is one, that can be paid at this price.
    pub(crate) fn affordable(&self, price: &Price, said: Prompt, limit: Option<u64>, left: Usd) -> Option<u64> {
        let none = self.cost(price, said, 0).0;
        let one = self.cost(price, said, 1).0 - none;
        let affordable = left.0.saturating_sub(none).checked_div(one).unwrap_or(u64::MAX);
        Some(limit.unwrap_or(u64::MAX).min(affordable.max(1))).filter(|limit| *limit < u64::MAX)
    }

    /// The most tokens that one request for an answer of up to `tokens` can use.
    pub fn usage(&self, tokens: u64) -> u64 {
        self.ceiling(Prompt::default()).saturating_add(tokens.saturating_mul(self.answers))
    }

    /// The most tokens that the prompt has, behind it what was `said`.
    pub fn ceiling(&self, said: Prompt) -> u64 {
        match self.prompt_most {
            Some(most) => most.saturating_add(said.bytes),
            None => self.prompt.ceiling() + said.ceiling(),
        }
    }

    /// The tokens of an answer that is worth its prompt. Who says how long an answer may be does not want a stub of it.
    pub(crate) fn least_answer(&self) -> u64 {
        let wanted = if self.limits.is_empty() { None } else { self.max_tokens };
        wanted.unwrap_or(1).clamp(1, LEAST_ANSWER)
    }

    /// How a stream reaches the reader. A page gets chunks, and downloads nothing for other ways.
    pub(crate) fn lane(&self) -> Lane {
        if cfg!(feature = "browser") { Lane::Gate } else { self.lane }
    }

    /// The caller asked for the usage of a stream, as OpenAI's clients do.
    pub fn asks_for_usage(&self) -> bool {
        self.option("include_usage").flag() == Some(true)
    }

    /// The messages, as JSON text.
    pub(crate) fn messages(&self) -> &str {
        Json::or_null(&self.rest).get("messages").raw()
    }

    /// What rules look at.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { json: self.wants_json, schema: Json::or_null(&self.schema) }
    }

    fn option(&self, name: &str) -> Json<'_> {
        Json::or_null(&self.stream_options).get(name)
    }

    /// The JSON text that asks `models` over `dialect` for at most `limit` tokens, going on from `prefill` where there is one,
    /// of nobody who takes more than `cap`.
    pub(crate) fn body(
        &self,
        dialect: Dialect,
        models: &[&str],
        streaming: bool,
        limit: Option<u64>,
        prefill: Option<&str>,
        cap: Option<&Price>,
    ) -> String {
        let mut body = Object::default();
        let rest = cap.filter(|_| dialect == Dialect::OpenRouter).map(|cap| capped(&self.rest, cap));
        let rest = rest.as_ref().unwrap_or(&self.rest);
        match models {
            [model] => body.text("model", model),
            _ => body.raw("models", &array(models.iter().map(|model| quoted(model)))),
        };
        if streaming {
            body.flag("stream", true);
            let options = self.options(dialect);
            if options != "{}" {
                body.raw("stream_options", &options);
            }
        }
        if let (Dialect::Edge, Some(policy)) = (dialect, &self.policy) {
            body.raw("failsoft", policy);
        }
        if let Some(limit) = limit {
            let named = self.limits.first().copied();
            let usual = if dialect == Dialect::OpenAi { LIMITS[0] } else { LIMITS[1] };
            body.whole(named.unwrap_or(usual), limit);
        }
        let Some(prefill) = prefill else {
            body.fields(rest);
            return body.end();
        };
        for (name, value) in Json::or_null(rest).fields() {
            if name.is("messages") {
                let mut last = Object::default();
                last.text("role", "assistant").text("content", prefill);
                let messages = value.raw().strip_suffix(']').unwrap_or_default();
                body.raw("messages", &text!(messages, ",", &last.end(), "]"));
            } else {
                body.entry(name, value.raw());
            }
        }
        body.end()
    }

    /// The caller's `stream_options`. OpenRouter tells the usage in any case; others have to be asked.
    fn options(&self, dialect: Dialect) -> String {
        let given = Json::or_null(&self.stream_options);
        let asks = dialect != Dialect::OpenRouter;
        let mut options = Object::default();
        for (name, value) in given.fields().filter(|(name, _)| !asks || !name.is("include_usage")) {
            options.entry(name, value.raw());
        }
        if asks {
            options.flag("include_usage", true);
        }
        options.end()
    }
}

/// A request to OpenRouter, which lets many provide a model: it asks nobody who lists more than `cap` does, or than the caller
/// allows. Whoever does charges more for long prompts and writes to a cache, too.
pub(crate) fn capped(request: &str, cap: &Price) -> String {
    let own = Json::or_null(request).get("provider");
    let given = own.get("max_price");
    let least = |name, column: usize| {
        let most = cap.0[column].times(1_000_000).0;
        Usd(given.get(name).amount().unwrap_or(most).min(most)).decimal()
    };
    let price = text!(
        "{\"prompt\":",
        &least("prompt", LISTED_PROMPT),
        ",\"completion\":",
        &least("completion", LISTED_ANSWER),
        "}"
    );
    let provider = text!("{\"max_price\":", &patched(given.raw(), &price), "}");
    patched(request, &text!("{\"provider\":", &patched(own.raw(), &provider), "}"))
}

fn check_messages(body: &Fields<'_>) -> Result<Prompt, Box<Invalid>> {
    let messages = body.get("messages");
    if !messages.is_array() {
        return Err(Invalid::new("messages", "must be an array of {role, content}"));
    }
    if messages.items().next().is_none() {
        return Err(Invalid::new("messages", "is empty; give at least one message"));
    }
    if let Some(at) = messages.items().position(|message| !message.get("role").is_string()) {
        let path = text!("messages[", &decimal(at as u64), "].role");
        return Err(Invalid::new(path, "must be a string such as \"user\" or \"system\""));
    }
    Ok(Prompt::chat(messages, body.get("tools"), body.get("response_format")))
}

fn check_numbers(body: &Fields<'_>) -> Result<(), Box<Invalid>> {
    for field in fields::FIELDS.iter().filter(|field| field.is_number()) {
        let value = body.get(field.name);
        if !value.is_number() && !value.is_null() {
            return Err(Invalid::new(field.name, "must be a finite number"));
        }
    }
    Ok(())
}

/// A model's id, if there is one.
fn model_id(value: Json<'_>) -> Option<String> {
    value.text().filter(|model| !is_blank(model)).map(Into::into)
}

/// `models` in order, else `model`. With both, `models` is what the caller wrote and `model` what a wrapper added.
fn chain(body: &Fields<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Box<Invalid>> {
    let (single, listed) = (body.get("model"), body.get("models"));
    let head = model_id(single);
    if head.is_none() && !single.is_null() {
        return Err(Invalid::new("model", "must be a model's id, such as \"openai/gpt-4o\""));
    }
    if !listed.is_array() && !listed.is_null() {
        return Err(Invalid::new("models", "must be an array of model ids"));
    }
    let mut chain: Vec<String> = Vec::new();
    for (at, model) in listed.items().enumerate() {
        match model_id(model) {
            _ if at >= LONGEST_CHAIN => return Err(Invalid::new("models", "has more than 32 entries")),
            Some(model) if chain.contains(&model) => warnings.push(text!("`models` names ", &model, " twice")),
            Some(model) => chain.push(model),
            None => return Err(Invalid::new(text!("models[", &decimal(at as u64), "]"), "must be a model's id")),
        }
    }
    match (head, chain.first()) {
        (Some(model), None) => chain.push(model),
        (Some(model), Some(first)) if *first != model => {
            warnings.push(text!("`model` (", &model, ") was left out: `models` was given too, and it decides"));
        }
        (None, None) => return Err(Invalid::new("models", "is missing; name at least one model")),
        (Some(_) | None, Some(_)) => {}
    }
    Ok(chain)
}

/// A model that lacks one of these would drop it without a word.
fn required(body: &Fields<'_>) -> Vec<&'static str> {
    let format = body.get("response_format").get("type");
    let mut required = Vec::new();
    if body.get("tools").items().next().is_some() {
        required.push("tools");
    }
    if format.is("json_schema") {
        required.push("structured_outputs");
    }
    if format.is("json_object") {
        required.push("response_format");
    }
    required
}

fn wants_reasoning(body: &Fields<'_>) -> bool {
    let (reasoning, effort) = (body.get("reasoning"), body.get("reasoning_effort"));
    let asked =
        reasoning.is_object() && reasoning.get("exclude").flag() != Some(true) && !reasoning.get("effort").is("none");
    asked || (effort.is_string() && !effort.is("none")) || body.get("include_reasoning").flag() == Some(true)
}

/// The object of all fields that go out as they came in. A field that is given twice is refused: who reads it here and
/// who reads it there might not take the same one.
fn rest(body: &Fields<'_>) -> Result<String, Box<Invalid>> {
    const OURS: [&str; 7] =
        ["model", "models", "stream", "stream_options", "failsoft", "max_completion_tokens", "max_tokens"];
    let mut rest = Object::default();
    for (at, (name, value)) in body.iter().enumerate() {
        let text = name.text().unwrap_or_default();
        if body.iter().take(at).any(|(earlier, _)| earlier.is(&text)) {
            return Err(Invalid::new(text, "is given twice"));
        }
        if !OURS.contains(&&*text) {
            rest.entry(name, value.raw());
        }
    }
    Ok(rest.end())
}

#[cfg(test)]
mod tests {
    use super::ChatRequest;
    use crate::json::Json;
    use crate::upstream::Dialect;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<ChatRequest, String> {
        ChatRequest::read(Json::parse(&body.to_string()).expect("JSON")).map_err(|error| error.to_string())
    }

    fn hello(mut body: Value) -> Value {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        body
    }

    #[test]
    fn never_sends_model_beside_models() {
        let request = read(hello(json!({"model": "x/injected", "models": ["a/a", "b/b"]}))).expect("valid");
        let sent: Value =
            serde_json::from_str(&request.body(Dialect::OpenRouter, &["a/a", "b/b"], false, None, None, None))
                .expect("JSON");
        assert_eq!(sent["models"], json!(["a/a", "b/b"]));
        assert_eq!(sent.get("model"), None);
        assert!(request.warnings[0].contains("x/injected"));
    }

    #[test]
    fn keeps_unknown_fields_and_the_order_of_a_schema() {
        let body = hello(
            json!({"model": "a/a", "response_format": {"type": "json_schema", "z": 1, "a": 2}, "novel": {"b": 1}}),
        );
        let sent = read(body).expect("valid").body(Dialect::OpenAi, &["a/a"], false, None, None, None);
        assert!(sent.contains(r#""response_format":{"type":"json_schema","z":1,"a":2},"novel":{"b":1}"#), "{sent}");
    }

    #[test]
    fn only_an_edge_is_told_the_policy() {
        let request = read(hello(json!({"model": "a/a", "failsoft": {"attempts": 2}}))).expect("valid");
        assert!(
            request.body(Dialect::Edge, &["a/a"], false, None, None, None).contains(r#""failsoft":{"attempts":2}"#)
        );
        assert!(!request.body(Dialect::OpenRouter, &["a/a"], false, None, None, None).contains("failsoft"));
    }

    #[test]
    fn refuses_what_cannot_be_sent_and_says_where() {
        for (body, message) in [
            (json!({"model": "a"}), "`messages` must be an array of {role, content}"),
            (json!({"model": "a", "messages": []}), "`messages` is empty; give at least one message"),
            (
                json!({"model": "a", "messages": [{"content": "x"}]}),
                "`messages[0].role` must be a string such as \"user\" or \"system\"",
            ),
            (hello(json!({})), "`models` is missing; name at least one model"),
            (hello(json!({"models": []})), "`models` is missing; name at least one model"),
            (hello(json!({"models": ["a", 1]})), "`models[1]` must be a model's id"),
            (hello(json!({"model": "a", "stream": "yes"})), "`stream` must be true or false"),
            (hello(json!({"model": "a", "temperature": "hot"})), "`temperature` must be a finite number"),
        ] {
            assert_eq!(read(body).err().as_deref(), Some(message));
        }
    }
}
