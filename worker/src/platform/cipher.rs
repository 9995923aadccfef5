//! Encryption of stored texts, by the platform's WebCrypto: see cipher.js.

use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/platform/cipher.js")]
extern "C" {
    #[wasm_bindgen(js_name = seal)]
    fn start_seal(secret: &str, usage: &str, about: &str, text: &str) -> Promise;

    #[wasm_bindgen(js_name = open)]
    fn start_open(secret: &str, usage: &str, about: &str, sealed: &str) -> Promise;
}

/// Encrypts `text` with the key that is derived from `secret` for the use of this name. `about` is bound to the text: it has to be
/// the same when the text is opened.
pub(crate) async fn seal(secret: &str, usage: &str, about: &str, text: &str) -> Result<JsValue, JsValue> {
    JsFuture::from(start_seal(secret, usage, about, text)).await
}

/// The text that [`seal`] encrypted.
pub(crate) async fn open(secret: &str, usage: &str, about: &str, sealed: &str) -> Option<String> {
    JsFuture::from(start_open(secret, usage, about, sealed)).await.ok()?.as_string()
}
