//! One request to an upstream: it is sent, its head comes, its body is read by the chunk, its connection is closed.

use std::sync::Arc;
use std::task::Poll;

use failsoft::http::READ_HEADERS;
use failsoft::{AttemptId, Failure, Headers, HttpRequest, Kind, Upstream};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

use crate::call::disclosure::DISCLOSURE;
use crate::platform::executor::{Executor, Pending};
use crate::platform::host::{self, ChunkReader, UpstreamFetch};

/// The most bytes of one read. Without a buffer of its own, a reader would get 4 KiB.
const BUFFER: u32 = 32 * 1024;

/// The most bytes of one read, where only the beginning of the body is read.
const SMALL_BUFFER: u32 = 4 * 1024;

/// The most bytes of an answer in one piece. It is in memory several times while it is checked and passed on.
const LARGEST_WHOLE: u32 = 16 * 1024 * 1024;

/// The most bytes of a stream. A long answer with reasoning has about 40 MB of events.
const LARGEST_STREAM: usize = 64 * 1024 * 1024;

/// What happened to a request.
#[derive(Debug)]
pub(crate) enum Event {
    Head {
        status: u16,
        headers: Headers,
    },
    Bytes(Vec<u8>),
    End,
    Failed(Box<Failure>),
    /// The request never reached the upstream.
    Unsent(Box<Failure>),
}

#[derive(Debug)]
pub(crate) struct UpstreamRequest {
    pub(crate) attempt: AttemptId,
    executor: Executor,
    upstreams: Arc<Vec<Upstream>>,
    buffer: u32,
    /// `None` if the request could not be sent.
    fetch: Option<UpstreamFetch>,
    state: State,
    /// How many bytes of the body were read.
    length: usize,
    /// The answer is a list of vectors.
    for_embeddings: bool,
}

#[derive(Debug)]
enum State {
    /// The request could not be sent.
    Unsent(JsValue),
    /// The body could not be read on.
    Broken(JsValue),
    Sent(Pending),
    /// The head of an answer in one piece has come. The body will be read as a whole: chunks would cost more.
    Whole,
    ReadingWhole(Pending),
    /// The head has come, and perhaps a part of the body. `None` is a response without a body.
    Open(Option<Body>),
    Reading(Body, Pending),
    /// The rest of the body goes to the client.
    Lent(ReadableStream),
    /// The call wants to read, but nothing of the body is left.
    NothingLeft,
    /// The body has ended.
    Ended,
    /// The request failed, or the state changes right now.
    Over,
}

#[derive(Debug)]
struct Body {
    stream: ReadableStream,
    chunks: ChunkReader,
}

impl UpstreamRequest {
    /// Starts `request`. `reads_rest` says whether the whole body will be read here, or only its beginning.
    pub(crate) fn start(
        executor: &Executor,
        attempt: AttemptId,
        request: &HttpRequest,
        reads_rest: bool,
        upstreams: &Arc<Vec<Upstream>>,
        for_embeddings: bool,
    ) -> Self {
        let (fetch, state) = match send(request, executor) {
            Ok((fetch, pending)) => (Some(fetch), State::Sent(pending)),
            Err(thrown) => (None, State::Unsent(thrown)),
        };
        let buffer = if reads_rest { BUFFER } else { SMALL_BUFFER };
        let (executor, upstreams) = (executor.clone(), Arc::clone(upstreams));
        Self { attempt, executor, upstreams, buffer, fetch, state, length: 0, for_embeddings }
    }

    /// Whether the head of the response has not come.
    pub(crate) fn awaits_head(&self) -> bool {
        matches!(self.state, State::Sent(_))
    }

    /// Closes the connection, unless the body has ended.
    pub(crate) fn cancel(&self) {
        if let (Some(fetch), false) = (&self.fetch, matches!(self.state, State::Ended)) {
            fetch.abort();
        }
    }

    /// Starts to read the next chunk of the body.
    pub(crate) fn read(&mut self) {
        self.state = match (std::mem::replace(&mut self.state, State::Over), &self.fetch) {
            (State::Open(None), _) => State::NothingLeft,
            (State::Open(Some(body)), _) => {
                let next = self.executor.wait_for(|task, slot| body.chunks.read(task, slot));
                State::Reading(body, next)
            }
            (State::Whole, Some(fetch)) => State::ReadingWhole(
                self.executor.wait_for(|task, slot| fetch.read_body_whole(LARGEST_WHOLE, task, slot)),
            ),
            (other, _) => other,
        };
    }

    /// Splits the rest of the body. Returns one branch for the client; this request reads the other.
    pub(crate) fn branch(&mut self) -> Result<Option<ReadableStream>, JsValue> {
        let State::Open(Some(body)) = &self.state else { return Ok(None) };
        body.chunks.release();
        let branches = body.stream.tee();
        let (ours, theirs) = (branches.get(0).unchecked_into(), branches.get(1).unchecked_into());
        self.state = State::Open(Some(Body::new(ours, self.buffer)?));
        Ok(Some(theirs))
    }

    /// Returns the rest of the body for the client. This request goes on when [`UpstreamRequest::take_back`] says how the
    /// body ended.
    pub(crate) fn lend(&mut self) -> Option<ReadableStream> {
        let State::Open(Some(body)) = &self.state else { return None };
        body.chunks.release();
        let stream = body.stream.clone();
        self.state = State::Lent(stream.clone());
        Some(stream)
    }

    /// Takes a lent body back. If it `is_broken`, either the body or the client's end failed: reading on tells which.
    pub(crate) fn take_back(&mut self, is_broken: bool) {
        let State::Lent(stream) = &self.state else { return };
        self.state = match Body::new(stream.clone(), self.buffer) {
            _ if !is_broken => State::NothingLeft,
            Ok(body) => State::Open(Some(body)),
            Err(thrown) => State::Broken(thrown),
        };
        self.read();
    }

    /// The next event.
    pub(crate) fn poll(&mut self) -> Poll<Event> {
        let result = match &mut self.state {
            State::Sent(next) | State::Reading(_, next) | State::ReadingWhole(next) => {
                std::task::ready!(next.poll_result())
            }
            State::Unsent(thrown) => {
                let failure = connection_failure(thrown);
                self.state = State::Over;
                return Poll::Ready(Event::Unsent(failure));
            }
            State::Broken(thrown) => Err(std::mem::take(thrown)),
            State::NothingLeft => Ok(JsValue::UNDEFINED),
            State::Whole | State::Open(_) | State::Lent(_) | State::Ended | State::Over => return Poll::Pending,
        };
        let (event, state) = match (std::mem::replace(&mut self.state, State::Over), result) {
            (State::Sent(_), Err(thrown)) if is_refused(&thrown) => {
                (Event::Unsent(connection_failure(&thrown)), State::Over)
            }
            (_, Err(thrown)) => (Event::Failed(connection_failure(&thrown)), State::Over),
            (State::Sent(_), Ok(head)) => self.open(&head.as_string().unwrap_or_default()),
            (State::ReadingWhole(_), Ok(bytes)) if bytes.is_undefined() && self.for_embeddings => {
                (too_many_vectors(), State::Over)
            }
            (State::ReadingWhole(_), Ok(bytes)) if bytes.is_undefined() => (too_large(LARGEST_WHOLE), State::Over),
            (State::ReadingWhole(_), Ok(bytes)) => (Event::Bytes(host::to_bytes(&bytes)), State::Open(None)),
            (State::Reading(body, _), Ok(_)) => self.take_chunk(body),
            _ => (Event::End, State::Ended),
        };
        self.state = state;
        Poll::Ready(event)
    }

    fn take_chunk(&mut self, body: Body) -> (Event, State) {
        let Some(bytes) = body.chunks.take() else { return (Event::End, State::Ended) };
        self.length += bytes.len();
        if self.length > LARGEST_STREAM {
            return (too_large(LARGEST_STREAM as u32), State::Over);
        }
        (Event::Bytes(bytes), State::Open(Some(body)))
    }

    /// Reads the head: the status, then the values of [`READ_HEADERS`], a line each. They contain no piece of a secret: the id of
    /// a generation is stored.
    fn open(&self, head: &str) -> (Event, State) {
        let shown = (DISCLOSURE.field)(head, &self.upstreams);
        let mut lines = host::values(shown.as_deref().unwrap_or(head));
        let status = lines.next().flatten().and_then(|status| status.parse().ok()).unwrap_or_default();
        let headers: Headers =
            READ_HEADERS.into_iter().zip(lines).filter_map(|(name, value)| Some((name, value?))).collect();
        let state = match &self.fetch {
            Some(_) if (200..300).contains(&status) && !headers.is_event_stream() => Ok(State::Whole),
            Some(fetch) => fetch.body().map(|body| Body::new(body, self.buffer)).transpose().map(State::Open),
            None => Ok(State::Over),
        };
        match state {
            Ok(state) => (Event::Head { status, headers }, state),
            Err(thrown) => (Event::Failed(connection_failure(&thrown)), State::Over),
        }
    }
}

impl Body {
    fn new(stream: ReadableStream, buffer: u32) -> Result<Self, JsValue> {
        let chunks = ChunkReader::new(&stream, buffer)?;
        Ok(Self { stream, chunks })
    }
}

fn send(request: &HttpRequest, executor: &Executor) -> Result<(UpstreamFetch, Pending), JsValue> {
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
    let mut fetch = Err(JsValue::UNDEFINED);
    let pending =
        executor.wait_for(|task, slot| fetch = UpstreamFetch::new(&request.url, &head, &request.body, task, slot));
    Ok((fetch?, pending))
}

fn too_large(limit: u32) -> Event {
    Event::Failed(Failure::new(Kind::BadResponse, format!("the answer is larger than {limit} bytes")))
}

/// No other upstream has smaller vectors of the same model.
fn too_many_vectors() -> Event {
    let message =
        format!("the vectors are larger than {LARGEST_WHOLE} bytes together; send fewer inputs in one request");
    Event::Failed(Failure::new(Kind::InvalidRequest, message))
}

/// Nothing listens at the upstream's address: see `isRefused` in glue.js.
fn is_refused(thrown: &JsValue) -> bool {
    js_sys::Reflect::get(thrown, &"refused".into()).is_ok_and(|refused| refused.is_truthy())
}

fn connection_failure(thrown: &JsValue) -> Box<Failure> {
    Failure::new(Kind::Network, ["the connection to the upstream failed: ", &host::message(thrown)].concat())
}
