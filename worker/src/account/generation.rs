//! `GET /generation` of an upstream: what became of a request, and what it cost.

use failsoft::Upstream;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response};

use crate::platform::host;

/// Milliseconds.
const TIMEOUT: u32 = 10_000;

/// Asks the upstream that was sent to `url` about the generation `id`; the text of its answer, if there is one. Several
/// may have that URL, with a key each: then they are asked in turn, by how often it was tried before.
pub(crate) async fn ask(upstreams: &[Upstream], url: &str, id: &str, times: u32) -> Option<String> {
    let asked: Vec<&Upstream> = upstreams.iter().filter(|upstream| is_of(upstream, url)).collect();
    let upstream = asked.get(times as usize % asked.len().max(1))?;
    get(upstream, id).await.ok().flatten()
}

/// `url` is one that requests to `upstream` go to.
fn is_of(upstream: &Upstream, url: &str) -> bool {
    url.strip_prefix(upstream.url.as_str()).is_some_and(|path| path.starts_with('/'))
}

async fn get(upstream: &Upstream, id: &str) -> Result<Option<String>, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &upstream.headers {
        headers.set(name, value)?;
    }
    if let Some(key) = &upstream.key {
        headers.set("authorization", &["Bearer ", key].concat())?;
    }
    let init = RequestInit::new();
    init.set_headers(&headers);
    // A redirect would take the key to whomever it names.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    let id = String::from(js_sys::encode_uri_component(id));
    let url = [upstream.url.as_str(), "/generation?id=", &id].concat();
    let response: Response = JsFuture::from(host::fetch(&url, &init)?).await?.unchecked_into();
    Ok(JsFuture::from(response.text()?).await?.as_string())
}
