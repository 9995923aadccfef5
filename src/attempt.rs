//! One request in flight: what has come of it, and which of its clocks runs out first.

use crate::Millis;
use crate::call::Resume;
use crate::chain::Batch;
use crate::chunk::{Accumulator, Seen, openai_shaped};
use crate::events::Events;
use crate::failure::{Failure, Kind, classify};
use crate::http::Headers;
use crate::json::{Fields, Json};
use crate::policy::Timeouts;
use crate::request::UsageChunk;
use crate::sse::BYTE_ORDER_MARK;
use crate::usd::Usd;

/// How long after `[DONE]` the end of the body is waited for, in milliseconds: a connection that ended can be used again.
const LINGER: Millis = 250;

/// The largest body that is not a stream, in bytes.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Names one attempt of a call; they count from 0.
pub type AttemptId = u32;

/// What has come of a request.
#[derive(Debug)]
pub(crate) enum Body {
    /// No headers yet.
    Awaited,
    /// An error status, and what is said about it.
    Error { status: u16, headers: Headers, bytes: Vec<u8> },
    /// A completion in one piece.
    Whole(Vec<u8>),
    /// A stream.
    Events(Box<Events>),
}

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) id: AttemptId,
    /// The candidates that the request named.
    pub(crate) window: Batch,
    pub(crate) body: Body,
    /// The completion, where it came in one piece: JSON text.
    pub(crate) whole: Option<String>,
    /// The upstream was asked for a stream.
    streamed: bool,
    /// The host holds a connection, or is opening one.
    pub(crate) open: bool,
    /// The host may read one chunk, and has not yet brought it.
    pub(crate) reading: bool,
    pub(crate) sent: Millis,
    /// When the last event came, or reading was last allowed.
    heard: Millis,
    /// An edge was asked: what it lets through has been judged there.
    pub(crate) judged_there: bool,
    /// Everything read so far, for a lane that passes bytes on as they came.
    pub(crate) raw: Option<Vec<u8>>,
    /// The rest of its body goes over unread.
    pub(crate) unread: bool,
    /// It goes on from an answer that broke.
    pub(crate) splice: Option<Resume>,
    /// It scores an answer.
    pub(crate) is_judge: bool,
    /// The time it has, where that is not the policy's: a judge's.
    pub(crate) until: Option<Millis>,
    /// A second model was asked too.
    pub(crate) hedged: bool,
    /// How its answer is read.
    pub(crate) reads: UsageChunk,
    /// The most that it can cost, where the call has a bound.
    pub(crate) worst: Usd,
}

impl Attempt {
    pub(crate) fn new(id: AttemptId, window: Batch, streamed: bool, reads: UsageChunk, now: Millis) -> Self {
        Self {
            id,
            window,
            body: Body::Awaited,
            whole: None,
            streamed,
            open: true,
            reading: false,
            sent: now,
            heard: now,
            judged_there: false,
            raw: None,
            unread: false,
            splice: None,
            is_judge: false,
            until: None,
            hedged: false,
            reads,
            worst: Usd(0),
        }
    }

    pub(crate) fn take_head(&mut self, status: u16, headers: Headers, now: Millis) {
        self.heard = now;
        self.body = if !(200..300).contains(&status) {
            Body::Error { status, headers, bytes: Vec::new() }
        } else if headers.is_event_stream() {
            Body::Events(Box::new(Events::new(self.reads)))
        } else {
            Body::Whole(Vec::new())
        };
    }

    /// Takes the next bytes of the body. Clocks run by `now`; dates that the bytes name are told by `wall`.
    ///
    /// # Errors
    /// What the bytes say went wrong.
    pub(crate) fn take_bytes(&mut self, bytes: &[u8], now: Millis, wall: Millis) -> Result<(), Box<Failure>> {
        self.reading = false;
        // A page passes nothing on as it came.
        if let (Some(raw), false) = (&mut self.raw, cfg!(feature = "browser")) {
            raw.extend_from_slice(bytes);
        }
        match &mut self.body {
            Body::Awaited => Ok(()),
            Body::Error { bytes: so_far, .. } | Body::Whole(so_far) => {
                if so_far.len() + bytes.len() > LARGEST_BODY {
                    return Err(Failure::new(Kind::BadResponse, "the body is larger than 64 MiB"));
                }
                so_far.extend_from_slice(bytes);
                Ok(())
            }
            Body::Events(events) => {
                events.feed(bytes, wall);
                if std::mem::take(&mut events.heard) {
                    self.heard = now;
                }
                events.failure.take().map_or(Ok(()), Err)
            }
        }
    }

    /// Another chunk may be read.
    pub(crate) fn wants_read(&self) -> bool {
        self.open && !self.reading && !self.unread && !matches!(self.body, Body::Awaited)
    }

    /// The point in time at which the first of its clocks runs out, and what that means.
    ///
    /// An edge runs the same clocks over its own attempts and tells what came of them. Ours must not cut in: they only
    /// notice a stream that the edge has begun and let go of.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<(Millis, Kind)> {
        if let Some(until) = self.until {
            return Some((until, Kind::HeadersTimeout));
        }
        match &self.body {
            // An answer in one piece sends its headers when it is written: only the call's own time bounds it.
            Body::Awaited | Body::Whole(_) if !self.streamed => None,
            Body::Awaited if self.judged_there => None,
            // Nothing is heard of it before its end.
            Body::Events(_) if self.unread => None,
            Body::Awaited => Some((self.sent + timeouts.headers.min(timeouts.first_token), Kind::HeadersTimeout)),
            Body::Events(events) if events.done => Some((self.heard + LINGER, Kind::Stalled)),
            Body::Events(events) if !events.is_alive() && self.judged_there => None,
            Body::Events(events) if !events.is_alive() => {
                Some((self.sent + timeouts.first_token, Kind::FirstTokenTimeout))
            }
            Body::Events(_) | Body::Whole(_) | Body::Error { .. } => {
                let idle = if self.judged_there { 2 * timeouts.idle } else { timeouts.idle };
                if self.reading { Some((self.heard + idle, Kind::Stalled)) } else { None }
            }
        }
    }

    /// Milliseconds since it was sent.
    pub(crate) fn age(&self, now: Millis) -> Millis {
        now.saturating_sub(self.sent)
    }

    /// The failure that an error status and its body tell of.
    pub(crate) fn refused(&self, wall: Millis) -> Option<Box<Failure>> {
        match &self.body {
            Body::Error { status, headers, bytes } => Some(classify(*status, headers, bytes, wall)),
            _ => None,
        }
    }

    /// The answer has come to its end. What is told of its cost before may not be all.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.body {
            Body::Events(events) => self.whole.is_some() || (events.done && events.answer.is_finished()),
            Body::Awaited | Body::Whole(_) | Body::Error { .. } => false,
        }
    }

    /// What it may have cost, with what is told of that if it is final. Who was refused pays nothing; an upstream that
    /// nothing was heard of may be at work.
    pub(crate) fn spent(&self, told: Option<Usd>) -> Usd {
        match &self.body {
            Body::Error { .. } => Usd(0),
            Body::Awaited | Body::Whole(_) | Body::Events(_) => told.unwrap_or(self.worst),
        }
    }

    /// What an error status came with.
    pub(crate) fn error_body(&self) -> Json<'_> {
        let Body::Error { bytes, .. } = &self.body else { return Json::NULL };
        Json::parse_bytes(bytes).unwrap_or(Json::NULL)
    }

    /// What an edge has told, as JSON text.
    pub(crate) fn edge_report(&self) -> Option<String> {
        let report = match self.answer() {
            Some(answer) => answer.report(),
            None => self.error_body().get("failsoft"),
        };
        report.as_object().map(|report| report.raw().into())
    }

    /// The stream has said that its answer is complete.
    pub(crate) fn is_done(&self) -> bool {
        matches!(&self.body, Body::Events(events) if events.done || events.is_ending())
    }

    /// Text, reasoning or a tool call has come.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(&self.body, Body::Events(events) if events.is_alive())
    }

    /// What the stream has added up to.
    pub(crate) fn answer(&self) -> Option<&Accumulator> {
        match &self.body {
            Body::Events(events) => Some(&events.answer),
            _ => None,
        }
    }

    pub(crate) fn events(&mut self) -> Option<&mut Events> {
        match &mut self.body {
            Body::Events(events) => Some(events),
            _ => None,
        }
    }
}

/// Reads a completion that came in one piece, and keeps what can be read of one that is an error. As a stream, where one
/// was asked for, it is a single chunk.
pub(crate) fn read_whole(bytes: &[u8], reads: UsageChunk, as_stream: bool, wall: Millis) -> (String, Box<Events>) {
    let mut events = Box::new(Events::new(reads));
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let completion = Json::parse_bytes(bytes).unwrap_or(Json::NULL);
    let fields = &Fields::of(completion);
    let has_choices = !fields.get("choices").is_empty();
    let mut is_foreign = as_stream;
    if as_stream && has_choices {
        let chunk = openai_shaped(completion, true);
        events.take_chunk(Json::or_null(&chunk), wall);
    } else {
        is_foreign = events.take_completion(fields, wall).seen.has(Seen::FOREIGN);
    }
    if events.failure.is_none() && !has_choices {
        let message = "the upstream's answer is not a chat completion";
        events.failure = Some(Failure::new(Kind::BadResponse, message));
    }
    let completion = if is_foreign { openai_shaped(completion, false) } else { completion.raw().into() };
    (completion, events)
}
