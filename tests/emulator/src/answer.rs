//! What a model says: deterministic, so that a test can tell a whole answer from a damaged one.

use serde_json::json;

use crate::ask::Ask;
use crate::catalog::{Candidate, Prefill};
use crate::fault::{Behaviour, Cut, Dress, Effect, Mishap, Speech};

/// An answer in the pieces in which a stream carries it; one piece is one token.
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
    /// The index that the stream claims.
    pub(crate) index: u64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
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

    /// The provider's own word, which OpenRouter passes on beside its own.
    pub(crate) fn native(self) -> &'static str {
        match self {
            Self::Stop => "end_turn",
            Self::Length => "max_tokens",
            Self::ToolCalls => "tool_use",
            Self::ContentFilter => "SAFETY",
        }
    }
}

/// More words than any model here says.
const MOST_WORDS: u64 = 100_000;

/// More than 64 KiB for every piece.
const LARGE: usize = 65 << 10;

impl Answer {
    /// The answer of `model`, damaged as its behaviour says. What concerns only the wire is left to `stage`.
    pub(crate) fn compose(ask: &Ask, model: &Candidate, behaviour: &Behaviour) -> Self {
        let mut answer = Self::healthy(ask, model, behaviour);
        match behaviour.effect() {
            Some(Effect::Say(speech)) => answer.spoil(speech),
            Some(Effect::Dress(Dress::LargeEvents)) => answer.pieces.iter_mut().for_each(enlarge),
            Some(Effect::Cut(Cut::MidCharacter)) => answer.pieces.insert(answer.pieces.len() / 2, " 🦀".to_owned()),
            Some(Effect::Mishap(Mishap::MidStream | Mishap::MidStreamEmptyChoices | Mishap::InChoice)) => {
                answer.halve()
            }
            Some(Effect::Refuse(_) | Effect::Mishap(_) | Effect::Time(_) | Effect::Cut(_) | Effect::Dress(_))
            | None => {}
        }
        answer
    }

    fn healthy(ask: &Ask, model: &Candidate, behaviour: &Behaviour) -> Self {
        let reasoning = if ask.reasoning { pieces("Let me think about this.") } else { Vec::new() };
        if let Some(name) = &ask.tool {
            let call = ToolCall::new(0, name, "what was asked for");
            return Self { reasoning, tools: vec![call], finish: Finish::ToolCalls, ..Self::default() };
        }
        let text = match (behaviour, &ask.prefill) {
            (Behaviour::Say(words), _) => words.clone(),
            (Behaviour::Echo(words), _) => format!("{} {words}", ask.prompt.lines().next().unwrap_or_default()),
            (_, Some(prefill)) if model.row.prefill != Prefill::StartsOver => remainder(&text(ask, model), prefill),
            _ => text(ask, model),
        };
        let mut answer = Self { reasoning, pieces: pieces(&text), ..Self::default() };
        let limit = ask.max_tokens.unwrap_or(model.row.max_output).min(model.row.max_output);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if answer.pieces.len() > limit {
            answer.pieces.truncate(limit);
            answer.finish = Finish::Length;
        }
        answer
    }

    fn spoil(&mut self, speech: Speech) {
        let replace = |pieces: Vec<String>| Self { pieces, ..Self::default() };
        match speech {
            Speech::Empty => *self = Self::default(),
            Speech::Whitespace => *self = replace(vec![" ".to_owned(), "\n".to_owned(), "  ".to_owned()]),
            Speech::ReasoningOnly => {
                *self = Self { reasoning: pieces("I keep thinking, and never say it."), ..Self::default() };
            }
            Speech::Refusal => *self = Self { refusal: Some(REFUSAL.to_owned()), ..Self::default() },
            Speech::RefusalText => *self = replace(pieces(REFUSAL)),
            Speech::ContentFilter => *self = Self { finish: Finish::ContentFilter, ..Self::default() },
            Speech::Length => {
                self.halve();
                self.finish = Finish::Length;
            }
            Speech::BadJson => *self = replace(pieces(r#"{"answer": "unfin"#)),
            Speech::ToolIndexLies => {
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
    fn new(number: u64, name: &str, query: &str) -> Self {
        let arguments = pieces(&json!({ "query": query }).to_string());
        Self { index: number, id: format!("call_{number}"), name: name.to_owned(), arguments }
    }
}

fn text(ask: &Ask, model: &Candidate) -> String {
    let plain = match ask.directive("words") {
        Some(count) => (1..=count.min(MOST_WORDS)).map(word).collect::<Vec<_>>().join(" "),
        None => format!("{} says: {}", model.id, ask.prompt),
    };
    if ask.json { format!(r#"{{"answer": {}}}"#, json!(plain)) } else { plain }
}

/// The n-th of the words that are said on demand; some take more than one byte a character.
fn word(n: u64) -> String {
    match n % 10 {
        4 => "héllo".to_owned(),
        7 => "日本語".to_owned(),
        0 => "🦀".to_owned(),
        _ => format!("word{n}"),
    }
}

/// What is left of `whole` after a prefill: the rest of it, or as much of its end if the prefill is from elsewhere.
fn remainder(whole: &str, prefill: &str) -> String {
    if let Some(rest) = whole.strip_prefix(prefill).or_else(|| whole.strip_prefix(prefill.trim_end())) {
        return rest.to_owned();
    }
    let said = prefill.split_whitespace().count();
    pieces(whole).into_iter().skip(said).collect()
}

/// Cuts before white space that follows a word: `"one two"` is `["one", " two"]`.
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
