//! What has truly come of an answer: known from what the upstream meant, not read from its bytes.

use crate::answer::{FinishKind, TextKind, is_cleared};
use crate::plan::{Plan, Rule};

/// One thing that an upstream says. It counts once its last byte has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// An event of any kind; comments are none.
    Event,
    /// The answer's id, and the model's name if it is told.
    Named,
    /// A choice has begun.
    Begins(usize),
    Text(usize, String),
    Reasoning,
    Image,
    Refusal,
    /// Arguments of the tool call.
    Tool(String),
    Finish(usize, FinishKind),
    /// The cost so far, in units of 10^-12 dollars.
    Cost(u64),
    /// What happened inside a native batch.
    Batch,
    Malformed,
    /// The answer says that it failed.
    Error,
    /// `[DONE]`.
    Done,
    /// It came in one piece.
    Whole,
}

/// The sum of all elements that have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) named: bool,
    begun: [bool; 2],
    finished: [bool; 2],
    texts: [String; 2],
    reasoning: bool,
    image: bool,
    refusal: bool,
    pub(crate) tool: Option<String>,
    finish: Option<FinishKind>,
    pub(crate) cost: Option<u64>,
    pub(crate) batch: bool,
    malformed: u32,
    pub(crate) error: bool,
    /// It said so behind its end, which changes nothing.
    late_error: bool,
    pub(crate) done: bool,
    whole: bool,
}

impl Received {
    pub(crate) fn take(&mut self, element: &Element) {
        if self.done || self.error || self.late_error {
            return;
        }
        match element {
            Element::Event => {}
            Element::Named => self.named = true,
            Element::Begins(choice) => self.begun[*choice] = true,
            Element::Text(choice, text) => self.texts[*choice].push_str(text),
            Element::Reasoning => self.reasoning = true,
            Element::Image => self.image = true,
            Element::Refusal => self.refusal = true,
            Element::Tool(piece) => self.tool.get_or_insert_default().push_str(piece),
            Element::Finish(choice, meaning) => {
                self.finished[*choice] = true;
                if *choice == 0 {
                    self.finish = Some(*meaning);
                }
            }
            Element::Cost(cost) => self.cost = Some(*cost),
            Element::Batch => self.batch = true,
            Element::Malformed => self.malformed += 1,
            Element::Error if self.has_ended() && !self.whole => self.late_error = true,
            Element::Error => self.error = true,
            Element::Done => self.done = true,
            Element::Whole => self.whole = true,
        }
    }

    /// The text of the first choice.
    pub(crate) fn text(&self) -> &str {
        &self.texts[0]
    }

    /// Something has come that shows that the model is at work.
    pub(crate) fn is_alive(&self) -> bool {
        let has_text = self.texts.iter().any(|text| !text.is_empty());
        has_text || self.reasoning || self.image || self.refusal || self.tool.is_some()
    }

    /// Every choice that has begun has said why it ended.
    fn has_ended(&self) -> bool {
        self.begun[0] && self.begun.iter().zip(self.finished).all(|(begun, finished)| !begun || finished)
    }

    /// A stream of which nothing more can change anything.
    pub(crate) fn is_over(&self) -> bool {
        self.done || (self.has_ended() && !self.whole && !self.error)
    }

    /// Text of one choice, and nothing that is none.
    pub(crate) fn is_text(&self) -> bool {
        self.tool.is_none() && !self.image && !self.refusal && !self.begun[1]
    }

    /// An answer, and all of it: no choice lacks its end, nothing failed, no tool call has a hole.
    pub(crate) fn is_complete(&self) -> bool {
        let holed = self.tool.as_ref().is_some_and(|tool| !tool.is_empty() && !is_json(tool));
        self.begun[0] && (self.whole || self.has_ended()) && !self.error && (self.malformed == 0 || !holed)
    }

    /// There is nothing in it to show or to do.
    pub(crate) fn is_blank(&self) -> bool {
        let blank = self.texts.iter().all(|text| text.trim().is_empty());
        blank && !self.image && self.tool.is_none() && !self.refusal
    }

    /// The rules of the caller's policy that this answer, being complete, does not pass.
    pub(crate) fn broken(&self, kind: TextKind, plan: &Plan) -> Vec<Rule> {
        let (rules, text) = (&plan.rules, self.text());
        let no_json = plan.wants_json && !text.is_empty() && !is_json(text);
        let short = text.chars().count() < rules.shortest && self.tool.is_none();
        let broken = [
            (rules.filter, self.finish == Some(FinishKind::Filtered)),
            (rules.refusal, self.refusal || kind == TextKind::Refusal),
            (rules.empty, self.is_blank() && !self.reasoning),
            (rules.reasoning_only, self.is_blank() && self.reasoning),
            (rules.too_short, short),
            (rules.pattern, rules.literals.iter().any(|literal| text.contains(literal))),
            (rules.length, self.finish == Some(FinishKind::Length)),
            (rules.invalid_json, no_json),
        ];
        broken.into_iter().filter(|(rule, broken)| *broken && *rule != Rule::Off).map(|(rule, _)| rule).collect()
    }

    /// A stream of which this has come, and nothing wrong with it, cannot be held back any longer.
    pub(crate) fn shows(&self, kind: TextKind, plan: &Plan) -> bool {
        if !plan.stream || plan.buffer || self.whole || self.error || self.late_error {
            return false;
        }
        let (text, held) = (self.text(), plan.rules.refusal != Rule::Off);
        if plan.rules.pattern != Rule::Off && plan.rules.literals.iter().any(|literal| text.contains(literal)) {
            return false;
        }
        let is_settled = match kind {
            TextKind::Plain | TextKind::Json | TextKind::BrokenJson => true,
            TextKind::Near => !held || is_cleared(text),
            TextKind::Beginning | TextKind::Refusal => !held,
            TextKind::Blank | TextKind::Nothing => false,
        };
        (self.reasoning && plan.wants_reasoning)
            || self.tool.is_some()
            || (is_settled && !text.trim().is_empty() && text.chars().count() >= plan.hold)
            || (self.refusal && !held)
            || (text.is_empty() && (self.image || !self.texts[1].is_empty()))
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}
