//! The content of an answer, before it is written in any form.

use crate::random::Random;

/// What kind of text the answer contains. The generator knows, so no code has to read the text to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    Plain,
    /// Begins like a refusal, but is not one.
    Near,
    /// Ends while the text could still become a refusal.
    Beginning,
    Refusal,
    Blank,
    Nothing,
    Json,
    BrokenJson,
}

/// Why a choice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinishKind {
    Complete,
    Length,
    Filtered,
}

/// An amount of money: the text on the wire, and the number in units of 10^-12 dollars.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) text: String,
    pub(crate) trillionths: u64,
}

/// The content of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) kind: TextKind,
    pub(crate) reasoning: Vec<String>,
    pub(crate) image: bool,
    /// The pieces of the text as they stream.
    pub(crate) text: Vec<String>,
    /// The text in the field `refusal`.
    pub(crate) refusal: Option<&'static str>,
    /// The pieces of the arguments of a tool call.
    pub(crate) tool: Vec<String>,
    /// The text of a second choice.
    pub(crate) second: Option<&'static str>,
    pub(crate) finish: (&'static str, FinishKind),
    pub(crate) cost: Option<Cost>,
}

const WORDS: [&str; 12] = [
    "well",
    "the",
    "naïve",
    "日本",
    "🦀",
    "\"quoted\"",
    "back\\slash",
    "line\nfeed",
    "tab\t",
    "42",
    "e\u{301}",
    "\u{7f}\u{1}",
];

const REFUSALS: [&str; 5] = [
    "I'm sorry, but I can't help with that.",
    "I\u{2019}m sorry, but I can\u{2019}t help with that.",
    " I cannot assist with this request.",
    "As an AI language model, I can't do that.",
    "I must decline.",
];

const FINISHES: [(u64, (&str, FinishKind)); 11] = [
    (60, ("stop", FinishKind::Complete)),
    (3, ("STOP", FinishKind::Complete)),
    (3, ("end_turn", FinishKind::Complete)),
    (3, ("eos", FinishKind::Complete)),
    (8, ("length", FinishKind::Length)),
    (2, ("max_tokens", FinishKind::Length)),
    (1, ("MAX_TOKENS", FinishKind::Length)),
    (5, ("content_filter", FinishKind::Filtered)),
    (1, ("SAFETY", FinishKind::Filtered)),
    (1, ("refusal", FinishKind::Filtered)),
    (1, ("function_call", FinishKind::Complete)),
];

impl Answer {
    pub(crate) fn draw(random: &mut Random, wants_json: bool, wants_second: bool) -> Self {
        let json = if wants_json { 60 } else { 3 };
        let kind = random.weigh(&[
            (60, TextKind::Plain),
            (4, TextKind::Near),
            (2, TextKind::Beginning),
            (8, TextKind::Refusal),
            (3, TextKind::Blank),
            (6, TextKind::Nothing),
            (json, TextKind::Json),
            (json / 3, TextKind::BrokenJson),
        ]);
        let tool: Vec<String> = if random.one_in(12) { arguments(random) } else { Vec::new() };
        let finish = if tool.is_empty() || random.one_in(5) {
            random.weigh(&FINISHES)
        } else {
            (random.pick(&["tool_calls", "tool_use"]), FinishKind::Complete)
        };
        Self {
            kind,
            reasoning: (0..if random.one_in(6) { random.below(4) } else { 0 }).map(|_| "hm ".into()).collect(),
            image: random.one_in(40),
            text: text(kind, random),
            refusal: random.one_in(40).then_some("I would rather not"),
            tool,
            second: wants_second.then(|| random.pick(&["also", "", "so"])),
            finish,
            cost: None,
        }
    }
}

/// How a model answers when a request asks it to continue the answer of another model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuation {
    /// It continues the text.
    Continues,
    /// It repeats the last words, then continues the text.
    Repeats,
    /// It starts again with the same words.
    Again,
    /// It writes another text.
    Otherwise,
}

impl Answer {
    /// Draws an answer to a request that continues or restarts `prefix`. Returns also the whole text that results, if
    /// it is known.
    pub(crate) fn after(prefix: &str, prefilled: bool, random: &mut Random) -> (Self, Option<String>) {
        let mut answer = Self::draw(random, false, false);
        let continuations = [
            (40, Continuation::Continues),
            (20, Continuation::Repeats),
            (20, Continuation::Again),
            (10, Continuation::Otherwise),
        ];
        let continuation = random.weigh(if prefilled { &continuations } else { &continuations[2..] });
        let mut whole = prefix.to_owned();
        if random.chance(90) {
            push_words(&mut whole, random);
        }
        let kept = prefix.trim_end().len();
        let from = match continuation {
            Continuation::Continues => kept,
            Continuation::Repeats => {
                let back = kept.saturating_sub(random.between(20..=40) as usize);
                (back..=kept).rev().filter(|at| kept - at >= 20).find(|at| prefix.is_char_boundary(*at)).unwrap_or(0)
            }
            Continuation::Again => 0,
            Continuation::Otherwise => return (answer, None),
        };
        answer.text = pieces(&whole[from..], random);
        answer.kind = TextKind::Plain;
        (answer, Some(whole))
    }

    /// Draws the reply of a judge. Returns also the points that the reply contains.
    pub(crate) fn score(mark: &str, random: &mut Random) -> (Self, Option<u64>) {
        let mut answer = Self::draw(random, false, false);
        let points = random.between(0..=100);
        let (text, points) = match random.below(10) {
            0 => ("Good!".to_owned(), None),
            1 => (format!("{points}"), None),
            2 => (format!("{mark} 7/10"), None),
            3 => (format!("It says {mark} 100. {mark} {points}/100"), Some(points)),
            _ => (format!("{mark} {points}"), Some(points)),
        };
        answer.text = pieces(&text, random);
        answer.kind = TextKind::Plain;
        (answer, points)
    }
}

/// Texts that begin like a refusal, and the number of bytes after which each is known not to be one: some only at their end.
const NEAR_REFUSALS: [(&str, usize); 4] = [
    ("I'm sorry to hear that.", usize::MAX),
    ("I can tell you more.", 7),
    ("I can't wait!", usize::MAX),
    ("I can't help with that, but the shop next door can.", 36),
];

/// Whether `text`, the beginning of a near refusal, is long enough to be known not to be a refusal.
pub(crate) fn is_cleared(text: &str) -> bool {
    NEAR_REFUSALS.iter().any(|(near, from)| near.get(..*from).is_some_and(|begin| text.starts_with(begin)))
}

impl Cost {
    /// Draws a cost of at most `most`.
    pub(crate) fn draw(most: Option<u64>, random: &mut Random) -> Self {
        let whole = most.map_or(9, |most| (most / 1_000_000_000_000).min(9));
        let most = if whole == 0 { most.map_or(0, |most| (most / 100_000).min(9_999)) } else { whole * 10_000 };
        let digits = if random.one_in(4) { most } else { random.between(0..=most) };
        if random.one_in(8) {
            return Self { text: format!("{digits}e-8"), trillionths: digits * 10_000 };
        }
        Self { text: format!("{}.{:07}", digits / 10_000, digits % 10_000), trillionths: trillionths(digits) }
    }
}

/// The trillionths of a dollar in an amount that is written as `digits / 10^4` dollars and a remainder of 10^-7
/// dollars.
fn trillionths(digits: u64) -> u64 {
    digits / 10_000 * 1_000_000_000_000 + digits % 10_000 * 100_000
}

fn text(kind: TextKind, random: &mut Random) -> Vec<String> {
    let text = match kind {
        TextKind::Plain => plain(random),
        TextKind::Near => random.pick(&NEAR_REFUSALS).0.into(),
        TextKind::Beginning => random.pick(&["I'm sorry", "I can", "I", "Sorry, "]).into(),
        TextKind::Refusal => random.pick(&REFUSALS).into(),
        TextKind::Blank => random.pick(&[" ", "\n\n", " \t\n"]).into(),
        TextKind::Nothing => String::new(),
        TextKind::Json => random.pick(&["{\"a\": [1, \"é\"]}", "[]", " {\"b\": null}\n", "7"]).into(),
        TextKind::BrokenJson => random.pick(&["{\"a\": [1, ", "```json\n{} {}\n```", "{'a': 1}", "{} {}"]).into(),
    };
    pieces(&text, random)
}

/// Draws a text that no phrase of a refusal begins like.
fn plain(random: &mut Random) -> String {
    let mut text = random.pick(&["Well", "  Why", "日本", "\"", "0", "The sky"]).to_owned();
    push_words(&mut text, random);
    if random.one_in(3_000) {
        text.extend(std::iter::repeat_n("wörd ", 20_000));
    }
    text
}

/// Appends words that occur only once, so that a repetition is always intended.
fn push_words(text: &mut String, random: &mut Random) {
    for _ in 0..random.spread(1..=40) {
        let number = text.len();
        text.push_str(&format!(" {}{number}", random.pick(&WORDS)));
    }
}

fn arguments(random: &mut Random) -> Vec<String> {
    let whole = random.pick(&["{\"city\": \"Par\\\"is\"}", "{}", "{\"a\": {\"b\": [1, 2]}}", "{\"broken\": "]);
    pieces(whole, random)
}

/// Cuts `text` between characters, or after words as tokens often are.
fn pieces(text: &str, random: &mut Random) -> Vec<String> {
    if text.len() < 2_000 && random.one_in(3) {
        return text.split_inclusive(' ').map(Into::into).collect();
    }
    let longest = random.spread(1..=40);
    let (mut pieces, mut piece, mut length) = (Vec::new(), String::new(), 0);
    for character in text.chars() {
        piece.push(character);
        length += 1;
        if length >= longest && pieces.len() < 24 {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}
