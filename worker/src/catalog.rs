//! The upstream's catalog, fetched behind a request, so that no request waits for it; but the first of an isolate that needs
//! prices.

use std::pin::pin;
use std::time::Duration;

use failsoft::{Catalog, Dialect, Json, Upstream};
use futures_util::future::select;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, RequestInit, Response};
use worker::Delay;

use crate::{host, memory};

/// Milliseconds.
const TIMEOUT: u32 = 10_000;
/// How long a request waits for it, and how often it looks, in milliseconds.
const WAIT: u64 = 3_000;
const STEP: u64 = 20;

/// Asks OpenRouter for it, if it is among `upstreams` and that is due.
pub(crate) async fn refresh(upstreams: &[Upstream]) {
    if let Some(upstream) = due(upstreams) {
        fetch(upstream).await;
    }
}

/// Waits for it, where there is none yet; a while at most. One request asks, and those that come meanwhile wait: nothing
/// that is under way can be shared between requests.
pub(crate) async fn load(upstreams: &[Upstream]) {
    let due = due(upstreams);
    let come = async {
        let mut waited = 0;
        while waited < WAIT && memory::awaits_catalog() {
            Delay::from(Duration::from_millis(STEP)).await;
            waited += STEP;
        }
    };
    match due {
        Some(upstream) => {
            select(pin!(fetch(upstream)), pin!(come)).await;
        }
        None => come.await,
    }
}

/// Whom to ask for it, if it is time to; says so once.
fn due(upstreams: &[Upstream]) -> Option<&Upstream> {
    let upstream = upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter)?;
    memory::wants_catalog(host::now()).then_some(upstream)
}

/// What goes wrong is ignored: then there are no prices, and what needs one says so.
async fn fetch(upstream: &Upstream) {
    // Open to all: the key stays here.
    let catalog = get(&[&upstream.url, "/models"].concat()).await.unwrap_or_default();
    memory::keep_catalog(Catalog::read(Json::parse(&catalog).unwrap_or(Json::NULL)));
}

/// The text at `url`; empty, if it is not to be had.
pub(crate) async fn get(url: &str) -> Result<String, JsValue> {
    let init = RequestInit::new();
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    let response: Response = JsFuture::from(host::fetch(url, &init)?).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string();
    Ok(text.filter(|_| response.ok()).unwrap_or_default())
}
