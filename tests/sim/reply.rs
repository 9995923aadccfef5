//! What an upstream does with one request: a head, pieces of a body and an end, each after a delay; and the true
//! meaning of the response.

use failsoft::Kind;

use crate::answer::TextKind;
use crate::fault::Fault;
use crate::plan::Clocks;
use crate::random::Random;
use crate::wire::Body;

/// How the connection begins to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// It sends nothing.
    Never,
    /// It breaks.
    Reset,
    Status(u16, Vec<(String, String)>),
}

/// What follows the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Clean,
    Reset,
    /// Nothing: the connection stays open.
    Silence,
}

/// Which model the answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedModel {
    /// The model that serves, by a name that can be matched.
    Known,
    /// A model that the request does not name.
    Other,
    Missing,
}

/// The model that answers, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// The model's index in the world's list.
    pub(crate) model: usize,
    pub(crate) named: NamedModel,
    /// The name in the answer.
    pub(crate) name: Option<String>,
    pub(crate) kind: TextKind,
    /// The text that the reader must have in the end, if this answer continues another.
    pub(crate) whole: Option<String>,
    /// The points in the reply of a judge.
    pub(crate) points: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// A description for the trace.
    pub(crate) description: &'static str,
    pub(crate) head: Head,
    pub(crate) head_after: u64,
    pub(crate) body: Body,
    /// Where the body is cut, and the delay before each piece.
    pub(crate) pieces: Vec<(u64, usize)>,
    pub(crate) end: End,
    pub(crate) end_after: u64,
    /// The error, in the status or in the body.
    pub(crate) fault: Option<Fault>,
    /// The cost in units of 10^-12 dollars, whether or not the response states it.
    pub(crate) true_cost: u64,
    /// The most that the request could have cost, if anything bounds the cost.
    pub(crate) max_cost: Option<u64>,
    /// `None` if no model began to answer.
    pub(crate) served: Option<Served>,
    pub(crate) id: String,
    /// The status of each model of a batch on OpenRouter.
    pub(crate) inside: Vec<(usize, u16)>,
}

impl Reply {
    pub(crate) fn nothing(description: &'static str, head: Head, head_after: u64) -> Self {
        Self {
            description,
            head,
            head_after,
            body: Body::default(),
            pieces: Vec::new(),
            end: End::Clean,
            end_after: 0,
            fault: None,
            true_cost: 0,
            max_cost: None,
            served: None,
            id: String::new(),
            inside: Vec::new(),
        }
    }

    /// The body is a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        match &self.head {
            Head::Status(200, headers) => {
                headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"))
            }
            Head::Status(..) | Head::Never | Head::Reset => false,
        }
    }

    /// The error, if the status and the body report one before any answer.
    pub(crate) fn refusal(&self) -> Option<(&Fault, Kind)> {
        let refused = matches!(self.head, Head::Status(400.., _));
        self.fault.as_ref().filter(|_| refused).map(|fault| (fault, fault.class.kind()))
    }

    /// Cuts the body into pieces with a delay before each.
    pub(crate) fn cut(&mut self, clocks: &Clocks, random: &mut Random) {
        let length = self.body.bytes.len();
        let largest = match random.below(20) {
            0 => 1,
            1..=3 => 7,
            4..=9 => 60,
            10..=14 => 400,
            _ => length.max(1),
        };
        // A large body, byte by byte, would only repeat the same steps.
        let largest = largest.max(length / 3_000);
        let hurries = largest == 1 || random.chance(60);
        let mut at = 0;
        while at < length {
            at += (random.spread(1..=largest as u64) as usize).min(length - at);
            let after = if hurries { random.below(3) } else { pause(random, clocks) };
            self.pieces.push((after, at));
        }
        self.end_after = pause(random, clocks);
    }
}

/// A delay: usually short, sometimes long or close to one of the timeouts.
pub(crate) fn pause(random: &mut Random, clocks: &Clocks) -> u64 {
    match random.below(200) {
        0..=169 => random.below(20),
        170..=189 => random.spread(1..=3_000),
        190 => random.spread(1..=200_000),
        _ => random.pick(&[clocks.headers, clocks.first_token, clocks.idle]) + random.below(3) - 1,
    }
}
