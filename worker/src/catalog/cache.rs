//! The catalog that this isolate knows: plain data, which outlives a request.

use std::cell::RefCell;

use failsoft::{Catalog, Millis};

/// A catalog is fetched again after this time, in milliseconds.
const MAX_AGE: Millis = 10 * 60 * 1_000;

/// An isolate without a catalog tries again after this time, in milliseconds.
const RETRY_AFTER: Millis = 10_000;

#[derive(Default)]
struct Cache {
    catalog: Catalog,
    /// The ids of the models that make vectors.
    embedding: Vec<String>,
    fetch: Option<Fetch>,
}

/// The last fetch.
struct Fetch {
    began: Millis,
    is_over: bool,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// Whether the catalog must be fetched now. Only one caller is told so: the caller who has to fetch.
pub(super) fn claim_fetch(now: Millis) -> bool {
    CACHE.with_borrow_mut(|cache| {
        let age = if cache.catalog.ids().next().is_some() { MAX_AGE } else { RETRY_AFTER };
        let is_due = cache.fetch.as_ref().is_none_or(|fetch| now.saturating_sub(fetch.began) >= age);
        if is_due {
            cache.fetch = Some(Fetch { began: now, is_over: false });
        }
        is_due
    })
}

/// Whether a request of this isolate is fetching the catalog.
pub(super) fn is_fetching() -> bool {
    CACHE.with_borrow(|cache| cache.fetch.as_ref().is_some_and(|fetch| !fetch.is_over))
}

/// Keeps what a fetch brought. An empty catalog does not replace an older one.
pub(super) fn store(catalog: Catalog, embedding: Vec<String>) {
    CACHE.with_borrow_mut(|cache| {
        if let Some(fetch) = &mut cache.fetch {
            fetch.is_over = true;
        }
        if catalog.ids().next().is_some() {
            (cache.catalog, cache.embedding) = (catalog, embedding);
        }
    });
}

/// Whether `model` is known to make vectors, and nothing else.
pub(crate) fn embeds(model: &str) -> bool {
    let base = model.split(':').next().unwrap_or_default();
    CACHE.with_borrow(|cache| cache.embedding.iter().any(|known| known == base))
}

/// Calls `read` with the catalog.
pub(crate) fn with<T>(read: impl FnOnce(&Catalog) -> T) -> T {
    CACHE.with_borrow(|cache| read(&cache.catalog))
}

/// Whether no model is known.
pub(super) fn is_empty() -> bool {
    with(|catalog| catalog.ids().next().is_none())
}
