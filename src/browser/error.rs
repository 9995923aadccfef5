//! `ChatError`, the one error that the package throws. The class itself is JavaScript, because Rust cannot extend `Error`.

use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::values::Field::{Number, Text, Value};
use super::values::object;
use crate::failure::Failure;
use crate::json::Object;
use crate::shape::Shape;

#[wasm_bindgen(raw_module = "./error.js")]
extern "C" {
    /// An error whose stack names the caller of the package, because JavaScript makes it when a function is called.
    #[derive(Clone, Debug)]
    pub type ChatError;

    #[wasm_bindgen(constructor)]
    fn new() -> ChatError;

    /// Sets the fields of the error; `cause` is left out where it is `undefined`.
    #[wasm_bindgen(method)]
    fn fill(this: &ChatError, fields: &JsValue, cause: &JsValue) -> JsValue;
}

/// Fills `caller`, or an error without a caller, with `failure`, as `error.d.ts` declares the fields. `report` is the report as an object, `partial` the text that came before a stream broke.
pub(super) fn chat_error(
    caller: Option<ChatError>,
    failure: &Failure,
    report: JsValue,
    partial: Option<&str>,
    cause: &JsValue,
) -> JsValue {
    let fields = [
        ("kind", Text(Some(failure.kind.name()))),
        ("message", Text(Some(&failure.message))),
        ("status", Number(failure.status.map(f64::from))),
        ("code", Text(failure.code.as_deref())),
        ("retryAfter", Number(failure.retry_after.map(|wait| wait as f64))),
        ("provider", Text(failure.provider.as_deref())),
        ("partial", Text(partial)),
        ("failsoft", Value(report)),
    ];
    caller.unwrap_or_else(ChatError::new).fill(&object(&fields), cause)
}

/// The error of a call that never began.
pub(super) fn throw(caller: Option<ChatError>, failure: &Failure) -> JsValue {
    chat_error(caller, failure, JsValue::UNDEFINED, None, &JsValue::UNDEFINED)
}

/// The JSON text of an error envelope.
pub(super) fn envelope(failure: &Failure, shape: Shape) -> String {
    let mut json = Object::default();
    json.raw("error", &shape.error(failure)).end()
}
