//! The catalog that this isolate knows: plain data, which outlives a request.

use std::cell::RefCell;

use failsoft::catalog::ModelInfo;
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

/// Keeps what a fetch brought. An empty list does not replace an older one: neither the whole catalog, nor the models that make vectors.
pub(super) fn store(mut catalog: Catalog, mut embedding: Vec<String>) {
    CACHE.with_borrow_mut(|cache| {
        if let Some(fetch) = &mut cache.fetch {
            fetch.is_over = true;
        }
        if catalog.ids().next().is_none() {
            return;
        }
        if embedding.is_empty() {
            embedding = std::mem::take(&mut cache.embedding);
            embedding.retain(|id| catalog.ids().all(|known| known != id));
            let before = embedding.iter().filter_map(|id| cache.catalog.find(id));
            before.for_each(|info| catalog.add(ModelInfo::clone(info)));
        }
        (cache.catalog, cache.embedding) = (catalog, embedding);
    });
}

/// Whether `model` is known to make vectors, and nothing else.
pub(crate) fn embeds(model: &str) -> bool {
    CACHE.with_borrow(|cache| cache.catalog.find(model).is_some_and(|info| cache.embedding.contains(&info.id)))
}

/// Calls `read` with the catalog.
pub(crate) fn with<T>(read: impl FnOnce(&Catalog) -> T) -> T {
    CACHE.with_borrow(|cache| read(&cache.catalog))
}

/// Whether no model is known.
pub(super) fn is_empty() -> bool {
    with(|catalog| catalog.ids().next().is_none())
}

#[cfg(test)]
mod tests {
    use super::{embeds, store, with};
    use failsoft::catalog::ModelInfo;
    use failsoft::{Catalog, Usd};

    fn catalog(models: &[(&str, u64)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (id, price) in models {
            catalog.add(ModelInfo { id: (*id).into(), price: (Some(Usd(*price)), None), ..ModelInfo::default() });
        }
        catalog
    }

    #[test]
    fn a_list_that_a_fetch_did_not_bring_stays_as_it_was() {
        let price = |model: &str| with(|catalog| catalog.find(model)?.price.0);
        store(catalog(&[("a/a", 1), ("e/e", 2)]), vec!["e/e".into()]);
        // The list of models that make vectors did not arrive.
        store(catalog(&[("a/a", 3)]), Vec::new());
        assert_eq!((price("a/a"), price("e/e")), (Some(Usd(3)), Some(Usd(2))));
        // No list arrived.
        store(Catalog::default(), Vec::new());
        assert_eq!((price("a/a"), price("e/e")), (Some(Usd(3)), Some(Usd(2))));
        store(catalog(&[("a/a", 3), ("f/f", 4)]), vec!["f/f".into()]);
        assert_eq!((price("e/e"), price("f/f")), (None, Some(Usd(4))));
    }

    #[test]
    fn a_variant_of_a_model_that_makes_vectors_makes_vectors() {
        store(catalog(&[("a/a", 1), ("e/e", 2), ("e/f:free", 0)]), vec!["e/e".into(), "e/f:free".into()]);
        let known = ["a/a", "a/a:free", "e/e", "e/e:nitro", "e/f:free", "e/f", "e/g"].map(embeds);
        assert_eq!(known, [false, false, true, true, true, false, false]);
    }
}
