//! The body of a request, read no further and no longer than allowed.

use std::future::poll_fn;
use std::task::Poll;

use failsoft::Millis;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStreamDefaultReader, ReadableStreamReadResult, Request};

use crate::http::api_error::{ApiError, Code};
use crate::http::request_head::RequestHead;
use crate::platform::executor::{Pending, Settled, apart};
use crate::platform::host;
use crate::platform::timer::Timer;

/// How long a small body, which no configuration bounds, may take, in milliseconds.
const SOON: Millis = 10_000;

/// The whole body, if it has at most `limit` bytes and comes `within` so many milliseconds, told by `timer`.
pub(crate) async fn read(
    request: &Request,
    visit: &RequestHead,
    timer: &mut Timer,
    limit: usize,
    within: Millis,
) -> Result<Vec<u8>, ApiError> {
    let until = host::now() + within;
    match visit.length {
        Some(length) if length > limit => Err(too_large(limit)),
        // It has so many bytes: no more of them are let through.
        Some(_) => {
            let whole = visit.bell.hang(|task, slot| host::whole(request, task, slot));
            let bytes = in_time(&whole, timer, until).await.ok_or_else(|| too_slow(within))?.map_err(unreadable)?;
            Ok(host::bytes(&bytes))
        }
        None => apart(read_chunks(request, visit, timer, limit, until)).await?.ok_or_else(|| too_slow(within)),
    }
}

/// The same, of at most `limit` bytes that come soon.
pub(crate) async fn read_small(request: &Request, visit: &RequestHead, limit: usize) -> Result<Vec<u8>, ApiError> {
    read(request, visit, &mut Timer::new(&visit.bell), limit, SOON).await
}

/// The whole body, if it says nowhere how long it is. Nothing, if it takes too long, over all chunks: each of a body that
/// drips would come in time.
async fn read_chunks(
    request: &Request,
    visit: &RequestHead,
    timer: &mut Timer,
    limit: usize,
    until: Millis,
) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(body) = request.body() else { return Ok(Some(Vec::new())) };
    let reader = ReadableStreamDefaultReader::new(&body).map_err(unreadable)?;
    let mut bytes = Vec::new();
    loop {
        let Some(result) = in_time(&visit.bell.promise(&reader.read()), timer, until).await else {
            let _ = reader.cancel();
            return Ok(None);
        };
        let result: ReadableStreamReadResult = result.map_err(unreadable)?.unchecked_into();
        if result.get_done().unwrap_or(false) {
            return Ok(Some(bytes));
        }
        let chunk: Uint8Array = result.get_value().unchecked_into();
        if bytes.len() + chunk.length() as usize > limit {
            // Who goes on sending is not read any more.
            let _ = reader.cancel();
            return Err(too_large(limit));
        }
        let end = bytes.len();
        bytes.resize(end + chunk.length() as usize, 0);
        chunk.copy_to(&mut bytes[end..]);
    }
}

async fn in_time(ring: &Pending, timer: &mut Timer, until: Millis) -> Option<Settled> {
    poll_fn(|_| match ring.told() {
        Poll::Ready(settled) => Poll::Ready(Some(settled)),
        Poll::Pending => timer.reached(until).map(|()| None),
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
