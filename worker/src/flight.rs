//! One request to the upstream: sent, its head awaited, its body read a chunk at a time, closed when nobody wants it.

use std::pin::Pin;
use std::task::{Context, Poll};

use failsoft::http::READ_HEADERS;
use failsoft::{AttemptId, Failure, Headers, HttpRequest, Kind};
use js_sys::futures::JsFuture;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortController, ReadableStream, ReadableStreamByobReader, ReadableStreamReadResult, RequestInit, RequestRedirect,
    Response,
};

use crate::host;

/// How much one read can take, in bytes. A reader without a buffer of its own is given 4 KiB at most.
const BUFFER: u32 = 32 * 1024;

/// What a flight has to tell.
#[derive(Debug)]
pub(crate) enum News {
    Head { status: u16, headers: Headers },
    Bytes(Vec<u8>),
    End,
    Failed(Box<Failure>),
}

#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) attempt: AttemptId,
    abort: AbortController,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It could not even be sent, or not be read on.
    Grounded(JsValue),
    Sending(JsFuture),
    /// The head has come.
    Open(Option<Body>),
    Reading(Body, JsFuture),
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
    reader: ReadableStreamByobReader,
    /// Goes along with each read, and comes back filled.
    buffer: ArrayBuffer,
}

impl Flight {
    /// Sends `request`.
    pub(crate) fn take_off(attempt: AttemptId, request: &HttpRequest) -> Result<Self, JsValue> {
        let abort = AbortController::new()?;
        let state = match send(request, &abort) {
            Ok(sending) => State::Sending(sending),
            Err(thrown) => State::Grounded(thrown),
        };
        Ok(Self { attempt, abort, state })
    }

    /// It was never sent.
    pub(crate) fn is_grounded(&self) -> bool {
        matches!(self.state, State::Grounded(_))
    }

    /// Closes the connection, if it is not over by itself.
    pub(crate) fn cancel(&self) {
        if !matches!(self.state, State::Ended) {
            self.abort.abort();
        }
    }

    /// Reads the next chunk of the body.
    pub(crate) fn read(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Open(None) => State::Bodiless,
            State::Open(Some(body)) => {
                let next = body.reader.read_with_array_buffer_view(&Uint8Array::new(&body.buffer));
                State::Reading(body, next.into())
            }
            busy => busy,
        };
    }

    /// A branch of the rest of the body, for whoever wants it as it comes; this flight goes on with the other.
    pub(crate) fn branch(&mut self) -> Result<Option<ReadableStream>, JsValue> {
        let State::Open(Some(body)) = &self.state else { return Ok(None) };
        body.reader.release_lock();
        let branches = body.stream.tee();
        let (ours, theirs) = (branches.get(0).unchecked_into(), branches.get(1).unchecked_into());
        self.state = State::Open(Some(Body::of(ours)?));
        Ok(Some(theirs))
    }

    /// The rest of the body, for whoever takes it as it comes. This flight goes on when it is told how that ended.
    pub(crate) fn lend(&mut self) -> Option<ReadableStream> {
        let State::Open(Some(body)) = &self.state else { return None };
        body.reader.release_lock();
        let stream = body.stream.clone();
        self.state = State::Lent(stream.clone());
        Some(stream)
    }

    /// What was lent has come to its end; or, if it is `broken`, either it or what it went to: reading on will tell.
    pub(crate) fn take_back(&mut self, broken: bool) {
        let State::Lent(stream) = &self.state else { return };
        self.state = match Body::of(stream.clone()) {
            _ if !broken => State::Bodiless,
            Ok(body) => State::Open(Some(body)),
            Err(thrown) => State::Grounded(thrown),
        };
        self.read();
    }

    /// What has happened.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<News> {
        let ready = match &mut self.state {
            State::Sending(next) | State::Reading(_, next) => std::task::ready!(Pin::new(next).poll(context)),
            State::Grounded(thrown) => Err(std::mem::take(thrown)),
            State::Bodiless => Ok(JsValue::UNDEFINED),
            State::Open(_) | State::Lent(_) | State::Ended | State::Over => return Poll::Pending,
        };
        let (news, state) = match (std::mem::replace(&mut self.state, State::Over), ready) {
            (_, Err(thrown)) => (News::Failed(lost(&thrown)), State::Over),
            (State::Sending(_), Ok(response)) => opened(response.unchecked_into()),
            (State::Reading(body, _), Ok(result)) => taken(body, &result.unchecked_into()),
            (
                State::Grounded(_) | State::Bodiless | State::Open(_) | State::Lent(_) | State::Ended | State::Over,
                Ok(_),
            ) => (News::End, State::Ended),
        };
        self.state = state;
        Poll::Ready(news)
    }
}

impl Body {
    fn of(stream: ReadableStream) -> Result<Self, JsValue> {
        let reader = ReadableStreamByobReader::new(&stream)?;
        Ok(Self { stream, reader, buffer: ArrayBuffer::new(BUFFER) })
    }
}

fn send(request: &HttpRequest, abort: &AbortController) -> Result<JsFuture, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    for (name, value) in &request.extra_headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(&request.body));
    init.set_signal(Some(&abort.signal()));
    // A redirect would take the key to whomever it names.
    init.set_redirect(RequestRedirect::Manual);
    Ok(host::fetch(&request.url, &init)?.into())
}

fn opened(response: Response) -> (News, State) {
    let headers = response.headers();
    let value = |name: &'static str| Some((name, headers.get(name).ok().flatten()?));
    let head = News::Head { status: response.status(), headers: READ_HEADERS.into_iter().filter_map(value).collect() };
    match response.body().map(Body::of).transpose() {
        Ok(body) => (head, State::Open(body)),
        Err(thrown) => (News::Failed(lost(&thrown)), State::Over),
    }
}

fn taken(body: Body, result: &ReadableStreamReadResult) -> (News, State) {
    if result.get_done().unwrap_or(false) {
        return (News::End, State::Ended);
    }
    let bytes: Uint8Array = result.get_value().unchecked_into();
    (News::Bytes(bytes.to_vec()), State::Open(Some(Body { buffer: bytes.buffer(), ..body })))
}

fn lost(thrown: &JsValue) -> Box<Failure> {
    Failure::new(Kind::Network, ["the connection to the upstream failed: ", &host::message(thrown)].concat())
}
