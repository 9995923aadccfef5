//! Asking others, within bounds of time and size: an issuer for its keys, Turnstile for its verdict.

use core::fmt;

use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortSignal, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, RequestRedirect, Response,
};

use crate::platform::host;

/// Until the whole answer is there, in milliseconds.
pub(crate) const TIMEOUT: u32 = 5_000;

/// Bytes of an answer. A JWKS has some thousands.
const LARGEST: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Not in time, or not at all.
    Unreachable,
    /// Another status than 2xx; redirects are not followed.
    Status(u16),
    TooLarge,
    NotText,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => write!(f, "no answer within {TIMEOUT} ms"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => write!(f, "more than {LARGEST} bytes"),
            Self::NotText => f.write_str("no UTF-8"),
        }
    }
}

impl From<JsValue> for Fault {
    fn from(_: JsValue) -> Self {
        Self::Unreachable
    }
}

/// The text at `url`.
pub(crate) async fn text(url: &str, init: &RequestInit) -> Result<String, Fault> {
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    init.set_redirect(RequestRedirect::Manual);
    let response: Response = JsFuture::from(host::fetch(url, init)?).await?.unchecked_into();
    let body = response.body();
    if !response.ok() {
        if let Some(body) = body {
            let _ = JsFuture::from(body.cancel()).await;
        }
        return Err(Fault::Status(response.status()));
    }
    let Some(body) = body else { return Ok(String::new()) };
    let reader = ReadableStreamDefaultReader::new(&body)?;
    let mut bytes = Vec::new();
    loop {
        let result: ReadableStreamReadResult = JsFuture::from(reader.read()).await?.unchecked_into();
        if result.get_done().unwrap_or(false) {
            return String::from_utf8(bytes).map_err(|_| Fault::NotText);
        }
        let chunk: Uint8Array = result.get_value().unchecked_into();
        if bytes.len() + chunk.length() as usize > LARGEST {
            let _ = JsFuture::from(reader.cancel()).await;
            return Err(Fault::TooLarge);
        }
        bytes.extend(chunk.to_vec());
    }
}
