//! The content of an answer. It is deterministic, so that a test can tell a whole answer from a damaged one.

use std::iter;

use serde_json::{Value, json};

use crate::catalog::{Candidate, Prefill};
use crate::chat_request::{ChatRequest, Wire};
use crate::fault::{Behaviour, BodyError, Cut, Effect, Format, WrongAnswer};
use crate::rules;

/// An answer in the pieces that a stream carries; one piece is one token.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) reasoning: Vec<String>,
    pub(crate) pieces: Vec<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) tools: Vec<ToolCall>,
    pub(crate) finish: Finish,
}

#[derive(Debug)]
pub(crate) struct ToolCall {
    /// The index in the stream.
    pub(crate) index: u64,
    pub(crate) id: String,
    pub(crate) name: String,
    /// The pieces of the arguments, or of the input of a custom tool.
    pub(crate) arguments: Vec<String>,
    pub(crate) is_custom: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Finish {
    #[default]
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

impl Finish {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }

    /// The provider's own finish reason, which OpenRouter passes on beside its own.
    pub(crate) fn native(self) -> &'static str {
        match self {
            Self::Stop => "end_turn",
            Self::Length => "max_tokens",
            Self::ToolCalls => "tool_use",
            Self::ContentFilter => "SAFETY",
        }
    }
}

/// The largest number of words that a prompt can ask for.
const MOST_WORDS: u64 = 100_000;

/// The least size of a piece of the fault `large-events`.
const LARGE: usize = 65 << 10;

impl Answer {
    /// The answer of `model`, with the fault of its behaviour. Faults that concern only the wire belong to `respond`.
    pub(crate) fn compose(request: &ChatRequest, model: &Candidate, behaviour: &Behaviour) -> Self {
        if request.wire == Wire::Embeddings {
            return Self::default();
        }
        let mut answer = Self::healthy(request, model, behaviour);
        match behaviour.effect() {
            Some(Effect::WrongAnswer(wrong)) => answer.spoil(wrong),
            Some(Effect::Format(Format::LargeEvents)) => answer.pieces.iter_mut().for_each(enlarge),
            Some(Effect::Cut(Cut::MidCharacter)) => answer.pieces.insert(answer.pieces.len() / 2, " 🦀".to_owned()),
            Some(Effect::BodyError(BodyError::MidStream | BodyError::MidStreamEmptyChoices | BodyError::InChoice)) => {
                answer.halve()
            }
            Some(
                Effect::HttpError(_)
                | Effect::BodyError(_)
                | Effect::Timing(_)
                | Effect::Cut(_)
                | Effect::Format(_)
                | Effect::Vendor(_),
            )
            | None => {}
        }
        answer
    }

    fn healthy(request: &ChatRequest, model: &Candidate, behaviour: &Behaviour) -> Self {
        let reasoning = reasoning(request);
        if let Some(name) = &request.tool {
            let call = ToolCall::new(0, name, "what was asked for").of(request);
            let more = request.more_tools.iter().zip(1..);
            let more = more.map(|(name, number)| ToolCall::new(number, name, &format!("what {name} finds")));
            let tools = iter::once(call).chain(more).collect();
            return Self { reasoning, tools, finish: Finish::ToolCalls, ..Self::default() };
        }
        if let Some((name, argument)) = &request.forced {
            let call = ToolCall::with(0, name, &json!({ argument: text(request, model) }));
            return Self { reasoning, tools: vec![call], finish: Finish::ToolCalls, ..Self::default() };
        }
        let ruled = rules::answer(&model.id, &request.prompt);
        let text = match (behaviour, &request.prefill) {
            (Behaviour::Healthy, _) if ruled.is_some() => ruled.unwrap_or_default(),
            (Behaviour::Answer(words), _) => words.clone(),
            (Behaviour::Echo(words), _) => format!("{} {words}", request.prompt.lines().next().unwrap_or_default()),
            (_, Some(prefill)) if model.row.prefill != Prefill::StartsOver => remainder(&text(request, model), prefill),
            _ => text(request, model),
        };
        let mut answer = Self { reasoning, pieces: pieces(&text), ..Self::default() };
        let limit = request.max_tokens.unwrap_or(model.row.max_output).min(model.row.max_output);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if answer.pieces.len() > limit {
            answer.pieces.truncate(limit);
            answer.finish = Finish::Length;
        }
        answer
    }

    fn spoil(&mut self, wrong: WrongAnswer) {
        let replace = |pieces: Vec<String>| Self { pieces, ..Self::default() };
        match wrong {
            WrongAnswer::Empty => *self = Self::default(),
            WrongAnswer::Whitespace => *self = replace(vec![" ".to_owned(), "\n".to_owned(), "  ".to_owned()]),
            WrongAnswer::ReasoningOnly => {
                *self = Self { reasoning: pieces("I keep thinking, and never say it."), ..Self::default() };
            }
            WrongAnswer::Refusal => *self = Self { refusal: Some(REFUSAL.to_owned()), ..Self::default() },
            WrongAnswer::RefusalText => *self = replace(pieces(REFUSAL)),
            WrongAnswer::ContentFilter => *self = Self { finish: Finish::ContentFilter, ..Self::default() },
            WrongAnswer::Length => {
                self.halve();
                self.finish = Finish::Length;
            }
            WrongAnswer::BadJson => *self = replace(pieces(r#"{"answer": "unfin"#)),
            WrongAnswer::ToolIndexLies => {
                let name = self.tools.first().map_or("search", |tool| &tool.name).to_owned();
                let tools = vec![ToolCall::new(0, &name, "the first"), ToolCall::new(1, &name, "the second")];
                *self = Self { tools, finish: Finish::ToolCalls, ..Self::default() };
                self.tools[1].index = 0;
            }
        }
    }

    fn halve(&mut self) {
        self.pieces.truncate(self.pieces.len().div_ceil(2));
    }

    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    pub(crate) fn completion_tokens(&self) -> u64 {
        let arguments: usize = self.tools.iter().map(|tool| tool.arguments.len()).sum();
        let refusal = self.refusal.as_deref().map_or(0, |text| text.split_whitespace().count());
        (self.reasoning.len() + self.pieces.len() + arguments + refusal) as u64
    }
}

const REFUSAL: &str = "I'm sorry, but I can't help with that.";

impl ToolCall {
    /// Chat's words for the kind of tool, and for what a call sends.
    pub(crate) fn words(&self) -> (&'static str, &'static str) {
        if self.is_custom { ("custom", "input") } else { ("function", "arguments") }
    }

    fn new(number: u64, name: &str, query: &str) -> Self {
        Self::with(number, name, &json!({ "query": query }))
    }

    fn with(number: u64, name: &str, arguments: &Value) -> Self {
        let arguments = pieces(&arguments.to_string());
        Self { index: number, id: format!("call_{number}"), name: name.to_owned(), arguments, is_custom: false }
    }

    /// The call of the tool of `request`, which may be a custom tool.
    fn of(self, request: &ChatRequest) -> Self {
        let arguments = if request.is_custom { pieces("what was asked for") } else { self.arguments };
        Self { is_custom: request.is_custom, arguments, ..self }
    }
}

fn text(request: &ChatRequest, model: &Candidate) -> String {
    if let Some(exact) = request.prompt.strip_prefix("say:") {
        return exact.to_owned();
    }
    let plain = match request.directive("words") {
        Some(count) => (1..=count.min(MOST_WORDS)).map(word).collect::<Vec<_>>().join(" "),
        None => format!("{} says: {}", model.id, request.prompt),
    };
    if request.json { format!(r#"{{"answer": {}}}"#, json!(plain)) } else { plain }
}

fn reasoning(request: &ChatRequest) -> Vec<String> {
    let Some(count) = request.directive("think") else {
        return if request.reasoning { pieces("Let me think about this.") } else { Vec::new() };
    };
    let count = count.min(MOST_WORDS).min(request.max_reasoning.unwrap_or(u64::MAX));
    pieces(&(1..=count).map(word).collect::<Vec<_>>().join(" "))
}

/// The n-th word of an answer to `words:N`. Some words contain characters of several bytes.
fn word(n: u64) -> String {
    match n % 10 {
        4 => "héllo".to_owned(),
        7 => "日本語".to_owned(),
        0 => "🦀".to_owned(),
        _ => format!("word{n}"),
    }
}

/// The rest of `whole` after a prefill. If the prefill is from another text, `whole` without as many words.
fn remainder(whole: &str, prefill: &str) -> String {
    if let Some(rest) = whole.strip_prefix(prefill).or_else(|| whole.strip_prefix(prefill.trim_end())) {
        return rest.to_owned();
    }
    let count = prefill.split_whitespace().count();
    pieces(whole).into_iter().skip(count).collect()
}

/// Cuts before the white space that follows a word: `"one two"` is `["one", " two"]`.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut after_word = true;
    for c in text.chars() {
        let starts = c.is_whitespace() && after_word;
        match pieces.last_mut() {
            Some(piece) if !starts => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
        after_word = !c.is_whitespace();
    }
    pieces
}

fn enlarge(piece: &mut String) {
    *piece = piece.repeat(LARGE.div_ceil(piece.len().max(1)));
}
