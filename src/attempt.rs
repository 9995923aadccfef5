//! One request in flight: what has come of its response, and which of its clocks runs out first.

mod whole;

use std::borrow::Cow;
use std::sync::Arc;

use crate::Millis;
use crate::catalog::{ModelInfo, Price};
use crate::chain::Batch;
use crate::chunk::Accumulator;
use crate::events::Events;
use crate::failure::{Failure, Kind, RequestFields, classify};
use crate::http::Headers;
use crate::json::Json;
use crate::redaction::Redaction;
use crate::request::UsageChunk;
use crate::resume::Resume;
use crate::role::Role;
use crate::sse::BYTE_ORDER_MARK;
use crate::usd::Usd;
pub(crate) use whole::read_whole;

/// How long a call waits for the end of the body after `[DONE]`, in milliseconds. A connection whose body has ended can be
/// used again.
const LINGER: Millis = 250;

/// The largest body that is not a stream, in bytes.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// The beginning of an error's body says what went wrong. The rest is not read.
const LARGEST_ERROR: usize = 256 * 1024;

/// The clocks of one attempt, in milliseconds, as the policy and the request set them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// From sending to the response headers.
    pub(crate) headers: Millis,
    /// From sending to the first text, reasoning or tool call.
    pub(crate) first_token: Millis,
    /// Between two events of a stream.
    pub(crate) idle: Millis,
}

/// The number of an attempt in its call, from 0.
pub type AttemptId = u32;

/// What has come of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// No head has come.
    Awaited,
    /// An error status, and what came with it.
    Error { status: u16, headers: Headers, bytes: Vec<u8> },
    /// A completion in one piece.
    Whole(Vec<u8>),
    /// A stream.
    Events(Box<Events>),
}

/// One request to an upstream, from sending to the end of its body.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) id: AttemptId,
    /// What it is for. Never changes.
    pub(crate) role: Role,
    /// The candidates that the request named.
    pub(crate) batch: Batch,
    /// The most that it can cost, where the call has a limit.
    pub(crate) highest_cost: Usd,
    /// The highest price, where the call has a limit on its cost.
    pub(crate) price: Option<Price>,
    /// The upstream refused it before any work, or never received it: it costs nothing.
    pub(crate) is_free: bool,
    /// An edge answers it: the edge falls back and checks the answers by itself.
    pub(crate) by_edge: bool,
    /// It asked the upstream for a stream.
    streamed: bool,
    /// The fields of the request that the upstream may reject although the caller's request is right.
    pub(crate) own_fields: RequestFields,
    /// When its time is over, where the policy's clocks do not decide: the time for a score.
    pub(crate) deadline: Option<Millis>,
    /// What becomes of the usage chunk in its answer.
    pub(crate) usage_chunk: UsageChunk,
    pub(crate) body: Body,
    /// Turns the answer into chunks, where the upstream speaks another protocol.
    #[cfg(feature = "protocols")]
    pub(crate) translator: Option<Box<crate::protocol::AnswerTranslator>>,
    /// What is removed from the answer, where the reader is not the owner of the upstream's key.
    pub(crate) redaction: Option<Redaction>,
    /// The first bytes of the body have decided what the body is.
    is_decided: bool,
    /// The completion, where it came in one piece: JSON text.
    pub(crate) whole: Option<String>,
    /// All bytes read so far, for a lane that passes bytes. Taken at the commit point.
    pub(crate) held: Option<Vec<u8>>,
    /// The call reads no more of the body, which goes to the reader.
    pub(crate) unread: bool,
    /// How far it has resumed the text of a stream that broke.
    pub(crate) resume: Option<Resume>,
    /// The host has a connection, or is opening one.
    pub(crate) is_open: bool,
    /// The host may read one chunk, and has not brought it yet.
    pub(crate) is_reading: bool,
    /// The upstream reports no cost, so the cost is computed from the tokens.
    pub(crate) computes_cost: bool,
    /// What the configuration states about its model, where the cost is not less than the stated prices say.
    pub(crate) stated: Option<Arc<ModelInfo>>,
    /// One of its models thinks before it answers.
    pub(crate) thinks: bool,
    /// How long a slow model writes at the longest answer.
    pub(crate) writing: Millis,
    /// A hedge was due beside it.
    pub(crate) had_hedge: bool,
    pub(crate) sent: Millis,
    /// When the last event came, or reading was last allowed.
    last_event: Millis,
}

impl Attempt {
    pub(crate) fn new(id: AttemptId, role: Role, batch: Batch, streamed: bool, now: Millis) -> Self {
        Self {
            id,
            role,
            batch,
            highest_cost: Usd(0),
            price: None,
            is_free: false,
            by_edge: false,
            streamed,
            own_fields: RequestFields::default(),
            deadline: None,
            usage_chunk: UsageChunk::AsSent,
            body: Body::Awaited,
            #[cfg(feature = "protocols")]
            translator: None,
            redaction: None,
            is_decided: false,
            whole: None,
            held: None,
            unread: false,
            resume: None,
            is_open: true,
            is_reading: false,
            computes_cost: false,
            stated: None,
            thinks: false,
            writing: 0,
            had_hedge: false,
            sent: now,
            last_event: now,
        }
    }

    pub(crate) fn take_head(&mut self, status: u16, headers: Headers, now: Millis) {
        self.last_event = now;
        self.body = if !(200..300).contains(&status) {
            Body::Error { status, headers, bytes: Vec::new() }
        } else if headers.is_event_stream() {
            Body::Events(self.new_events())
        } else {
            Body::Whole(Vec::new())
        };
    }

    /// The stream of the answer, of which nothing has come.
    pub(crate) fn new_events(&self) -> Box<Events> {
        let mut events = Box::new(Events::new(self.usage_chunk));
        events.redaction.clone_from(&self.redaction);
        events
    }

    /// Takes the next bytes of the body. The call's clocks run by `now`. A date in the bytes is compared with `wall`.
    ///
    /// # Errors
    /// The failure that the bytes report.
    pub(crate) fn take_bytes(&mut self, bytes: &[u8], now: Millis, wall: Millis) -> Result<(), Box<Failure>> {
        self.is_reading = false;
        // A page has no lane that passes bytes.
        if let (Some(held), false) = (&mut self.held, cfg!(feature = "browser")) {
            held.extend_from_slice(bytes);
        }
        let bytes = &self.decide(bytes);
        match &mut self.body {
            Body::Awaited => Ok(()),
            Body::Error { status, headers, bytes: so_far } => {
                so_far.extend_from_slice(bytes);
                if so_far.len() > LARGEST_ERROR {
                    return Err(classify(*status, headers, so_far, wall));
                }
                Ok(())
            }
            Body::Whole(so_far) => {
                if so_far.len() + bytes.len() > LARGEST_BODY {
                    return Err(Failure::new(Kind::BadResponse, "the body is larger than 64 MiB"));
                }
                so_far.extend_from_slice(bytes);
                self.last_event = now;
                Ok(())
            }
            Body::Events(events) => {
                #[cfg(feature = "protocols")]
                match &mut self.translator {
                    Some(translator) => events.feed(translator.feed(bytes).as_bytes(), wall),
                    None => events.feed(bytes, wall),
                }
                #[cfg(not(feature = "protocols"))]
                events.feed(bytes, wall);
                if std::mem::take(&mut events.had_event) {
                    self.last_event = now;
                }
                events.failure.take().map_or(Ok(()), Err)
            }
        }
    }

    /// Decides by the first bytes of the body whether it is a stream, whatever its content type says. Returns the bytes to
    /// read: `bytes`, with those before them that have not decided.
    fn decide<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let so_far = match &mut self.body {
            _ if self.is_decided => return bytes.into(),
            Body::Whole(so_far) => std::mem::take(so_far),
            Body::Events(_) => Vec::new(),
            Body::Awaited | Body::Error { .. } => return bytes.into(),
        };
        let is_stream = matches!(self.body, Body::Events(_));
        let bytes: Cow<'a, [u8]> = if so_far.is_empty() { bytes.into() } else { [&so_far, bytes].concat().into() };
        let is_text = |byte: &u8| !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.contains(byte);
        let begin = bytes.iter().position(is_text).and_then(|at| bytes.get(at..)).unwrap_or_default();
        let fields = [&b"data:"[..], b"event:", b"id:", b"retry:", b":"];
        if is_stream {
            self.is_decided = !begin.is_empty();
            if let [b'{' | b'[' | b'<', ..] = begin {
                self.body = Body::Whole(Vec::new());
            }
        } else if fields.iter().any(|field| begin.starts_with(field)) {
            self.is_decided = true;
            self.body = Body::Events(self.new_events());
        } else {
            self.is_decided = !fields.iter().any(|field| field.starts_with(begin));
        }
        bytes
    }

    /// The body has ended as its protocol says.
    ///
    /// # Errors
    /// The failure that its last event reports.
    pub(crate) fn take_end(&mut self, wall: Millis) -> Result<(), Box<Failure>> {
        self.is_open = false;
        let Body::Events(events) = &mut self.body else { return Ok(()) };
        #[cfg(feature = "protocols")]
        if let Some(translator) = &mut self.translator {
            events.feed(translator.finish().as_bytes(), wall);
        }
        events.finish(wall);
        events.failure.take().map_or(Ok(()), Err)
    }

    /// The host should read another chunk.
    pub(crate) fn wants_read(&self) -> bool {
        self.is_open && !self.is_reading && !self.unread && !matches!(self.body, Body::Awaited)
    }

    /// When the first of its clocks runs out, and the kind of failure that this is.
    ///
    /// An edge runs the same clocks over its own attempts and reports what came of them. The clocks here must not run out
    /// first: they only notice a stream that the edge began and abandoned.
    pub(crate) fn timeout(&self, clocks: &Clocks) -> Option<(Millis, Kind)> {
        if let Some(deadline) = self.deadline {
            return Some((deadline, Kind::HeadersTimeout));
        }
        let first_token = self.sent + clocks.first_token;
        match &self.body {
            Body::Awaited if self.by_edge => None,
            // The answer begins when all of it is written.
            Body::Awaited if !self.streamed => Some((first_token + self.writing, Kind::HeadersTimeout)),
            Body::Whole(_) if !self.is_decided => Some((first_token + self.writing, Kind::FirstTokenTimeout)),
            // The call sees only its end.
            Body::Events(_) if self.unread => None,
            Body::Awaited => Some((first_token.min(self.sent + clocks.headers), Kind::HeadersTimeout)),
            Body::Events(events) if events.done => Some((self.last_event + LINGER, Kind::Stalled)),
            Body::Events(events) if !events.is_alive() && self.by_edge => None,
            Body::Events(events) if !events.is_alive() => Some((first_token, Kind::FirstTokenTimeout)),
            Body::Events(_) | Body::Whole(_) | Body::Error { .. } => {
                let idle = if self.by_edge { 2 * clocks.idle } else { clocks.idle };
                if self.is_reading { Some((self.last_event + idle, Kind::Stalled)) } else { None }
            }
        }
    }

    /// The milliseconds since it was sent.
    pub(crate) fn age(&self, now: Millis) -> Millis {
        now.saturating_sub(self.sent)
    }

    /// The failure that an error status and its body report.
    pub(crate) fn http_failure(&self, wall: Millis) -> Option<Box<Failure>> {
        match &self.body {
            Body::Error { status, headers, bytes } => Some(classify(*status, headers, bytes, wall)),
            _ => None,
        }
    }

    /// The whole answer has come. A cost that was reported before may not be the whole cost.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.body {
            Body::Events(events) => self.whole.is_some() || (events.done && events.answer.is_finished()),
            Body::Awaited | Body::Whole(_) | Body::Error { .. } => false,
        }
    }

    /// The most that it has cost, where `final_cost` is the whole cost, if that is known. An upstream that has not answered
    /// may be generating.
    pub(crate) fn spent(&self, final_cost: Option<Usd>) -> Usd {
        if self.is_free { Usd(0) } else { final_cost.unwrap_or(self.highest_cost) }
    }

    /// The body of an error response; `null` for another response.
    pub(crate) fn error_body(&self) -> Json<'_> {
        let Body::Error { bytes, .. } = &self.body else { return Json::NULL };
        Json::parse_bytes(bytes).unwrap_or(Json::NULL)
    }

    /// The report that an edge sent, as JSON text.
    pub(crate) fn edge_report(&self) -> Option<String> {
        let report = match self.answer() {
            Some(answer) => answer.report(),
            None => self.error_body().get("failsoft"),
        };
        report.as_object().map(|report| report.raw().into())
    }

    /// The stream says that its answer is complete.
    pub(crate) fn is_done(&self) -> bool {
        matches!(&self.body, Body::Events(events) if events.done || events.is_ending())
    }

    /// Text, reasoning or a tool call has come.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(&self.body, Body::Events(events) if events.is_alive())
    }

    /// The answer so far.
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
