//! The upstream's catalog, fetched behind a request, so that no request waits for it.

use failsoft::{Catalog, Dialect, Json, Upstream};
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, RequestInit, Response};

use crate::{host, memory};

/// Milliseconds.
const TIMEOUT: u32 = 10_000;

/// Asks OpenRouter for it, if it is among `upstreams` and that is due. What goes wrong is ignored: the catalog helps, and
/// nothing depends on it.
pub(crate) async fn refresh(upstreams: &[Upstream]) {
    let Some(upstream) = upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter) else { return };
    if !memory::wants_catalog(host::now()) {
        return;
    }
    // Open to all: the key stays here.
    if let Ok(catalog) = get(&[&upstream.url, "/models"].concat()).await {
        memory::keep_catalog(Catalog::read(Json::parse(&catalog).unwrap_or(Json::NULL)));
    }
}

/// The text at `url`; empty, if it is not to be had.
pub(crate) async fn get(url: &str) -> Result<String, JsValue> {
    let init = RequestInit::new();
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    let response: Response = JsFuture::from(host::fetch(url, &init)?).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string();
    Ok(text.filter(|_| response.ok()).unwrap_or_default())
}
