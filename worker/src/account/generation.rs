//! Looks up the cost of a request at its upstream: `GET /generation`.

use failsoft::Upstream;

use crate::platform::fetch;

/// Asks the upstream of the request to `url` about the generation `id`. Returns the text of the answer, if there is one.
/// Several upstreams may have that URL, each with a key of its own; then `tries`, the number of earlier tries, selects one.
pub(super) async fn fetch_generation(upstreams: &[Upstream], url: &str, id: &str, tries: u32) -> Option<String> {
    let candidates: Vec<&Upstream> = upstreams.iter().filter(|upstream| is_request_to(upstream, url)).collect();
    let upstream = candidates.get(tries as usize % candidates.len().max(1))?;
    get(upstream, id).await
}

/// Whether a request to `url` goes to `upstream`.
fn is_request_to(upstream: &Upstream, url: &str) -> bool {
    url.strip_prefix(upstream.url.as_str()).is_some_and(|path| path.starts_with('/'))
}

async fn get(upstream: &Upstream, id: &str) -> Option<String> {
    let authorization = upstream.key.as_ref().map(|key| ["Bearer ", key].concat());
    let id = String::from(js_sys::encode_uri_component(id));
    let url = [upstream.url.as_str(), "/generation?id=", &id].concat();
    let mut request = fetch::Request::get(&url).headers(&upstream.headers);
    if let Some(authorization) = &authorization {
        request = request.header("authorization", authorization);
    }
    request.text().await.ok()
}
