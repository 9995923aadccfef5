//! The body of a request, read no further and no longer than allowed.

use std::pin::pin;
use std::time::Duration;

use failsoft::{Kind, Millis};
use futures_util::future::{Either, select};
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::JsCast;
use web_sys::{ReadableStreamDefaultReader, ReadableStreamReadResult, Request};
use worker::Delay;

use crate::refusal::Refusal;

/// The whole body, if it has at most `limit` bytes and comes `within` so many milliseconds.
pub(crate) async fn read(request: &Request, limit: usize, within: Millis) -> Result<Vec<u8>, Refusal> {
    let announced = request.headers().get("content-length").ok().flatten().and_then(|length| length.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large(limit));
    }
    let Some(body) = request.body() else { return Ok(Vec::new()) };
    let unreadable = |_| Refusal::invalid("unreadable_body", "the body could not be read to its end");
    let reader = ReadableStreamDefaultReader::new(&body).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // Over all chunks: each of a body that drips would come in time.
    let mut time = pin!(Delay::from(Duration::from_millis(within)));
    loop {
        let result = match select(JsFuture::from(reader.read()), time.as_mut()).await {
            Either::Left((read, _)) => read.map_err(unreadable)?,
            Either::Right(_) => {
                let _ = reader.cancel();
                return Err(too_slow(within));
            }
        };
        let result: ReadableStreamReadResult = result.unchecked_into();
        if result.get_done().unwrap_or(false) {
            return Ok(bytes);
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

fn too_slow(within: Millis) -> Refusal {
    let message = format!("the body was not all there after {within} ms");
    Refusal::new(Kind::Timeout, "request_timeout", message).with_status(408)
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("the body is larger than the {limit} bytes that this edge takes");
    Refusal::new(Kind::InvalidRequest, "request_too_large", message).with_status(413)
}
