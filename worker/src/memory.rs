//! What an isolate remembers between requests: plain data, never a future, a lock or a handle of one request.

use std::cell::RefCell;
use std::sync::Arc;

use failsoft::{Breakers, Call, Catalog, Context, Millis, Outcome, Upstream};

use crate::breakers::{self, Message, onlooker};
use crate::call::admission::AdmittedCall;
use crate::platform::host;

/// The catalog is asked for again after this, in milliseconds.
const CATALOG_AGE: Millis = 10 * 60 * 1_000;

/// An isolate without one asks again after this, in milliseconds.
const LACKING_AGE: Millis = 10_000;

#[derive(Default)]
struct Memory {
    catalog: Catalog,
    /// When it was last asked for, and whether what came of that is known.
    catalog_asked: Option<(Millis, bool)>,
    /// What `/healthz` found out last, and when.
    health: Option<(Millis, Vec<String>)>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// A call, with what is known of the models; and what to tell of it at once.
pub(crate) fn call(ask: &AdmittedCall, upstreams: &Arc<Vec<Upstream>>, now: Millis) -> (Call, Option<Message>) {
    let names = names(ask, upstreams);
    let names = || names.iter().map(String::as_str);
    breakers::with_known(|breakers, local| {
        local.visit(breakers, names(), now);
        let mut seen = if ask.leaves_no_trace { Some(onlooker(breakers, names(), now)) } else { None };
        let call = with_catalog(|catalog| {
            let breakers = seen.as_mut().unwrap_or(breakers);
            let facts = Context { upstreams: Arc::clone(upstreams), catalog, breakers };
            Call::new(ask.request.clone(), Arc::clone(&ask.policy), facts, host::seed(), now)
        });
        (call, local.begun(breakers, names(), now))
    })
}

/// The breakers of all that a call could ask for.
fn names(ask: &AdmittedCall, upstreams: &[Upstream]) -> Vec<String> {
    let models = |upstream: &Upstream| {
        let models = if upstream.models.is_empty() { &ask.request.models } else { &upstream.models };
        models.iter().map(|model| Breakers::name(&upstream.url, model)).collect::<Vec<_>>()
    };
    upstreams.iter().flat_map(models).collect()
}

/// Remembers what a call taught; and what to tell of it.
pub(crate) fn learn(outcome: &Outcome, ask: &AdmittedCall, now: Millis) -> Option<Message> {
    let (model_outcomes, unused) = if ask.leaves_no_trace {
        (&[][..], &[][..])
    } else {
        (&outcome.model_outcomes[..], &outcome.unused_probes[..])
    };
    breakers::with_known(|breakers, local| local.learn(breakers, model_outcomes, unused, &ask.policy.breaker, now))
}

/// It is time to ask for the catalog; says so once.
pub(crate) fn wants_catalog(now: Millis) -> bool {
    MEMORY.with_borrow_mut(|memory| {
        let age = if memory.catalog.ids().next().is_some() { CATALOG_AGE } else { LACKING_AGE };
        let due = memory.catalog_asked.is_none_or(|(asked, _)| now.saturating_sub(asked) >= age);
        if due {
            memory.catalog_asked = Some((now, false));
        }
        due
    })
}

/// Somebody has asked for the catalog, and nothing has come of it yet.
pub(crate) fn awaits_catalog() -> bool {
    MEMORY.with_borrow(|memory| memory.catalog_asked.is_some_and(|(_, over)| !over))
}

/// What came of asking for the catalog. An old one is better than none.
pub(crate) fn keep_catalog(catalog: Catalog) {
    MEMORY.with_borrow_mut(|memory| {
        memory.catalog_asked = memory.catalog_asked.map(|(asked, _)| (asked, true));
        if catalog.ids().next().is_some() {
            memory.catalog = catalog;
        }
    });
}

/// What `look` sees in the catalog.
pub(crate) fn with_catalog<T>(look: impl FnOnce(&Catalog) -> T) -> T {
    MEMORY.with_borrow(|memory| look(&memory.catalog))
}

/// Nothing is known of any model.
pub(crate) fn knows_no_models() -> bool {
    MEMORY.with_borrow(|memory| memory.catalog.ids().next().is_none())
}

/// The ids of all models that are known.
pub(crate) fn known_models() -> Vec<String> {
    MEMORY.with_borrow(|memory| memory.catalog.ids().map(Into::into).collect())
}

/// What was wrong, if that was found out less than `age` ago; else it is time to find out, which is said to one alone.
pub(crate) fn health(now: Millis, age: Millis) -> Option<Vec<String>> {
    MEMORY.with_borrow_mut(|memory| {
        let (asked, problems) = memory.health.as_mut()?;
        if now.saturating_sub(*asked) < age {
            return Some(problems.clone());
        }
        *asked = now;
        None
    })
}

pub(crate) fn keep_health(problems: &[String], now: Millis) {
    MEMORY.with_borrow_mut(|memory| memory.health = Some((now, problems.to_vec())));
}
