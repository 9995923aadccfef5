//! One request to the upstream: sent, its head awaited, its body read a chunk at a time, closed when nobody wants it.

use std::task::Poll;

use failsoft::http::READ_HEADERS;
use failsoft::{AttemptId, Failure, Headers, HttpRequest, Kind};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host::{self, Chunks, Sending};

/// How much one read can take, in bytes. A reader without a buffer of its own is given 4 KiB at most.
const BUFFER: u32 = 32 * 1024;

/// The same where no more is wanted than the first text.
const GLANCE: u32 = 4 * 1024;

/// What a flight has to tell.
#[derive(Debug)]
pub(crate) enum News {
    Head { status: u16, headers: Headers },
    Bytes(Vec<u8>),
    End,
    Failed(Box<Failure>),
}

#[derive(Debug)]
pub(crate) struct UpstreamRequest {
    pub(crate) attempt: AttemptId,
    bell: Executor,
    buffer: u32,
    /// Nothing, if it could not be sent.
    sending: Option<Sending>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It could not even be sent, or not be read on.
    Grounded(JsValue),
    Sending(Pending),
    /// The head has come, of an answer in one piece. Reading it by the chunk would cost more than it is worth.
    Whole,
    ReadingWhole(Pending),
    /// The head has come, and perhaps a part of the body.
    Open(Option<Body>),
    Reading(Body, Pending),
    /// Somebody else takes the rest of the body.
    Lent(ReadableStream),
    /// A body that is not there was asked for.
    Bodiless,
    /// It has come to its end.
    Ended,
    Over,
}

#[derive(Debug)]
struct Body {
    stream: ReadableStream,
    chunks: Chunks,
}

impl UpstreamRequest {
    /// Sends `request`. Of its answer's body all will be read, or little.
    pub(crate) fn take_off(bell: &Executor, attempt: AttemptId, request: &HttpRequest, all: bool) -> Self {
        let (sending, state) = match send(request, bell) {
            Ok((sending, ring)) => (Some(sending), State::Sending(ring)),
            Err(thrown) => (None, State::Grounded(thrown)),
        };
        Self { attempt, bell: bell.clone(), buffer: if all { BUFFER } else { GLANCE }, sending, state }
    }

    /// It was never sent.
    pub(crate) fn is_grounded(&self) -> bool {
        matches!(self.state, State::Grounded(_))
    }

    /// Closes the connection, if it is not over by itself.
    pub(crate) fn cancel(&self) {
        if let (Some(sending), false) = (&self.sending, matches!(self.state, State::Ended)) {
            sending.abort();
        }
    }

    /// Reads the next chunk of the body.
    pub(crate) fn read(&mut self) {
        self.state = match (std::mem::replace(&mut self.state, State::Over), &self.sending) {
            (State::Open(None), _) => State::Bodiless,
            (State::Open(Some(body)), _) => {
                let next = self.bell.hang(|task, slot| body.chunks.read(task, slot));
                State::Reading(body, next)
            }
            (State::Whole, Some(sending)) => {
                State::ReadingWhole(self.bell.hang(|task, slot| sending.read_whole(task, slot)))
            }
            (busy, _) => busy,
        };
    }

    /// A branch of the rest of the body, for whoever wants it as it comes; this flight goes on with the other.
    pub(crate) fn branch(&mut self) -> Result<Option<ReadableStream>, JsValue> {
        let State::Open(Some(body)) = &self.state else { return Ok(None) };
        body.chunks.release();
        let branches = body.stream.tee();
        let (ours, theirs) = (branches.get(0).unchecked_into(), branches.get(1).unchecked_into());
        self.state = State::Open(Some(Body::of(ours, self.buffer)?));
        Ok(Some(theirs))
    }

    /// The rest of the body, for whoever takes it as it comes. This flight goes on when it is told how that ended.
    pub(crate) fn lend(&mut self) -> Option<ReadableStream> {
        let State::Open(Some(body)) = &self.state else { return None };
        body.chunks.release();
        let stream = body.stream.clone();
        self.state = State::Lent(stream.clone());
        Some(stream)
    }

    /// What was lent has come to its end; or, if it is `broken`, either it or what it went to: reading on will tell.
    pub(crate) fn take_back(&mut self, broken: bool) {
        let State::Lent(stream) = &self.state else { return };
        self.state = match Body::of(stream.clone(), self.buffer) {
            _ if !broken => State::Bodiless,
            Ok(body) => State::Open(Some(body)),
            Err(thrown) => State::Grounded(thrown),
        };
        self.read();
    }

    /// What has happened.
    pub(crate) fn poll(&mut self) -> Poll<News> {
        let ready = match &mut self.state {
            State::Sending(next) | State::Reading(_, next) | State::ReadingWhole(next) => {
                std::task::ready!(next.told())
            }
            State::Grounded(thrown) => Err(std::mem::take(thrown)),
            State::Bodiless => Ok(JsValue::UNDEFINED),
            State::Whole | State::Open(_) | State::Lent(_) | State::Ended | State::Over => return Poll::Pending,
        };
        let (news, state) = match (std::mem::replace(&mut self.state, State::Over), ready) {
            (_, Err(thrown)) => (News::Failed(lost(&thrown)), State::Over),
            (State::Sending(_), Ok(head)) => self.opened(&head.as_string().unwrap_or_default()),
            (State::ReadingWhole(_), Ok(bytes)) => (News::Bytes(host::bytes(&bytes)), State::Open(None)),
            (State::Reading(body, _), Ok(_)) => match body.chunks.take() {
                Some(bytes) => (News::Bytes(bytes), State::Open(Some(body))),
                None => (News::End, State::Ended),
            },
            _ => (News::End, State::Ended),
        };
        self.state = state;
        Poll::Ready(news)
    }

    fn opened(&self, head: &str) -> (News, State) {
        let mut lines = host::values(head);
        let status = lines.next().flatten().and_then(|status| status.parse().ok()).unwrap_or_default();
        let headers: Headers =
            READ_HEADERS.into_iter().zip(lines).filter_map(|(name, value)| Some((name, value?))).collect();
        let state = match &self.sending {
            Some(_) if (200..300).contains(&status) && !headers.is_event_stream() => Ok(State::Whole),
            Some(sending) => sending.body().map(|body| Body::of(body, self.buffer)).transpose().map(State::Open),
            None => Ok(State::Over),
        };
        match state {
            Ok(state) => (News::Head { status, headers }, state),
            Err(thrown) => (News::Failed(lost(&thrown)), State::Over),
        }
    }
}

impl Body {
    fn of(stream: ReadableStream, buffer: u32) -> Result<Self, JsValue> {
        let chunks = Chunks::new(&stream, buffer)?;
        Ok(Self { stream, chunks })
    }
}

fn send(request: &HttpRequest, bell: &Executor) -> Result<(Sending, Pending), JsValue> {
    let mut head = String::new();
    let own = request.headers.iter().map(|(name, value)| (*name, value));
    for (name, value) in own.chain(request.extra_headers.iter().map(|(name, value)| (name.as_str(), value))) {
        if value.contains('\n') {
            return Err(JsValue::from_str("a header cannot have two lines"));
        }
        for line in [name, "\n", value, "\n"] {
            head.push_str(line);
        }
    }
    let mut sending = Err(JsValue::UNDEFINED);
    let ring = bell.hang(|task, slot| sending = Sending::new(&request.url, &head, &request.body, task, slot));
    Ok((sending?, ring))
}

fn lost(thrown: &JsValue) -> Box<Failure> {
    Failure::new(Kind::Network, ["the connection to the upstream failed: ", &host::message(thrown)].concat())
}
