//! What has arrived of an answer. It is computed from the elements that the generator put into the response, not from
//! its bytes.

use crate::answer::{FinishKind, TextKind, is_cleared};
use crate::plan::{Plan, Rule};

/// One element of a response. It counts once its last byte has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// An event of any kind, but not a comment.
    Event,
    /// The id of the answer, and the name of the model if the response contains one.
    Named,
    /// The first data of a choice.
    Begins(usize),
    Text(usize, String),
    Reasoning,
    Image,
    Refusal,
    /// A piece of the arguments of the tool call.
    Tool(String),
    Finish(usize, FinishKind),
    /// The cost so far, in units of 10^-12 dollars.
    Cost(u64),
    /// The metadata about a batch of models.
    Batch,
    Malformed,
    /// The answer reports an error.
    Error,
    /// `[DONE]`.
    Done,
    /// The answer is one JSON body.
    Whole,
}

impl Element {
    /// It adds to the answer, or ends the answer. An event without any of this, such as a role or an empty text, does not
    /// keep a model alive.
    pub(crate) fn is_work(&self) -> bool {
        match self {
            Self::Text(_, text) => !text.is_empty(),
            Self::Reasoning | Self::Image | Self::Refusal | Self::Tool(_) | Self::Finish(..) => true,
            Self::Malformed | Self::Error | Self::Done => true,
            Self::Event | Self::Named | Self::Begins(_) | Self::Cost(_) | Self::Batch | Self::Whole => false,
        }
    }
}

/// The sum of all elements that have arrived.
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
    /// The error came after the end of the answer, so it changes nothing.
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

    /// Something has arrived that shows that the model is at work.
    pub(crate) fn is_alive(&self) -> bool {
        let has_text = self.texts.iter().any(|text| !text.is_empty());
        has_text || self.reasoning || self.image || self.refusal || self.tool.is_some()
    }

    /// Every choice that has begun has a finish reason.
    fn has_ended(&self) -> bool {
        self.begun[0] && self.begun.iter().zip(self.finished).all(|(begun, finished)| !begun || finished)
    }

    /// Nothing more can change this stream.
    pub(crate) fn is_over(&self) -> bool {
        self.done || (self.has_ended() && !self.whole && !self.error)
    }

    /// Only text of one choice has arrived.
    pub(crate) fn is_text(&self) -> bool {
        self.tool.is_none() && !self.image && !self.refusal && !self.begun[1]
    }

    /// The answer is complete: every choice has its end, nothing failed, and no tool call has a gap.
    pub(crate) fn is_complete(&self) -> bool {
        let holed = self.tool.as_ref().is_some_and(|tool| self.malformed > 0 || !tool.is_empty() && !is_json(tool));
        // Nothing is missing from a tool call that is whole where the upstream says that nothing follows.
        let ends_with_call = self.done && self.tool.is_some() && !self.begun[1];
        self.begun[0] && (self.whole || self.has_ended() || ends_with_call) && !self.error && !holed
    }

    /// The answer contains nothing to show and nothing to do.
    pub(crate) fn is_blank(&self) -> bool {
        let blank = self.texts.iter().all(|text| text.trim().is_empty());
        blank && !self.image && self.tool.is_none() && !self.refusal
    }

    /// The rules of the policy that this complete answer breaks.
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

    /// The core can no longer hold back a stream of which this much has arrived, if nothing is wrong with it.
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
