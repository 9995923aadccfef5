//! The callbacks `onAttempt` and `onFallback`, and the warning about a run of fallbacks.

use js_sys::Function;
use wasm_bindgen::JsValue;
use web_sys::console;

use super::memory::Memory;
use super::page::property;
use super::promise::{settle, spawn};
use super::values::{self, Field::Value};
use crate::json::decimal;
use crate::report::Report;
use crate::text::text;

/// After this many fallbacks in a row, one warning; none until the first choice answers again.
const RUN: u32 = 3;

/// Calls a callback of the page. An error of the callback goes to the console and does not disturb the call.
pub(super) fn notify(name: &'static str, callback: &Function, info: &JsValue) {
    let complain = move |thrown: &JsValue| console::error_2(&text!("failsoft: ", name, " threw").into(), thrown);
    match callback.call1(&JsValue::UNDEFINED, info) {
        Err(thrown) => complain(&thrown),
        Ok(result) if property(&result, "then").is_function() => spawn(async move {
            if let Err(thrown) = settle(Ok(result)).await {
                complain(&thrown);
            }
        }),
        Ok(_) => {}
    }
}

/// Reports a call that succeeded: whether another model than the first answered. `object` is the report in JavaScript.
pub(super) fn report_fallback(memory: &Memory, report: &Report, object: &JsValue, on_fallback: Option<&Function>) {
    let is_fallback = property(object, "fallback").is_truthy();
    let run = if is_fallback { memory.fallbacks_in_a_row.get().saturating_add(1) } else { 0 };
    memory.fallbacks_in_a_row.set(run);
    if !is_fallback {
        return;
    }
    let attempts = property(object, "attempts");
    let first = property(&attempts, "0");
    let cause = property(&first, "failure");
    if let Some(on_fallback) = on_fallback {
        let info = [
            ("requested", Value(property(&property(&first, "models"), "0"))),
            ("model", Value(property(object, "model"))),
            ("cause", Value(cause.clone())),
            ("attempts", Value(attempts)),
        ];
        notify("onFallback", on_fallback, &values::object(&info));
    }
    if run == RUN {
        let runs = decimal(RUN.into());
        let warning = text!("failsoft: a fallback answered ", &runs, " calls in a row; ", &explain(report, &cause));
        console::warn_1(&warning.into());
    }
}

/// Why the first choice did not answer.
fn explain(report: &Report, cause: &JsValue) -> String {
    let [kind, message] = ["kind", "message"].map(|name| property(cause, name).as_string().unwrap_or_default());
    match report.dropped.first() {
        _ if !cause.is_undefined() => text!("the first choice failed with ", &kind, ": ", &message),
        Some(dropped) => text!(&dropped.model, " was left out: ", &dropped.reason),
        None => "OpenRouter fell back by itself".into(),
    }
}
