//! The functions of the package. `index.d.ts` declares them; each is also a method of a client.
//!
//! `caller` is the error that the call rejects with. JavaScript makes it when the function is called, for its stack.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::client::Client;
use super::error::{ChatError, throw};
use super::fetch;
use super::options::options_of;
use super::stream::ChatStream;
use super::values::stringify;
use crate::Json;
use crate::tokens::Prompt;

/// Sends `messages` to one model, without fallback.
#[wasm_bindgen]
pub fn chat(messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
    // A function on its own remembers nothing: users of a server must not close models for each other.
    Client::default().chat(messages, options, caller)
}

/// Sends `messages` to the models of `options` in order, until one answers. Gives OpenAI's completion object.
#[wasm_bindgen(js_name = chatWithFallback)]
pub fn chat_with_fallback(messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
    Client::default().chat_with_fallback(messages, options, caller)
}

/// As [`chat_with_fallback`], streamed. Settles at the commit point: with a [`ChatStream`], or rejected.
#[wasm_bindgen(js_name = chatStreaming)]
pub fn chat_streaming(messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
    Client::default().chat_streaming(messages, options, caller)
}

/// The reader alone, for a `Response` or a `ReadableStream` that the caller fetched.
#[wasm_bindgen(js_name = parseStream)]
pub fn parse_stream(response: JsValue, caller: Option<ChatError>) -> Result<ChatStream, JsValue> {
    ChatStream::parse(response, caller).map_err(|failure| throw(None, &failure))
}

/// The functions above, with default options.
///
/// # Errors
/// A `ChatError`, if `defaults` is no object.
#[wasm_bindgen(js_name = createClient)]
pub fn create_client(defaults: JsValue) -> Result<Client, JsValue> {
    options_of(defaults).map(Client::new).map_err(|failure| throw(None, &failure))
}

/// A `fetch` whose chat completions go through `client`.
#[wasm_bindgen(js_name = createFetch)]
pub fn create_fetch(client: &Client) -> Function {
    fetch::through(client.clone())
}

/// The tokens of a text or of messages, estimated as `model` counts them.
///
/// # Errors
/// A `ChatError`, if JSON cannot carry `input`.
#[wasm_bindgen(js_name = estimateTokens)]
pub fn estimate_tokens(input: JsValue, model: &str) -> Result<f64, JsValue> {
    let prompt = match input.as_string() {
        Some(text) => Prompt::text(&text),
        None => {
            let json = stringify(&input).map_err(|failure| throw(None, &failure))?;
            Prompt::chat(Json::parse(&json).unwrap_or(Json::NULL), Json::NULL, Json::NULL)
        }
    };
    Ok(prompt.tokens(model) as f64)
}
