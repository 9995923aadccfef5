//! `GET /generation` of an upstream: what became of a request, and what it cost.

use failsoft::Upstream;

use crate::platform::fetch;

/// Asks the upstream that was sent to `url` about the generation `id`; the text of its answer, if there is one. Several
/// may have that URL, with a key each: then they are asked in turn, by how often it was tried before.
pub(crate) async fn ask(upstreams: &[Upstream], url: &str, id: &str, times: u32) -> Option<String> {
    let asked: Vec<&Upstream> = upstreams.iter().filter(|upstream| is_of(upstream, url)).collect();
    let upstream = asked.get(times as usize % asked.len().max(1))?;
    get(upstream, id).await
}

/// `url` is one that requests to `upstream` go to.
fn is_of(upstream: &Upstream, url: &str) -> bool {
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
