//! Reads the body of a request, within limits of size and time.

use std::future::poll_fn;
use std::task::Poll;

use failsoft::Millis;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStreamDefaultReader, ReadableStreamReadResult, Request};

use crate::config::Limits;
use crate::http::api_error::{ApiError, Code};
use crate::http::request_head::RequestHead;
use crate::platform::executor::{Pending, Settled, boxed};
use crate::platform::host;
use crate::platform::timer::Timer;

/// The time limit of a small body, which the configuration does not limit, in milliseconds.
const SMALL_BODY_WITHIN: Millis = 10_000;

/// Reads the whole body of a call, within the limits of the configuration.
pub(crate) async fn read(
    request: &Request,
    head: &RequestHead,
    timer: &mut Timer,
    limits: &Limits,
) -> Result<Vec<u8>, ApiError> {
    let body = read_within(request, head, timer, limits.body_bytes, limits.body_within).await;
    body.map_err(|mut error| {
        match error.code {
            Code::RequestTooLarge => error.message += " (`limits.bodyBytes`)",
            Code::RequestTimeout => error.message += " (`limits.bodyWithin`)",
            _ => {}
        }
        error
    })
}

/// Reads the whole body, of at most `limit` bytes, `within` a number of milliseconds.
async fn read_within(
    request: &Request,
    head: &RequestHead,
    timer: &mut Timer,
    limit: usize,
    within: Millis,
) -> Result<Vec<u8>, ApiError> {
    let until = host::now() + within;
    match head.length {
        Some(length) if length > limit => Err(too_large(limit)),
        // The platform lets no more bytes through than the length says.
        Some(_) => {
            let whole = head.executor.wait_for(|task, slot| host::read_body(request, task, slot));
            let bytes = in_time(&whole, timer, until).await.ok_or_else(|| too_slow(within))?.map_err(unreadable)?;
            Ok(host::to_bytes(&bytes))
        }
        None => boxed(read_chunks(request, head, timer, limit, until)).await?.ok_or_else(|| too_slow(within)),
    }
}

/// Reads a small body, of at most `limit` bytes.
pub(crate) async fn read_small(request: &Request, head: &RequestHead, limit: usize) -> Result<Vec<u8>, ApiError> {
    read_within(request, head, &mut Timer::new(&head.executor), limit, SMALL_BODY_WITHIN).await
}

/// Reads a body of unknown length. Returns `None` after the time limit, which is for the whole body: each chunk of a body
/// that drips would come in time.
async fn read_chunks(
    request: &Request,
    head: &RequestHead,
    timer: &mut Timer,
    limit: usize,
    until: Millis,
) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(body) = request.body() else { return Ok(Some(Vec::new())) };
    let reader = ReadableStreamDefaultReader::new(&body).map_err(unreadable)?;
    let mut bytes = Vec::new();
    loop {
        let Some(result) = in_time(&head.executor.wait_for_promise(&reader.read()), timer, until).await else {
            let _ = reader.cancel();
            return Ok(None);
        };
        let result: ReadableStreamReadResult = result.map_err(unreadable)?.unchecked_into();
        if result.get_done().unwrap_or(false) {
            return Ok(Some(bytes));
        }
        let chunk: Uint8Array = result.get_value().unchecked_into();
        if bytes.len() + chunk.length() as usize > limit {
            // The client may go on sending: nobody reads that.
            let _ = reader.cancel();
            return Err(too_large(limit));
        }
        let end = bytes.len();
        bytes.resize(end + chunk.length() as usize, 0);
        chunk.copy_to(&mut bytes[end..]);
    }
}

/// The result of `pending`, if it comes before `until`.
async fn in_time(pending: &Pending, timer: &mut Timer, until: Millis) -> Option<Settled> {
    poll_fn(|_| match pending.poll_result() {
        Poll::Ready(settled) => Poll::Ready(Some(settled)),
        Poll::Pending => timer.poll_until(until).map(|()| None),
    })
    .await
}

fn unreadable(_: JsValue) -> ApiError {
    ApiError::new(Code::UnreadableBody, "the body could not be read to its end")
}

fn too_slow(within: Millis) -> ApiError {
    let message = format!("the body was not all there after {within} ms");
    ApiError::new(Code::RequestTimeout, message)
}

fn too_large(limit: usize) -> ApiError {
    let message = format!("the body is larger than the {limit} bytes that this edge takes");
    ApiError::new(Code::RequestTooLarge, message)
}
