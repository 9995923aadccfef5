//! `ChatError`, the one error that the package throws. The class itself is JavaScript, because Rust cannot extend `Error`.

use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::values::to_js;
use crate::failure::{Failure, Kind};
use crate::invalid::Invalid;
use crate::json::Object;

#[wasm_bindgen(raw_module = "./error.js")]
extern "C" {
    type ChatError;

    /// `fields` become the error's own; `cause` is left out where it is `undefined`.
    #[wasm_bindgen(constructor)]
    fn new(fields: &JsValue, cause: &JsValue) -> ChatError;
}

/// The fields of a `ChatError`, as `index.d.ts` declares them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    kind: &'static str,
    message: &'a str,
    status: Option<u16>,
    code: Option<&'a str>,
    retry_after: Option<f64>,
    provider: Option<&'a str>,
    partial: Option<&'a str>,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    failsoft: JsValue,
}

/// The `ChatError` of `failure`. `report` is the report as an object, `partial` the text that came before a stream broke.
pub(super) fn chat_error(failure: &Failure, report: JsValue, partial: Option<&str>, cause: &JsValue) -> JsValue {
    let fields = Fields {
        kind: failure.kind.name(),
        message: &failure.message,
        status: failure.status,
        code: failure.code.as_deref(),
        retry_after: failure.retry_after.map(|wait| wait as f64),
        provider: failure.provider.as_deref(),
        partial,
        failsoft: report,
    };
    ChatError::new(&to_js(&fields), cause).into()
}

/// A wrong option, or a wrong use of an object, as a failure.
pub(super) fn misuse(message: impl Into<String>) -> Box<Failure> {
    Failure::new(Kind::InvalidRequest, message)
}

impl From<Box<Invalid>> for Box<Failure> {
    fn from(invalid: Box<Invalid>) -> Self {
        misuse(invalid.sentence())
    }
}

/// The error of a call that never began.
pub(super) fn throw(failure: &Failure) -> JsValue {
    chat_error(failure, JsValue::UNDEFINED, None, &JsValue::UNDEFINED)
}

/// The JSON text of OpenAI's error envelope.
pub(super) fn envelope(failure: &Failure) -> String {
    let mut json = Object::default();
    json.raw("error", &failure.to_openai());
    json.end()
}
