//! The shape that the SDK in front of `createFetch` reads.

use wasm_bindgen::JsValue;

use super::page::property;
use crate::Shape;
use crate::text::{cut, find};

/// The shape that the sender of a request to `url` reads. The base URLs of OpenRouter, and of what stands in for it, end
/// with `/api/v1`. OpenAI's package, which names itself in a header, declares the code of an error as a string there, too.
pub(super) fn shape_of(url: &str, headers: &JsValue) -> Shape {
    let header = |name| property(headers, name).as_string();
    let is_openai = header("x-stainless-lang").is_some();
    let is_at_openrouter = || find(cut(url, b'?').0, "/api/v1/").is_some();
    let is_openrouter = || header("user-agent").is_some_and(|agent| find(&agent, "@openrouter/").is_some());
    if !is_openai && (is_at_openrouter() || is_openrouter()) { Shape::OpenRouter } else { Shape::OpenAi }
}
