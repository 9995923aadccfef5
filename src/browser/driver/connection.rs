//! One request: it is sent, its head arrives, and its body is read a chunk at a time.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal, Headers};

use super::Driver;
use super::held_bytes::HeldBytes;
use crate::browser::options::set;
use crate::browser::page::{call, property};
use crate::browser::promise::{settle, spawn};
use crate::http::{HEADERS_OF_ANSWERS, READ_HEADERS};
use crate::json::Json;
use crate::text::find;
use crate::{AttemptId, HttpRequest};

#[wasm_bindgen]
extern "C" {
    /// The web's own reader. Every chunk needs its methods; those of web-sys and js-sys also keep a promise that is of no use.
    #[derive(Debug)]
    #[wasm_bindgen(js_name = ReadableStreamDefaultReader)]
    type WebReader;

    #[wasm_bindgen(method)]
    fn read(this: &WebReader) -> PendingRead;

    type PendingRead;

    #[wasm_bindgen(method)]
    fn then(this: &PendingRead, on_chunk: &Function, on_error: &Function);
}

const TYPE: &str = "content-type";

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) attempt: AttemptId,
    /// The address of the request; empty for a response that the caller fetched.
    pub(super) url: String,
    controller: Option<AbortController>,
    body: Body,
    pub(super) held: HeldBytes,
}

#[derive(Debug)]
enum Body {
    /// No response yet.
    Awaited,
    Stream(Rc<Reader>),
    /// In one piece: some hosts, React Native's for one, cannot do better.
    Whole(JsValue),
    /// Nothing is left to read.
    Spent,
}

/// What a read reads from. It is no part of the connection, because the page's own stream may end the call meanwhile.
pub(super) struct Source(Body);

impl Source {
    /// Reads one chunk; [`Driver`] gets it.
    pub(super) fn read(self, driver: &Rc<Driver>, attempt: AttemptId) {
        match self.0 {
            Body::Stream(reader) => reader.read(driver, attempt),
            Body::Whole(response) => read_later(driver, attempt, Ok(response)),
            Body::Awaited | Body::Spent => read_later(driver, attempt, Err(())),
        }
    }
}

/// What the core reads of the head of a response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: crate::Headers,
}

/// What a read of a body brought.
#[derive(Debug)]
pub(super) enum Piece {
    /// The result of a reader, the web's own or another.
    Read {
        result: JsValue,
        is_native: bool,
    },
    /// The body in one piece.
    Whole(JsValue),
    End,
}

/// The reader of a body, with the two callbacks of its promises. They are made once, because every chunk needs them.
#[derive(Debug)]
struct Reader {
    reader: Readable,
    on_chunk: Closure<dyn FnMut(JsValue)>,
    on_error: Closure<dyn FnMut(JsValue)>,
    /// What a pending read keeps alive: a callback must not be called once it is dropped.
    pending: RefCell<Option<(Rc<Reader>, Rc<Driver>)>>,
}

/// The web's own readers cannot throw, and their results are plain: no import has to catch, which would cost more than all
/// else that a chunk needs.
#[derive(Debug)]
enum Readable {
    Native(WebReader),
    Foreign(JsValue),
}

impl Connection {
    /// A request that is sent now. The promise gives its response.
    pub(super) fn send(fetch: &Function, attempt: AttemptId, request: HttpRequest) -> (Self, Result<JsValue, JsValue>) {
        let controller = AbortController::new().ok();
        let signal = controller.as_ref().map(AbortController::signal);
        let answer = request_init(&request, signal.as_ref())
            .and_then(|init| fetch.call2(&JsValue::UNDEFINED, &JsValue::from_str(&request.url), &init));
        (Self { attempt, url: request.url, controller, body: Body::Awaited, held: HeldBytes::default() }, answer)
    }

    /// The connection of a response that the caller fetched.
    pub(super) fn of_given(attempt: AttemptId) -> Self {
        Self { attempt, url: String::new(), controller: None, body: Body::Awaited, held: HeldBytes::default() }
    }

    /// Takes the response. One that the caller fetched (`is_given`) may also be a bare stream.
    ///
    /// # Errors
    /// What the body throws if it has a reader already.
    pub(super) fn open(&mut self, response: JsValue, is_given: bool) -> Result<Head, JsValue> {
        let is_stream = property(&response, "getReader").is_function();
        let body = if is_stream { response.clone() } else { property(&response, "body") };
        let head = Head::of(&response, is_stream, is_given);
        self.held.reserve();
        self.body = if body.is_undefined() || body.is_null() {
            Body::Whole(response)
        } else {
            let reader = call(&body, "getReader", &JsValue::UNDEFINED)?;
            Body::Stream(Reader::new(self.attempt, reader))
        };
        Ok(head)
    }

    /// Takes a piece of the body. True if it is the end.
    ///
    /// # Errors
    /// What a chunk throws that is no bytes.
    pub(super) fn take(&mut self, piece: Piece) -> Result<bool, JsValue> {
        match piece {
            Piece::Read { result, is_native } => {
                if is_native && self.held.push_result(&result) {
                    return Ok(false);
                }
                let is_end = property(&result, "done").is_truthy();
                if !is_end {
                    self.held.push(&property(&result, "value"))?;
                }
                Ok(is_end)
            }
            Piece::Whole(text) => self.held.push(&text).map(|()| false),
            Piece::End => Ok(true),
        }
    }

    /// What the next read reads from.
    pub(super) fn source(&mut self) -> Source {
        match std::mem::replace(&mut self.body, Body::Spent) {
            Body::Stream(reader) => {
                self.body = Body::Stream(Rc::clone(&reader));
                Source(Body::Stream(reader))
            }
            body => Source(body),
        }
    }

    /// Ends the request. A `fetch` of the caller's own may not heed the signal, therefore the body is cancelled, too.
    pub(super) fn close(self) {
        self.cancel();
    }

    /// [`Connection::close`], for a connection whose failure is still to be reported.
    pub(super) fn cancel(&self) {
        if let Some(controller) = &self.controller {
            controller.abort();
        }
        if let Body::Stream(reader) = &self.body {
            reader.cancel();
        }
    }
}

/// The second argument of `fetch` for `request`.
pub(in crate::browser) fn request_init(request: &HttpRequest, signal: Option<&AbortSignal>) -> Result<Object, JsValue> {
    let headers = Object::new();
    for (name, value) in &request.headers {
        set(&headers, name, &value.into());
    }
    for (name, value) in &request.extra_headers {
        set(&headers, name, &value.into());
    }
    let init = Object::new();
    set(&init, "method", &"POST".into());
    let headers = Headers::new_with_record_from_str_to_str(&headers)?;
    set(&init, "headers", &headers);
    set(&init, "body", &JsValue::from_str(&request.body));
    if let Some(signal) = signal {
        set(&init, "signal", signal);
    }
    Ok(init)
}

impl Head {
    fn of(response: &JsValue, is_stream: bool, is_given: bool) -> Self {
        let mut headers: Vec<(&str, String)> = Vec::new();
        let mut status = 200;
        if !is_stream {
            let given = property(response, "status");
            let number = given.as_f64().map(|number| number as u16);
            let text = given.as_string().unwrap_or_default();
            status = number.or(Json::or_null(&text).whole().map(|number| number as u16)).unwrap_or(200);
            let seen = property(response, "headers");
            let value = |name: &str| call(&seen, "get", &name.into()).ok()?.as_string();
            let count = if status < 400 { HEADERS_OF_ANSWERS } else { READ_HEADERS.len() };
            headers.extend(READ_HEADERS[..count].iter().filter_map(|name| Some((*name, value(name)?))));
        }
        // A response that was made by hand has no type or a wrong one. Only JSON is believed.
        if is_given
            && status < 400
            && !headers.iter().any(|(name, value)| *name == TYPE && find(value, "json").is_some())
        {
            headers.retain(|(name, _)| *name != TYPE);
            headers.push((TYPE, "text/event-stream".into()));
        }
        Self { status, headers: headers.into_iter().collect() }
    }
}

impl Reader {
    fn new(attempt: AttemptId, reader: JsValue) -> Rc<Self> {
        let reader = match reader.dyn_into::<WebReader>() {
            Ok(native) => Readable::Native(native),
            Err(foreign) => Readable::Foreign(foreign),
        };
        Rc::new_cyclic(|this: &Weak<Self>| {
            let (at_chunk, at_error) = (this.clone(), this.clone());
            Self {
                reader,
                on_chunk: Closure::new(move |result| {
                    if let Some((reader, driver)) = take_pending(&at_chunk) {
                        let is_native = matches!(reader.reader, Readable::Native(_));
                        driver.take_piece(attempt, Ok(Piece::Read { result, is_native }));
                    }
                }),
                on_error: Closure::new(move |thrown| {
                    if let Some((_reader, driver)) = take_pending(&at_error) {
                        driver.take_piece(attempt, Err(thrown));
                    }
                }),
                pending: RefCell::default(),
            }
        })
    }

    fn read(self: &Rc<Self>, driver: &Rc<Driver>, attempt: AttemptId) {
        let result = match &self.reader {
            Readable::Native(reader) => Ok(reader.read()),
            Readable::Foreign(reader) => {
                call(reader, "read", &JsValue::UNDEFINED).map(|result| Promise::resolve(&result).unchecked_into())
            }
        };
        match result {
            Ok(result) => {
                self.pending.replace(Some((Rc::clone(self), Rc::clone(driver))));
                result.then(self.on_chunk.as_ref().unchecked_ref(), self.on_error.as_ref().unchecked_ref());
            }
            Err(thrown) => {
                let driver = Rc::clone(driver);
                spawn(async move { driver.take_piece(attempt, Err(thrown)) });
            }
        }
    }

    fn cancel(&self) {
        cancel(match &self.reader {
            Readable::Native(reader) => reader,
            Readable::Foreign(reader) => reader,
        });
    }
}

fn take_pending(reader: &Weak<Reader>) -> Option<(Rc<Reader>, Rc<Driver>)> {
    reader.upgrade()?.pending.take()
}

/// Reads a body in one piece; without a body, the end comes later, as from any other.
fn read_later(driver: &Rc<Driver>, attempt: AttemptId, response: Result<JsValue, ()>) {
    let driver = Rc::clone(driver);
    spawn(async move {
        let piece = match response {
            Ok(response) => settle(call(&response, "text", &JsValue::UNDEFINED)).await.map(Piece::Whole),
            Err(()) => Ok(Piece::End),
        };
        driver.take_piece(attempt, piece);
    });
}

/// Ends a body that nobody wants.
pub(super) fn cancel_body(response: &JsValue) {
    let is_stream = property(response, "getReader").is_function();
    let body = if is_stream { response.clone() } else { property(response, "body") };
    if property(&body, "cancel").is_function() {
        cancel(&body);
    }
}

/// Cancels a stream or the reader of one; both have this method. How that ends is of no interest.
fn cancel(stream: &JsValue) {
    let ended = call(stream, "cancel", &JsValue::UNDEFINED);
    spawn(async move {
        let _ = settle(ended).await;
    });
}
