//! What the edge sends to places of its owner: spans and alerts. Nothing depends on whether it arrives.

use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response};

use crate::config::Target;
use crate::platform::host;

/// Milliseconds.
const TIMEOUT: u32 = 10_000;

/// Posts `body`, JSON, to `target`. What went wrong, without what an answer said.
pub(crate) async fn post(target: &Target, body: &str) -> Result<(), String> {
    match send(target, body).await {
        Ok(status) if (200..300).contains(&status) => Ok(()),
        Ok(status) => Err(format!("status {status}")),
        Err(thrown) => Err(host::message(&thrown)),
    }
}

async fn send(target: &Target, body: &str) -> Result<u16, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    for (name, value) in &target.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    // It may carry a secret.
    init.set_redirect(RequestRedirect::Manual);
    let response: Response = JsFuture::from(host::fetch(&target.url, &init)?).await?.unchecked_into();
    // A body that nobody reads would hold the connection.
    if let Some(body) = response.body() {
        let _ = JsFuture::from(body.cancel()).await;
    }
    Ok(response.status())
}
